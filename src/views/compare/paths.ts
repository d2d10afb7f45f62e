import { pathTokens } from '../../compare/align.ts';
import type { SegmentSummary, SegmentTokens } from '../../run/model/segment.ts';
import { utf16Ends } from '../model/text.ts';
import type { RunSource } from '../model/source.ts';
import { pathOf } from '../model/tree.ts';

/** Completions as tokens: which there are, and what they read. */

export interface PathText {
  ids: Int32Array;
  /** What the token at a position reads; '' after the last one. */
  textAt(position: number): string;
}

/** Completions kept at hand: a tree's worth for each of the prompts in sight. */
const KEPT = 256;

/** Reads the completions of one run; a read that fails is not kept. */
export class PathTexts {
  readonly #source: RunSource;
  readonly #read = new Map<number, Promise<PathText>>();

  constructor(source: RunSource) {
    this.#source = source;
  }

  async read(segments: readonly SegmentSummary[], leaf: number): Promise<PathText> {
    const known = this.#read.get(leaf);
    if (known !== undefined) return await known;
    const path = pathOf(segments, leaf);
    const reading = Promise.all(path.map(({ segment_id }) => this.#source.tokens(segment_id))).then(
      (tokens) => pathText(path, tokens),
    );
    this.#read.set(leaf, reading);
    for (const oldest of this.#read.keys()) {
      if (this.#read.size <= KEPT) break;
      this.#read.delete(oldest);
    }
    try {
      return await reading;
    } catch (error) {
      this.#read.delete(leaf);
      throw error;
    }
  }
}

function pathText(path: readonly SegmentSummary[], tokens: readonly SegmentTokens[]): PathText {
  const parts = path.map(({ fork_at }, i) => ({
    fork_at,
    token_ids: tokens[i]?.token_ids ?? new Int32Array(),
  }));
  return {
    ids: pathTokens(parts),
    textAt: (position) => {
      // The last segment that begins at or before it: those above end where it forks.
      const index = path.findLastIndex(({ fork_at }) => fork_at <= position);
      const own = tokens[index];
      return own === undefined ? '' : tokenText(own, position - (path[index]?.fork_at ?? 0));
    },
  };
}

/** A token without text of its own is only part of a character: ''. */
function tokenText({ text, token_ends }: SegmentTokens, index: number): string {
  if (index >= token_ends.length) return '';
  const ends = utf16Ends(text, token_ends.subarray(0, index + 1));
  return text.slice(index === 0 ? 0 : ends[index - 1], ends[index]);
}
