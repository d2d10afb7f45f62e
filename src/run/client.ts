import { randomUUID } from 'node:crypto';
import { t } from '@vscode/l10n';
import type { RawData } from 'ws';
import { WebSocket } from 'ws';
import { PlainError, messageOf } from '../common/errors.ts';
import { Mirror } from './client/mirror.ts';
import type { Disposable } from './listeners.ts';
import { Listeners } from './listeners.ts';
import type { CommandName } from './model/events.ts';
import type { ClientMessage, ServerMessage } from './model/stream.ts';
import {
  FRAME_HEADER,
  STREAM_PATH,
  SUBPROTOCOL,
  closeCodes,
  frameOffset,
  serverMessage,
} from './model/stream.ts';
import type { Manifest } from './model/manifest.ts';

export type ClientState =
  | { kind: 'connecting' }
  | { kind: 'connected' }
  /** The connection was lost; another attempt follows by itself. */
  | { kind: 'waiting'; message: string; attempt: number; delayMs: number }
  /** Trying again would not help. */
  | { kind: 'refused'; message: string; next: string }
  /** The engine said that it ends; all it wrote is here. */
  | { kind: 'ended' }
  | { kind: 'disposed' };

/** What became of a command. `unanswered`: it may or may not have taken effect. */
export interface CommandResult {
  outcome: 'applied' | 'refused' | 'unanswered';
  /** A plain sentence. */
  message: string;
}

export interface ClientOptions {
  /** The engine's `http://127.0.0.1:PORT`. */
  url: string;
  token: string;
  /** A directory to copy the run into; null to send commands only. */
  mirror: string | null;
  /** The first pause before another attempt, in ms; it doubles up to 15 s. */
  retryMs?: number;
  /** A server that is silent for so long is gone, though the network has not said so. */
  silenceMs?: number;
}

type CommandArgs = Extract<ClientMessage, { type: 'command' }>['args'];

const RETRY_MS = 250;
/** The server pings every 15 s. */
const SILENCE_MS = 50_000;
const MAX_RETRY_MS = 15_000;
const COMMAND_TIMEOUT_MS = 60_000;
/** Batches can be large; one that is larger than this is none. */
const MAX_PAYLOAD = 1024 * 1024 * 1024;

/**
 * Talks to a running engine: copies its run into a local directory and sends commands. It connects
 * by itself, again and again, from where it was, until the engine ends or it is disposed.
 */
