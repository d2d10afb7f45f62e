import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import type { Disposable } from './listeners.ts';

/** Ways of noticing that a directory's files grew, without ever touching them. */

/**
 * Calls `look` soon after something in `directory` changed, at least every `everyMs` (network file
 * systems report nothing), never twice at once, and with a rest of `restMs` between two looks. `look` must not
 * reject. `now()` asks for a look at once.
 */
export class Follower implements Disposable {
  readonly #directory: string;
  readonly #look: () => Promise<void>;
  readonly #everyMs: () => number;
  readonly #restMs: number;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #due = Infinity;
  #running = false;
  #again = false;
  #disposed = false;

  constructor(
    directory: string,
    options: { look: () => Promise<void>; everyMs: () => number; restMs: number },
  ) {
    this.#look = options.look;
    this.#directory = directory;
    this.#everyMs = options.everyMs;
    this.#restMs = options.restMs;
    this.#watch();
    this.#schedule(this.#everyMs());
  }

  now(): void {
    // What is reported during a look may have come too late for it.
    if (this.#running) this.#again = true;
    else this.#schedule(this.#restMs);
  }

  /** There may be no directory yet, or too many watches: polling goes on, and tries again. */
  #watch(): void {
    try {
      const watcher = watch(this.#directory, { persistent: false }, () => this.now());
      watcher.on('error', () => {
        watcher.close();
        if (this.#watcher === watcher) this.#watcher = undefined;
      });
      this.#watcher = watcher;
    } catch {
      this.#watcher = undefined;
    }
  }

  #schedule(delay: number): void {
    if (this.#disposed) return;
    const due = Date.now() + delay;
    if (due >= this.#due) return;
    this.#due = due;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#run(), delay);
    this.#timer.unref();
  }

  async #run(): Promise<void> {
    this.#due = Infinity;
    this.#running = true;
    await this.#look();
    this.#running = false;
    if (this.#disposed) return;
    if (!this.#watcher) this.#watch();
    this.#schedule(this.#again ? this.#restMs : this.#everyMs());
    this.#again = false;
  }

  dispose(): void {
    this.#disposed = true;
    clearTimeout(this.#timer);
    this.#watcher?.close();
  }
}
