/** Keys of lists and trees, as VS Code's own have them. */

export type Move = 'up' | 'down' | 'first' | 'last' | 'page-up' | 'page-down';

const moves: Record<string, Move> = {
  ArrowUp: 'up',
  ArrowDown: 'down',
  Home: 'first',
  End: 'last',
  PageUp: 'page-up',
  PageDown: 'page-down',
};

export function moveOf(event: KeyboardEvent): Move | null {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return null;
  return moves[event.key] ?? null;
}

/** Where a move leads in a list of `count` rows; from nowhere (−1) to its first or last. */
export function moved(index: number, move: Move, count: number, page: number): number {
  const targets: Record<Move, number> = {
    up: index < 0 ? count - 1 : index - 1,
    down: index + 1,
    first: 0,
    last: count - 1,
    'page-up': index - page,
    'page-down': index + page,
  };
  return Math.max(0, Math.min(count - 1, targets[move]));
}

const PAUSE_MS = 800;

/** Collects what is typed in a row; a pause starts anew. */
export class TypeAhead {
  #typed = '';
  #last = 0;

  /** Whether a key would add to what is being typed, instead of meaning something by itself. */
  typing(event: KeyboardEvent): boolean {
    return this.#typed !== '' && event.timeStamp - this.#last <= PAUSE_MS;
  }

  /**
   * The index of the next row whose text starts with what was typed, or −1. `null`: the key types
   * nothing.
   */
  find(event: KeyboardEvent, texts: (index: number) => string | null, from: number, count: number) {
    if (event.key.length !== 1 || event.ctrlKey || event.metaKey || event.altKey) return null;
    const now = event.timeStamp;
    const anew = !this.typing(event);
    if (anew && event.key === ' ') return null;
    this.#typed = (anew ? '' : this.#typed) + event.key.toLowerCase();
    this.#last = now;
    // The same letter again goes on to the next row; a longer word may stay where it is.
    const start = this.#typed.length === 1 ? from + 1 : from;
    for (let i = 0; i < count; i++) {
      const index = (start + i + count) % count;
      if (texts(index)?.toLowerCase().startsWith(this.#typed) === true) return index;
    }
    return -1;
  }
}
