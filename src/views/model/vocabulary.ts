import type { SegmentTokens } from '../../run/model/segment.ts';
import { utf16Ends } from './text.ts';

/**
 * What token ids read. Rollouts record alternatives by id; most of them were sampled somewhere in
 * the run, where their text stands beside them. For the others a tokenizer helps, if there is one.
 */
export class Vocabulary {
  readonly #texts = new Map<number, string>();
  readonly #decode: (id: number) => string | null;

  /** `decode` answers for ids that were never seen; null where it can't. */
  constructor(decode: (id: number) => string | null = () => null) {
    this.#decode = decode;
  }

  learn(tokens: SegmentTokens): void {
    const { text, token_ids, texts } = tokens;
    // Probes of other servers bring the texts of tokens that the run doesn't have.
    for (const [id, known] of texts ?? []) this.#texts.set(id, known);
    let unknown = false;
    for (const id of token_ids) unknown ||= !this.#texts.has(id);
    if (!unknown) return;
    const ends = utf16Ends(text, tokens.token_ends);
    let from = 0;
    let afterPart = false;
    for (let i = 0; i < token_ids.length; i++) {
      const id = token_ids[i] ?? -1;
      const end = ends[i] ?? from;
      // The token that completes a character is not the whole character.
      if (end > from && !afterPart && !this.#texts.has(id)) {
        this.#texts.set(id, text.slice(from, end));
      }
      afterPart = end === from;
      from = end;
    }
  }

  textOf(id: number): string | null {
    return this.#texts.get(id) ?? this.#decode(id);
  }
}
