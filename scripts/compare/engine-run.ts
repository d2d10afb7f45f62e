import { spawn, type ChildProcess } from 'node:child_process';
import { EventLog } from '../../src/run/event-log.ts';
import type { Trainer } from '../trainers.ts';

/** How an engine ended. */
export type Ending =
  | { kind: 'finished' }
  /** On request, with a checkpoint. */
  | { kind: 'stopped' }
  /** A plain sentence. */
  | { kind: 'failed'; message: string };

/** Words of an engine that are kept to say why it failed. */
const KEPT = 4000;

/** One run, trained by an engine process of its own. */
export class EngineRun {
  readonly stopped: Promise<Ending>;
  readonly #child: ChildProcess;
  readonly #log: EventLog;
  #asked = false;

  constructor(directory: string, { file, args, environment }: Trainer, more: readonly string[]) {
    this.#log = new EventLog(directory);
    this.#child = spawn(file, [...args, ...more], {
      // What it says of its progress is in the run directory; here it would only fill a pipe.
      stdio: ['ignore', 'ignore', 'pipe'],
      windowsHide: true,
      env: { ...process.env, ...environment },
    });
    let words = '';
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-KEPT);
    });
    const ended = new Promise<{ code: number | null; failure: string | null }>((resolve) => {
      this.#child.once('error', (error) => resolve({ code: null, failure: error.message }));
      this.#child.once('close', (code) => resolve({ code, failure: null }));
    });
    this.stopped = ended.then(({ code, failure }): Ending => {
      if (failure !== null) return { kind: 'failed', message: failure };
      if (code === 0) return this.#asked ? { kind: 'stopped' } : { kind: 'finished' };
      if (this.#asked) return { kind: 'stopped' };
      const said = words.trim().replaceAll(/\s*\n\s*/g, ' ');
      const how = `The engine ended with ${code === null ? 'a signal' : `exit code ${code}`}.`;
      return { kind: 'failed', message: said === '' ? how : said };
    });
  }

  /** The newest step's metrics; null while there is none. */
  async progress(): Promise<{ step: number; metrics: Readonly<Record<string, number>> } | null> {
    await this.#log.refresh().catch(() => undefined);
    return this.#log.steps.at(-1) ?? null;
  }

  /** Asks it to end after its step, with a checkpoint; `force` doesn't wait for that. */
  stop(force: boolean): Promise<Ending> {
    this.#asked = true;
    // On Windows the console tells it of Ctrl-C by itself, and a signal would kill it at once.
    if (force) this.#child.kill('SIGKILL');
    else if (process.platform !== 'win32') this.#child.kill('SIGINT');
    return this.stopped;
  }
}