export class RunClient implements Disposable {
  readonly #options: ClientOptions;
  readonly #stateListeners = new Listeners<ClientState>();
  readonly #pending = new Map<string, (result: CommandResult) => void>();
  #state: ClientState = { kind: 'connecting' };
  #manifest: Manifest | null = null;
  #socket: WebSocket | undefined;
  #mirror: Mirror | undefined;
  #attempt = 0;
  #wakeEarly: () => void = () => undefined;
  #stopped: Promise<void>;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#stopped = this.#run();
  }

  get state(): ClientState {
    return this.#state;
  }

  /** The engine's manifest as it last came; null before the first. */
  get manifest(): Manifest | null {
    return this.#manifest;
  }

  onDidChangeState(listener: (state: ClientState) => void): Disposable {
    return this.#stateListeners.add(listener);
  }

  /** Sends a command. Always resolves: with the engine's answer, or saying why there is none. */
  command(
    name: CommandName,
    args: CommandArgs = {},
    timeoutMs = COMMAND_TIMEOUT_MS,
  ): Promise<CommandResult> {
    const socket = this.#socket;
    if (this.#state.kind !== 'connected' || !socket) {
      const message = t('There is no connection to the engine.');
      return Promise.resolve({ outcome: 'unanswered', message });
    }
    const id = randomUUID();
    return new Promise((resolve) => {
      const settle = (result: CommandResult): void => {
        clearTimeout(timer);
        this.#pending.delete(id);
        resolve(result);
      };
      const timer = setTimeout(() => {
        const message = t('The engine gave no answer within {0} s.', timeoutMs / 1000);
        settle({ outcome: 'unanswered', message });
      }, timeoutMs);
      this.#pending.set(id, settle);
      const message: ClientMessage = { type: 'command', id, command: name, args };
      socket.send(JSON.stringify(message));
    });
  }

  /** Closes the connection and the mirror's files; the mirror itself stays. */
  dispose(): void {
    if (this.#isDisposed()) return;
    this.#become({ kind: 'disposed' });
    this.#socket?.terminate();
    this.#wakeEarly();
    this.#stateListeners.clear();
  }

  /** Settles when everything is closed: after the engine's end, a refusal, or `dispose`. */
  get stopped(): Promise<void> {
    return this.#stopped;
  }

  #isDisposed(): boolean {
    return this.#state.kind === 'disposed';
  }

  #become(state: ClientState): void {
    if (this.#isDisposed()) return;
    this.#state = state;
    this.#stateListeners.tell(state);
  }

  async #run(): Promise<void> {
    // Let whoever made the client listen first.
    await Promise.resolve();
    for (;;) {
      if (this.#isDisposed()) return;
      this.#become({ kind: 'connecting' });
      const end = await this.#connection().catch((error: unknown) => endOf(error));
      if (end.kind !== 'waiting') {
        this.#become(end);
        return;
      }
      this.#attempt++;
      const full = (this.#options.retryMs ?? RETRY_MS) * 2 ** Math.min(this.#attempt - 1, 10);
      // Some chance, so that many viewers of one engine don't come back all at once.
      const delayMs = Math.round(Math.min(full, MAX_RETRY_MS) * (0.75 + Math.random() / 2));
      this.#become({ kind: 'waiting', message: end.message, attempt: this.#attempt, delayMs });
      await this.#pause(delayMs);
    }
  }

  async #pause(ms: number): Promise<void> {
    if (this.#isDisposed()) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wakeEarly = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** One connection, from its opening to its end. */
  async #connection(): Promise<End> {
    const { mirror: directory, url, token } = this.#options;
    const mirror = directory === null ? undefined : await Mirror.open(directory);
    this.#mirror = mirror;
    try {
      // Disposed while the mirror was opened: there was no socket yet to close.
      if (this.#isDisposed()) return { kind: 'waiting', message: t('Nobody waits any more.') };
      const address = new URL(STREAM_PATH, url);
      address.protocol = 'ws:';
      const socket = new WebSocket(address, SUBPROTOCOL, {
        headers: { authorization: `Bearer ${token}` },
        maxPayload: MAX_PAYLOAD,
        perMessageDeflate: false,
      });
      this.#socket = socket;
      return await this.#listen(socket, mirror);
    } finally {
      this.#socket = undefined;
      this.#mirror = undefined;
      const message = t('The connection to the engine was lost before it answered.');
      for (const settle of [...this.#pending.values()]) settle({ outcome: 'unanswered', message });
      await mirror?.close();
    }
  }

  async #listen(socket: WebSocket, mirror: Mirror | undefined): Promise<End> {
    let work: Promise<void> = Promise.resolve();
    let failure: End | undefined;
    const silenceMs = this.#options.silenceMs ?? SILENCE_MS;
    const silence = setTimeout(() => {
      const message = t('The engine gave no sign of life for {0} s.', silenceMs / 1000);
      failure = { kind: 'waiting', message };
      socket.terminate();
    }, silenceMs);
    socket.on('ping', () => void silence.refresh());
    const end = await new Promise<End>((resolve) => {
      let refusal: End | undefined;
      socket.on('open', () => {
        const subscribe: ClientMessage | undefined = mirror && {
          type: 'subscribe',
          ...mirror.offsets,
        };
        if (subscribe) socket.send(JSON.stringify(subscribe));
        this.#become({ kind: 'connected' });
      });
      socket.on('unexpected-response', (_request, response) => {
        refusal = refusalOf(response.statusCode ?? 0);
        response.resume();
        socket.terminate();
      });
      socket.on('error', (error) => (refusal ??= endOf(error)));
      socket.on('message', (data: RawData, isBinary: boolean) => {
        silence.refresh();
        // One message at a time: the network waits while the disk is written.
        socket.pause();
        work = work
          .then(() => (failure ? undefined : this.#message(data, isBinary)))
          .catch((error: unknown) => {
            failure ??= endOf(error);
            socket.terminate();
          })
          .finally(() => socket.resume());
      });
      socket.on('close', (code, reason) => resolve(refusal ?? closeEnd(code, reason.toString())));
    });
    clearTimeout(silence);
    await work;
    return failure ?? end;
  }

  async #message(data: RawData, isBinary: boolean): Promise<void> {
    this.#attempt = 0;
    const bytes = Array.isArray(data) ? Buffer.concat(data) : new Uint8Array(data);
    if (isBinary) {
      await this.#mirror?.rollouts(frameOffset(bytes), bytes.subarray(FRAME_HEADER));
      return;
    }
    await this.#text(serverMessage.parse(JSON.parse(new TextDecoder().decode(bytes))));
  }

  async #text(message: ServerMessage): Promise<void> {
    switch (message.type) {
      case 'manifest':
        await this.#mirror?.manifest(message.manifest);
        this.#manifest = message.manifest;
        return;
      case 'events':
        await this.#mirror?.events(message.offset, Buffer.from(message.data, message.encoding));
        return;
      case 'answer':
        this.#pending.get(message.id)?.({ outcome: message.outcome, message: message.message });
        return;
      case 'error':
        // The server closes the socket next, with a code that says what kind of error it was.
        return;
    }
  }
}

type End =
  { kind: 'waiting'; message: string } | Extract<ClientState, { kind: 'refused' | 'ended' }>;

function endOf(error: unknown): End {
  if (error instanceof PlainError) {
    return { kind: 'refused', message: error.message, next: error.next };
  }
  return { kind: 'waiting', message: t("The engine can't be reached: {0}.", messageOf(error)) };
}

function refusalOf(status: number): End {
  const next = t('It was probably restarted: open the run again.');
  if (status === 401)
    return { kind: 'refused', message: t('The engine knows another token.'), next };
  const message = t('The engine refused the connection (HTTP {0}).', status);
  return { kind: 'refused', message, next: t('Check the address.') };
}

function closeEnd(code: number, reason: string): End {
  switch (code) {
    case closeCodes.ended:
      return { kind: 'ended' };
    case closeCodes.offset:
      return {
        kind: 'refused',
        message: t("The local copy is ahead of the engine's files: {0}", reason),
        next: t('Remove the copy, and open the run again.'),
      };
    default: {
      const why = reason === '' ? `code ${code}` : reason;
      return { kind: 'waiting', message: t('The connection to the engine was lost ({0}).', why) };
    }
  }
}
