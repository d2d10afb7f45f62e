import type { PathMark } from '../../src/views/model/shapes.ts';
import { pieces, tokenGroups, type Piece } from '../../src/views/model/text.ts';

/**
 * Breaks a path into lines of one height, so that only the lines in sight have to exist. Pure:
 * widths come from the caller.
 */

/** A stop of the cursor: a token (or the tokens that share a character), or a mark. */
export interface Fragment {
  kind: 'prompt' | 'token' | 'failure' | 'fork' | 'end';
  /**
   * Position of the group's first token; of a mark before token `p`: `p − ½`. A token that is
   * broken over lines has several fragments with one stop.
   */
  stop: number;
  pieces: readonly Piece[];
}

export interface PathLayout {
  lines: readonly (readonly Fragment[])[];
  /** All stops in order, and the line each begins on. */
  stops: Float64Array;
  stopLines: Uint32Array;
  /** Stops of the failure points, in order. */
  failures: readonly number[];
}

export interface LayoutInput {
  prompt: string;
  text: string;
  /** UTF-16 end of each token in `text`. */
  ends: Uint32Array;
  marks: readonly PathMark[];
  /** What ended the path, for the reader; '' for nothing. */
  ending: string;
  width: number;
  whitespace: boolean;
  measure: (text: string) => number;
}

/** What a piece looks like: its text, or a sign for white space. */
export function shown(piece: Piece, whitespace: boolean): string {
  if (piece.kind === 'space') return whitespace ? '·' : ' ';
  if (piece.kind === 'tab') return whitespace ? '→   ' : '    ';
  if (piece.kind === 'newline') return whitespace ? '⏎' : ' ';
  return piece.text;
}

/** What a token without any text of its own looks like. */
const NO_TEXT: Piece = { text: '∅', kind: 'unsafe' };

export const FAILURE_SIGN = '◆';
/** Drawn as an icon this wide. */
export const FORK_WIDTH = 16;

class Lines {
  readonly lines: Fragment[][] = [];
  readonly stops: number[] = [];
  readonly stopLines: number[] = [];
  readonly #input: LayoutInput;
  #line: Fragment[] = [];
  #widths: number[] = [];
  #x = 0;
  /** Where the line may break: the fragment that would go to the next one. */
  #breakAt = 0;
  #afterSpace = false;

  constructor(input: LayoutInput) {
    this.#input = input;
  }

