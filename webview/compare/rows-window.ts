import type { PairQuery, PairRow, PairWindow } from '../../src/views/compare/protocol.ts';

/** Rows asked for at once: more than a screen holds. */
const BLOCK = 100;

/**
 * The rows of a list that the host holds, as far as somebody has looked at them. What is known is
 * shown until the answer to the newest question is there.
 */
export class RowsWindow {
  readonly #ask: (query: PairQuery, from: number, to: number) => Promise<PairWindow | null>;
  readonly #onChange: () => void;
  readonly #onError: (error: unknown) => void;
  readonly #rows = new Map<number, PairRow>();
  #query: PairQuery | null = null;
  #head: Omit<PairWindow, 'rows' | 'from'> | null = null;
  /** Counts questions whose answer would be about another list. */
  #version = 0;
  #fresh = false;
  #asking = false;

  constructor(
    ask: (query: PairQuery, from: number, to: number) => Promise<PairWindow | null>,
    onChange: () => void,
    onError: (error: unknown) => void,
  ) {
    this.#ask = ask;
    this.#onChange = onChange;
    this.#onError = onError;
  }

  /** Null until the first answer, and where the host has no such pair of runs. */
  get head(): Omit<PairWindow, 'rows' | 'from'> | null {
    return this.#head;
  }

  /** Whether a first answer is being waited for. */
  get waiting(): boolean {
    return this.#head === null && this.#asking;
  }

  row(index: number): PairRow | null {
    return this.#rows.get(index) ?? null;
  }

  /** Another list, or the same one after a run has grown. */
  renew(query: PairQuery): void {
    this.#query = query;
    this.#version += 1;
    this.#fresh = false;
  }

  /** Asks for the rows `[from, to)` that aren't here. */
  async need(from: number, to: number): Promise<void> {
    const query = this.#query;
    if (query === null || this.#asking) return;
    const end = Math.min(to, this.#fresh ? (this.#head?.total ?? 0) : to);
    let first = from;
    if (this.#fresh) while (first < end && this.#rows.has(first)) first += 1;
    if (this.#fresh && first >= end) return;
    const version = this.#version;
    this.#asking = true;
    const start = Math.max(0, Math.floor(first / BLOCK) * BLOCK);
    try {
      const answer = await this.#ask(query, start, Math.max(to, start + BLOCK));
      // Of an older question: the newer one is asked now.
      if (version === this.#version) this.#take(answer);
    } catch (error) {
      this.#fresh = true;
      this.#onError(error);
    } finally {
      this.#asking = false;
    }
    this.#onChange();
  }

  #take(answer: PairWindow | null): void {
    if (!this.#fresh) this.#rows.clear();
    this.#fresh = true;
    if (answer === null) {
      this.#head = null;
      return;
    }
    const { rows, from, ...head } = answer;
    this.#head = head;
    rows.forEach((row, i) => this.#rows.set(from + i, row));
  }
}
