import type { RawData, WebSocket } from 'ws';
import { messageOf } from '../../common/errors.ts';
import type { ClientMessage, ServerMessage } from '../model/stream.ts';
import { clientMessage, closeCodes } from '../model/stream.ts';
import { Viewer } from './viewer.ts';

export type Command = Extract<ClientMessage, { type: 'command' }>;

export interface CommandAnswer {
  outcome: 'applied' | 'refused';
  /** A plain sentence. */
  message: string;
}

/** A client has little to say: a command with a handful of recipe keys. */
const MAX_MESSAGE = 64 * 1024;
/** The library cuts larger frames off without a word, so its limit is above ours. */
export const MAX_FRAME = 1024 * 1024;
/** Commands of one client that wait for their answer, or whose answer it has not read. */
const MAX_PENDING = 64;

/** One client's socket: reads its messages, and is dropped when it gives no sign of life. */
export class Connection {
  readonly #directory: string;
  readonly #socket: WebSocket;
  readonly #onCommand: (command: Command) => Promise<CommandAnswer>;
  #viewer: Viewer | undefined;
  #pending = 0;
  #heard = true;
  #progress = { frames: 0, waiting: 0 };

  constructor(
    directory: string,
    socket: WebSocket,
    onCommand: (command: Command) => Promise<CommandAnswer>,
  ) {
    this.#directory = directory;
    this.#socket = socket;
    this.#onCommand = onCommand;
    // The library closes the socket itself, with the right code.
    socket.on('error', () => undefined);
    socket.on('pong', () => (this.#heard = true));
    socket.on('ping', (data: Buffer) => {
      // One that pings and never reads would have the answers pile up.
      if (socket.bufferedAmount < MAX_MESSAGE) socket.pong(data);
    });
    socket.on('message', (data: RawData, isBinary: boolean) => {
      this.#heard = true;
      const message = parse(data, isBinary);
      if (typeof message === 'string') this.#turnAway(message);
      else if (message.type === 'command') void this.#command(message);
      else this.#subscribe(message);
    });
  }

  notify(): void {
    this.#viewer?.notify();
  }

  /** Sends what is left and closes. */
  end(): void {
    if (this.#viewer) this.#viewer.end();
    else this.#socket.close(closeCodes.ended, 'The engine ends.');
  }

  /** Asks whether the client is still there; drops it when it gave no sign since last time. */
  beat(): void {
    const frames = this.#viewer?.frames ?? 0;
    const waiting = this.#socket.bufferedAmount;
    const took = frames > this.#progress.frames || waiting < this.#progress.waiting;
    this.#progress = { frames, waiting };
    if (!this.#heard && !took) {
      this.#socket.terminate();
      return;
    }
    this.#heard = false;
    this.#socket.ping();
  }

  #turnAway(message: string): void {
    this.#say({ type: 'error', message });
    this.#socket.close(closeCodes.message, message);
  }

  #subscribe(offsets: { events: number; rollouts: number }): void {
    if (this.#viewer) {
      this.#turnAway('This connection has subscribed already.');
      return;
    }
    this.#viewer = new Viewer(this.#directory, this.#socket, offsets);
    void this.#viewer.run();
  }

  async #command(command: Command): Promise<void> {
    if (++this.#pending > MAX_PENDING) {
      this.#socket.terminate();
      return;
    }
    const answer = await this.#onCommand(command).catch((error: unknown) => ({
      outcome: 'refused' as const,
      message: messageOf(error),
    }));
    this.#say({ type: 'answer', id: command.id, ...answer }, () => this.#pending--);
  }

  #say(message: ServerMessage, taken: () => void = () => undefined): void {
    if (this.#socket.readyState === this.#socket.OPEN) {
      this.#socket.send(JSON.stringify(message), taken);
    }
  }
}

/** A client's message, or a plain sentence saying why it is none. */
function parse(data: RawData, isBinary: boolean): ClientMessage | string {
  if (isBinary) return 'Messages to the engine are text.';
  const bytes = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(new Uint8Array(data));
  if (bytes.length > MAX_MESSAGE) return `A message may have ${MAX_MESSAGE} bytes at most.`;
  try {
    const message = clientMessage.safeParse(JSON.parse(bytes.toString('utf8')));
    if (message.success) return message.data;
    const where = message.error.issues[0]?.path.join('.') ?? '';
    return `The message is not one of ours (${where === '' ? 'type' : where}).`;
  } catch {
    return 'The message is not valid JSON.';
  }
}