  #width(piece: Piece): number {
    return this.#input.measure(shown(piece, this.#input.whitespace));
  }

  add(kind: Fragment['kind'], stop: number, text: readonly Piece[]): void {
    let parts: Piece[] = [];
    let width = 0;
    let placed = false;
    const place = () => {
      this.#place({ kind, stop, pieces: parts }, width, !placed);
      placed = true;
      parts = [];
      width = 0;
    };
    for (const piece of text) {
      for (const part of this.#fitting(piece)) {
        const more = this.#width(part);
        if (width > 0 && width + more > this.#input.width) place();
        parts.push(part);
        width += more;
      }
      if (piece.kind === 'newline') {
        place();
        this.endLine();
      }
    }
    if (parts.length > 0 || text.length === 0) place();
  }

  /** A piece wider than a line is broken into characters' worth of lines. */
  #fitting(piece: Piece): Piece[] {
    if (piece.kind !== 'text' || this.#width(piece) <= this.#input.width) return [piece];
    const parts: Piece[] = [];
    let text = '';
    let width = 0;
    for (const character of piece.text) {
      const more = this.#input.measure(character);
      if (text !== '' && width + more > this.#input.width) {
        parts.push({ text, kind: 'text' });
        text = '';
        width = 0;
      }
      text += character;
      width += more;
    }
    if (text !== '') parts.push({ text, kind: 'text' });
    return parts;
  }

  #place(fragment: Fragment, width: number, first: boolean): void {
    const startsBlank = fragment.pieces[0]?.kind === 'space' || fragment.pieces[0]?.kind === 'tab';
    if (startsBlank || this.#afterSpace) this.#breakAt = this.#line.length;
    // Twice where what moves to the next line leaves no room there.
    while (this.#x > 0 && this.#x + width > this.#input.width) this.#wrap();
    this.#line.push(fragment);
    this.#widths.push(width);
    this.#x += width;
    const last = fragment.pieces.at(-1)?.kind;
    this.#afterSpace = last === 'space' || last === 'tab';
    if (first && fragment.kind !== 'prompt' && fragment.kind !== 'end') {
      this.stops.push(fragment.stop);
      this.stopLines.push(this.lines.length);
    }
  }

  /** Moves the unfinished word to the next line, unless it fills the line alone. */
  #wrap(): void {
    const keep = this.#breakAt > 0 ? this.#breakAt : this.#line.length;
    const rest = this.#line.splice(keep);
    const widths = this.#widths.splice(keep);
    this.endLine();
    const moved = new Set(rest.map((fragment) => fragment.stop));
    for (let i = this.stops.length - 1; i >= 0 && moved.has(this.stops[i] ?? -1); i--) {
      // A token that began on the line before keeps that line.
      const startsHere = rest.some((fragment) => fragment.stop === this.stops[i]);
      const beganBefore = this.lines.at(-1)?.some((one) => one.stop === this.stops[i]) ?? false;
      if (startsHere && !beganBefore) this.stopLines[i] = this.lines.length;
    }
    this.#line = rest;
    this.#widths = widths;
    this.#x = widths.reduce((sum, width) => sum + width, 0);
  }

  endLine(): void {
    this.lines.push(this.#line);
    this.#line = [];
    this.#widths = [];
    this.#x = 0;
    this.#breakAt = 0;
    this.#afterSpace = false;
  }

  get open(): boolean {
    return this.#line.length > 0;
  }
}

export function layOut(input: LayoutInput): PathLayout {
  const lines = new Lines(input);
  if (input.prompt !== '') {
    for (const text of input.prompt.split('\n')) {
      for (const word of text.match(/\s*\S+|\s+$/gu) ?? []) lines.add('prompt', -1, pieces(word));
      lines.endLine();
    }
  }
  const failures: number[] = [];
  const marks = [...input.marks];
  const addMarks = (before: number) => {
    for (let mark = marks[0]; mark !== undefined && mark.at <= before; mark = marks[0]) {
      marks.shift();
      const stop = mark.at - 0.5;
      if (mark.failure === null) lines.add('fork', stop, []);
      else {
        failures.push(stop);
        lines.add('failure', stop, [{ text: FAILURE_SIGN, kind: 'text' }]);
      }
    }
  };
  const groups = tokenGroups(input.text, input.ends);
  for (let g = 0; g < groups.length; g++) {
    const first = groups[g] ?? 0;
    const last = (groups[g + 1] ?? input.ends.length) - 1;
    addMarks(last);
    const from = first === 0 ? 0 : (input.ends[first - 1] ?? 0);
    // Text that no token claims belongs to the last one, so that nothing is hidden.
    const end = g === groups.length - 1 ? input.text.length : (input.ends[last] ?? from);
    const text = pieces(input.text.slice(from, end));
    lines.add('token', first, text.length === 0 ? [NO_TEXT] : text);
  }
  addMarks(Infinity);
  if (input.ending !== '') {
    lines.add('end', -1, [{ text: ` ${input.ending}`, kind: 'text' }]);
  }
  if (lines.open) lines.endLine();
  return {
    lines: lines.lines,
    stops: Float64Array.from(lines.stops),
    stopLines: Uint32Array.from(lines.stopLines),
    failures,
  };
}

/** Index of the stop that holds `position`: the last one not after it. */
export function stopIndex(layout: PathLayout, position: number): number {
  let low = 0;
  let high = layout.stops.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((layout.stops[middle] ?? 0) <= position) low = middle;
    else high = middle - 1;
  }
  return low;
}
