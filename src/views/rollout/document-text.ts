/** A place in a document as VS Code counts: lines, and UTF-16 units in them, from 0. */
export interface Place {
  line: number;
  character: number;
}

export interface Span {
  start: Place;
  end: Place;
}

/** What VS Code breaks lines at, whatever the text's own line breaks are; not U+2028. */
const LINE_BREAK = /\r\n|\r|\n/g;
const BYTE_ORDER_MARK = '\ufeff';

/**
 * A text, and where its characters are once VS Code holds it. VS Code makes all line breaks of a
 * document alike and drops a byte order mark at its start, so that offsets in its own text say
 * nothing about ours; lines and characters do.
 */
export class DocumentText {
  readonly text: string;
  /** Offsets where lines begin, and where their text ends, before the line break. */
  readonly #starts: number[];
  readonly #ends: number[] = [];

  constructor(text: string) {
    this.text = text;
    this.#starts = [text.startsWith(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0];
    for (const match of text.matchAll(LINE_BREAK)) {
      this.#ends.push(match.index);
      this.#starts.push(match.index + match[0].length);
    }
    this.#ends.push(text.length);
  }

  get lines(): number {
    return this.#starts.length;
  }

  /** Of a line, without its line break. */
  lineText(line: number): string {
    return this.text.slice(this.#starts[line], this.#ends[line]);
  }

  /** An offset within a line break is the end of its line. */
  placeAt(offset: number): Place {
    const line = lastAtMost(this.#starts, offset);
    const start = this.#starts[line] ?? 0;
    const end = this.#ends[line] ?? start;
    return { line, character: Math.max(0, Math.min(offset, end) - start) };
  }

  /** A place outside the text is the nearest one in it. */
  offsetAt({ line, character }: Place): number {
    if (line < 0) return this.#starts[0] ?? 0;
    if (line >= this.lines) return this.text.length;
    const start = this.#starts[line] ?? 0;
    return Math.min(start + Math.max(0, character), this.#ends[line] ?? start);
  }

  /** From one offset to another. */
  span(from: number, to: number): Span {
    return { start: this.placeAt(from), end: this.placeAt(to) };
  }
}

/** The index of the last of the rising `values` that is at most `wanted`, or 0. */
export function lastAtMost(values: ArrayLike<number>, wanted: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] ?? 0) <= wanted) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}
