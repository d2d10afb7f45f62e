import { resolve } from 'node:path';
import { tokenizerFolders, TokenizerTexts } from '../tokenizer.ts';
import { Vocabulary } from '../model/vocabulary.ts';
import type { StoreChange, RunStore, Disposable } from '../../run/store.ts';
import type { StoreLease, StorePool } from '../../launch/store-pool.ts';

/** A run that rollout documents read from. */
export interface OpenRun {
  readonly store: RunStore;
  readonly vocabulary: Vocabulary;
}

interface Held {
  opening: Promise<OpenRun & { lease: StoreLease; listener: Disposable }>;
  users: number;
}

/** The runs whose rollouts are open as documents: each is held once, with its vocabulary. */
export class RolloutRuns implements Disposable {
  readonly #stores: StorePool;
  readonly #baseModel: string;
  readonly #changed: (directory: string, change: StoreChange) => void;
  readonly #held = new Map<string, Held>();

  /** @param baseModel the folder of the checkpoint that comes with the extension */
  constructor(
    stores: StorePool,
    baseModel: string,
    changed: (directory: string, change: StoreChange) => void,
  ) {
    this.#stores = stores;
    this.#baseModel = baseModel;
    this.#changed = changed;
  }

  /** Does something with a run and lets it go; rejects where it can't be opened. */
  async use<T>(directory: string, work: (run: OpenRun) => Promise<T>): Promise<T> {
    const hold = this.hold(directory);
    try {
      return await work(await hold.run);
    } finally {
      hold.dispose();
    }
  }

  /** Whoever holds a run hears of its changes until it is disposed. */
  hold(directory: string): Disposable & { run: Promise<OpenRun> } {
    const path = resolve(directory);
    const held = this.#held.get(path) ?? { opening: this.#open(path), users: 0 };
    this.#held.set(path, held);
    held.users += 1;
    let released = false;
    const dispose = (): void => {
      if (released) return;
      released = true;
      held.users -= 1;
      if (held.users === 0) this.#close(path, held);
    };
    return { run: held.opening, dispose };
  }

  dispose(): void {
    for (const [path, held] of [...this.#held]) this.#close(path, held);
  }

  async #open(path: string): Held['opening'] {
    const lease = await this.#stores.acquire(path);
    const { store } = lease;
    const texts = new TokenizerTexts();
    const { model } = store.manifest;
    // What alternatives read is nice to know; a rollout doesn't wait for it.
    void tokenizerFolders(path, model, this.#baseModel).then((folders) => texts.read(folders));
    const vocabulary = new Vocabulary((id) => texts.textOf(id));
    const listener = store.onDidChange((change) => this.#changed(path, change));
    return { store, vocabulary, lease, listener };
  }

  #close(path: string, held: Held): void {
    if (this.#held.get(path) === held) this.#held.delete(path);
    void held.opening.then(
      ({ lease, listener }) => {
        listener.dispose();
        lease.dispose();
      },
      // It never opened; whoever asked for it was told.
      () => undefined,
    );
  }
}
