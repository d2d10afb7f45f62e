/** Whoever makes one disposes it. */
export interface Disposable {
  dispose(): void;
}

/** Those who want to hear of something. One that throws keeps nobody else from hearing it. */
export class Listeners<T> {
  readonly #listeners = new Set<(value: T) => void>();

  add(listener: (value: T) => void): Disposable {
    // Wrapped, so that one function added twice is two listeners.
    const own = (value: T): void => listener(value);
    this.#listeners.add(own);
    return { dispose: () => void this.#listeners.delete(own) };
  }

  tell(value: T): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(value);
      } catch (error) {
        process.emitWarning(error instanceof Error ? error : String(error));
      }
    }
  }

  clear(): void {
    this.#listeners.clear();
  }
}
