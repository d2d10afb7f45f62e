import { resolve } from 'node:path';
import { RunStore } from '../run/store.ts';
import type { Disposable } from '../run/store.ts';

/** A view's hold on an open run. */
export interface StoreLease extends Disposable {
  readonly store: RunStore;
}

interface Held {
  store: Promise<RunStore>;
  leases: number;
  closing: NodeJS.Timeout | null;
}

/** A run that nobody looks at stays open this long: switching tabs must not read it again. */
const LINGER_MS = 10_000;

/** Opens each run directory once, however many views look at it. */
export class StorePool implements Disposable {
  readonly #held = new Map<string, Held>();
  readonly #open: (directory: string) => Promise<RunStore>;
  readonly #lingerMs: number;

  constructor(
    open: (directory: string) => Promise<RunStore> = (directory) => RunStore.open(directory),
    lingerMs = LINGER_MS,
  ) {
    this.#open = open;
    this.#lingerMs = lingerMs;
  }

  /** Rejects with a `PlainError` where there is no run that can be read; then nothing is held. */
  async acquire(directory: string): Promise<StoreLease> {
    const path = resolve(directory);
    let held = this.#held.get(path);
    if (held === undefined) {
      held = { store: this.#open(path), leases: 0, closing: null };
      this.#held.set(path, held);
    }
    const mine = held;
    mine.leases += 1;
    if (mine.closing !== null) clearTimeout(mine.closing);
    mine.closing = null;
    let released = false;
    const dispose = (): void => {
      if (released) return;
      released = true;
      mine.leases -= 1;
      if (mine.leases > 0) return;
      mine.closing = setTimeout(() => this.#close(path, mine), this.#lingerMs);
    };
    try {
      return { store: await mine.store, dispose };
    } catch (error) {
      if (this.#held.get(path) === mine) this.#held.delete(path);
      throw error;
    }
  }

  dispose(): void {
    for (const [path, held] of [...this.#held]) this.#close(path, held);
  }

  #close(path: string, held: Held): void {
    if (held.closing !== null) clearTimeout(held.closing);
    if (this.#held.get(path) === held) this.#held.delete(path);
    void held.store.then(
      (store) => store.dispose(),
      () => undefined,
    );
  }
}
