/**
 * Where sliders stand that are being moved, and what is being typed: shown, not yet written. The
 * file may change at any moment, and a live run tells something new each second; neither may take
 * the slider out of the hand that moves it, nor the words from whoever writes them.
 */
export class Previews {
  readonly #texts = new Map<string, string>();
  #moving: string | null = null;

  /** What is shown for a key whose text in the file is `written`. */
  textOf(key: string, written: string): string {
    return this.#texts.get(key) ?? written;
  }

  move(key: string, text: string): void {
    this.#moving = key;
    this.#texts.set(key, text);
  }

  /** The hand let go: what was chosen stays in view until the file says it too. */
  release(): void {
    this.#moving = null;
  }

  /** The file was told anew: only what is still being moved differs from it. */
  settle(): void {
    for (const key of this.#texts.keys()) if (key !== this.#moving) this.#texts.delete(key);
  }

  /** The file keeps what it says. */
  clear(): void {
    this.#moving = null;
    this.#texts.clear();
  }
}
