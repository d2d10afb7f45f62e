import type { SideIndex } from '../../src/views/compare/protocol.ts';
import type { Strip } from '../../src/views/model/shapes.ts';
import type { CompletionsRow, Look } from './pair-rows.ts';
import { plain, type CompareView } from './view.ts';

/** Narrowest cell of a strip, in pixels. */
const CELL = 3;
/** Strips kept at hand: of the rows around which one scrolls. */
const KEPT = 4000;

/** The strips of the completions in sight, asked for once. */
export class Strips {
  readonly #view: CompareView;
  readonly #onChange: () => void;
  readonly #strips = new Map<string, Strip>();
  readonly #asked = new Set<string>();
  #width = 200;
  /** Counts what was thrown away: an answer to an older question is none. */
  #version = 0;

  constructor(view: CompareView, onChange: () => void) {
    this.#view = view;
    this.#onChange = onChange;
  }

  forget(): void {
    this.#version += 1;
    this.#strips.clear();
    this.#asked.clear();
  }

  lookOf(row: CompletionsRow): Look {
    const stride = this.#strideOf(row);
    const stripOf = (side: SideIndex) => {
      const leaf = row.sides[side];
      return leaf === null
        ? null
        : (this.#strips.get(this.#nameOf(side, leaf.segment_id, stride)) ?? null);
    };
    const signed = this.#view.colour === 'advantage';
    return { strips: [stripOf(0), stripOf(1)], stride, signed };
  }

  /** `width`: of a strip, in pixels. */
  async fetch(rows: readonly CompletionsRow[], pair: number, width: number): Promise<void> {
    this.#width = Math.max(CELL, width);
    if (this.#strips.size > KEPT) this.forget();
    const wanted = Map.groupBy(
      rows.flatMap((row) => [this.#missing(row, 0), this.#missing(row, 1)]).flat(),
      ({ side, key, stride }) => JSON.stringify([side, key, stride]),
    );
    await Promise.all([...wanted.values()].map((group) => this.#ask(group, pair)));
  }

  #missing(row: CompletionsRow, side: SideIndex) {
    const leaf = row.sides[side];
    const stride = this.#strideOf(row);
    if (leaf === null) return [];
    const name = this.#nameOf(side, leaf.segment_id, stride);
    if (this.#asked.has(name)) return [];
    this.#asked.add(name);
    return [{ side, key: row.keys[side], stride, segment_id: leaf.segment_id }];
  }

  async #ask(
    group: readonly {
      side: SideIndex;
      key: CompletionsRow['keys'][0];
      stride: number;
      segment_id: number;
    }[],
    pair: number,
  ): Promise<void> {
    const [one] = group;
    if (one === undefined) return;
    const { side, key, stride } = one;
    const version = this.#version;
    const mode = this.#view.colour;
    const segment_ids = group.map(({ segment_id }) => segment_id).slice(0, 500);
    try {
      const strips = await this.#view.channel.request('strips', {
        pair,
        side,
        key,
        segment_ids,
        mode,
        stride,
      });
      if (version !== this.#version) return;
      for (const strip of strips)
        this.#strips.set(this.#nameOf(side, strip.segment_id, stride), strip);
      this.#onChange();
    } catch (error) {
      this.#view.say(plain(error).message);
    }
  }

  #nameOf(side: SideIndex, segment_id: number, stride: number): string {
    const { pair } = this.#view.state.query;
    return `${pair} ${side} ${segment_id} ${stride} ${this.#view.colour}`;
  }

  #strideOf({ extent }: CompletionsRow): number {
    return Math.max(1, Math.ceil((extent * CELL) / this.#width));
  }
}
