import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { t } from '@vscode/l10n';
import { z } from 'zod';
import { PlainError, messageOf } from '../common/errors.ts';
import { failedLine, readyLine } from '../run/model/stream.ts';
import type { ReadyLine } from '../run/model/stream.ts';
import type { LaunchedRun, ProcessEnd } from './target.ts';

const firstWord = z.discriminatedUnion('type', [readyLine, failedLine]);

/** More than this without a line is no engine of ours. */
const MAX_LINE = 1_000_000;
/** A process that was asked to end gets this long before it is killed. */
const GRACE_MS = 3000;

/** A spawned engine. What it prints besides its one JSON line is ignored, and never blocks it. */
export class EngineProcess implements LaunchedRun {
  readonly ready: Promise<ReadyLine>;
  readonly stopped: Promise<ProcessEnd>;
  readonly #child: ChildProcess;
  readonly #tree: boolean;
  /** What the engine said about why it can't run. */
  #refusal: PlainError | null = null;

  /** `tree`: the process leads a group of its own, whose members end with it. */
  constructor(child: ChildProcess, timeoutMs: number, signal?: AbortSignal, tree = false) {
    this.#child = child;
    this.#tree = tree;
    const failure = new Promise<Error>((resolve) => child.once('error', resolve));
    this.stopped = new Promise((resolve) => {
      // 'close' comes after the last output, so that a `failed` line is read before the end is told.
      child.once('close', (code, killedBy) => resolve({ code, signal: killedBy }));
      // A process that could not be started emits no 'exit'.
      void failure.then(() => {
        if (child.pid === undefined) resolve({ code: null, signal: null });
      });
    });
    this.ready = this.#watch(failure, timeoutMs, signal);
    // Whoever launches may look at `stopped` alone; that must not crash the host.
    this.ready.catch(() => undefined);
  }

  async stop(): Promise<ProcessEnd> {
    const child = this.#child;
    if (child.exitCode === null && child.signalCode === null) {
      this.#kill('SIGTERM');
      const kill = setTimeout(() => this.#kill('SIGKILL'), GRACE_MS);
      void this.stopped.then(() => clearTimeout(kill));
    }
    return this.stopped;
  }

  #kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    const { pid } = this.#child;
    if (this.#tree && pid !== undefined) killTree(pid, signal);
    else this.#child.kill(signal);
  }

  async #watch(
    failure: Promise<Error>,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<ReadyLine> {
    const interruption = new Interruption(timeoutMs, signal);
    try {
      return await Promise.race([
        this.#firstLine(),
        interruption.happened,
        this.#endedEarly(),
        failure.then((cause) => {
          throw new PlainError(
            t('The engine could not be started: {0}', messageOf(cause)),
            t('Look at the log, and check that VS Code may start programs here.'),
            { cause },
          );
        }),
      ]);
    } catch (error) {
      await this.stop();
      throw error;
    } finally {
      interruption.dispose();
    }
  }

  /** Reads stdout until the line that says `ready` or `failed`; never settles without one. */
  #firstLine(): Promise<ReadyLine> {
    return new Promise((resolve, reject) => {
      const stdout = this.#child.stdout;
      if (stdout === null) return;
      let text = '';
      let done = false;
      stdout.setEncoding('utf8');
      stdout.on('error', () => undefined);
      // Keeps draining after the line, so that a full pipe can't stop the engine.
      stdout.on('data', (chunk: string) => {
        if (done) return;
        const lines = (text + chunk).split('\n');
        text = (lines.pop() ?? '').slice(-MAX_LINE);
        for (const line of lines) {
          const word = firstWordOf(line);
          if (word === null) continue;
          done = true;
          text = '';
          if (word.type === 'ready') resolve(word);
          else {
            const refusal = new PlainError(word.message, word.next);
            this.#refusal = refusal;
            // It ends by itself now, and writes to its log first; if not, waiting ends.
            setTimeout(() => reject(refusal), GRACE_MS).unref();
          }
          return;
        }
      });
    });
  }

  async #endedEarly(): Promise<never> {
    const { code, signal } = await this.stopped;
    if (this.#refusal !== null) throw this.#refusal;
    const how = signal === null ? t('exit code {0}', String(code)) : t('signal {0}', signal);
    throw new PlainError(
      t('The engine ended before it was ready ({0}).', how),
      t('Look at the log for what it said.'),
    );
  }
}

/** Ends a process and its group: a launcher of several may leave them behind when killed alone. */
export function killTree(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (process.platform === 'win32') {
    // Windows has no gentle way for a process without a window.
    const taskkill = spawn('taskkill', ['/pid', String(pid), '/t', '/f'], { stdio: 'ignore' });
    taskkill.once('error', () => undefined);
    return;
  }
  try {
    process.kill(-pid, signal);
  } catch {
    // All of them are gone.
  }
}

/** The start was taken back by a person; nothing to report. */
export class CancelledError extends PlainError {
  constructor() {
    super(t('The start was cancelled.'), '');
    this.name = 'CancelledError';
  }
}

/** Rejects when the time is up or the start is taken back. */
class Interruption {
  readonly happened: Promise<never>;
  readonly #dispose = new AbortController();

  constructor(timeoutMs: number, signal?: AbortSignal) {
    const disposed = this.#dispose.signal;
    this.happened = new Promise((_, reject) => {
      const cancel = () => reject(new CancelledError());
      if (signal?.aborted === true) cancel();
      signal?.addEventListener('abort', cancel, { once: true, signal: disposed });
      const timer = setTimeout(() => {
        const seconds = (timeoutMs / 1000).toLocaleString('en');
        const message = t('The engine was not ready after {0} seconds.', seconds);
        reject(new PlainError(message, t('Look at the log for what it was doing.')));
      }, timeoutMs);
      disposed.addEventListener('abort', () => clearTimeout(timer), { once: true });
    });
  }

  dispose(): void {
    this.#dispose.abort();
  }
}

function firstWordOf(line: string): z.infer<typeof firstWord> | null {
  if (!line.trimStart().startsWith('{')) return null;
  try {
    const parsed = firstWord.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
