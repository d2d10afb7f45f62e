/** What happened that parts of the view may care about. */
export type Change =
  'header' | 'list' | 'selection' | 'tree' | 'path' | 'cursor' | 'colour' | 'layout';

/** Gathers changes, so that everybody hears of them together, before the next frame is painted. */
export class Changes {
  readonly #listeners: ((changes: ReadonlySet<Change>) => void)[] = [];
  readonly #pending = new Set<Change>();
  readonly #told: () => void;
  #scheduled = false;

  /** @param told after all listeners have heard */
  constructor(told: () => void) {
    this.#told = told;
  }

  listen(listener: (changes: ReadonlySet<Change>) => void): void {
    this.#listeners.push(listener);
  }

  add(changes: readonly Change[]): void {
    for (const change of changes) this.#pending.add(change);
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      const pending = new Set(this.#pending);
      this.#pending.clear();
      for (const listener of this.#listeners) listener(pending);
      this.#told();
    });
  }
}
