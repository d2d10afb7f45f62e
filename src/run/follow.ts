import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import type { Disposable } from './listeners.ts';

/** Ways of noticing that a directory's files grew, without ever touching them. */

/**
 * Calls `look` soon after something in `directory` changed, at least every `everyMs` (network file
 * systems report nothing), never twice at once, and at most once in `restMs`. `look` must not
 * reject. `now()` asks for a look at once.
 */
export class Follower implements Disposable {
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
    this.#everyMs = options.everyMs;
    this.#restMs = options.restMs;
    try {
      this.#watcher = watch(directory, { persistent: false }, () => this.now());
      // A directory that goes away, or a limit on watches: polling goes on.
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch {
      this.#watcher = undefined;
    }
    this.#schedule(this.#everyMs());
  }

  now(): void {
    this.#schedule(this.#restMs);
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
    if (this.#running) {
      // What was just reported may have come too late for the look that is under way.
      this.#again = true;
      return;
    }
    this.#running = true;
    do {
      this.#again = false;
      await this.#look();
    } while (this.#isDueAgain());
    this.#running = false;
    this.#schedule(this.#everyMs());
  }

  #isDueAgain(): boolean {
    return this.#again && !this.#disposed;
  }

  dispose(): void {
    this.#disposed = true;
    clearTimeout(this.#timer);
    this.#watcher?.close();
  }
}
