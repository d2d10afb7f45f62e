import * as tokenizers from '@huggingface/tokenizers';
import { z } from 'zod';
import { PlainError } from '../../common/errors.ts';
import { codePoints, decodeBytes, tokenBytes } from './token-bytes.ts';

/** The part of the library used here: its own declarations don't resolve in a Node ES module. */
interface Library {
  encode(text: string): { ids: unknown[] };
  decode(ids: readonly number[]): string;
  id_to_token(id: number): string | undefined;
  token_to_id(token: string): number | undefined;
  get_vocab(): Map<string, number>;
}
const LibraryTokenizer = z
  .custom<new (json: object, config: object) => Library>((value) => typeof value === 'function')
  .parse(tokenizers.Tokenizer);

const decoderSchema: z.ZodType<{ type: string; decoders?: { type: string }[] | undefined }> =
  z.looseObject({
    type: z.string(),
    decoders: z.array(z.looseObject({ type: z.string() })).optional(),
  });

const fileSchema = z.looseObject({
  model: z.looseObject({ type: z.string().optional(), unk_token: z.string().nullish() }),
  normalizer: z.unknown(),
  decoder: decoderSchema.nullish(),
  added_tokens: z
    .array(z.looseObject({ id: z.number(), content: z.string(), special: z.boolean().optional() }))
    .default([]),
});

/** Text, and where each token ends in it, in Unicode code points. */
export interface TokenTexts {
  text: string;
  token_ends: Int32Array;
}

/**
 * A Hugging Face tokenizer. Special tokens (the end of text, say) have no text of their own.
 */
export class Tokenizer {
  readonly #library: Library;
  readonly #special: ReadonlySet<number>;
  readonly #added: ReadonlyMap<number, string>;
  readonly #kind: 'bytes' | 'joined' | 'other';
  readonly #unknown: number | null;
  readonly #normalises: boolean;
  /** One more than the largest token id. */
  readonly size: number;

  /**
   * @param json parsed `tokenizer.json`
   * @param config parsed `tokenizer_config.json`
   * @param file named in errors
   */
  constructor(json: unknown, config: unknown, file: string) {
    const parsed = fileSchema.safeParse(json);
    if (!parsed.success)
      throw new PlainError(
        `${file} is not a tokenizer: ${parsed.error.issues[0]?.message ?? 'no model in it'}.`,
        'Copy or download the checkpoint again.',
      );
    try {
      this.#library = new LibraryTokenizer(parsed.data, z.looseObject({}).catch({}).parse(config));
    } catch (cause) {
      throw new PlainError(
        `${file} describes a tokenizer that can't be read.`,
        'Choose a checkpoint with a BPE, WordPiece or Unigram tokenizer.',
        { cause },
      );
    }
    const { added_tokens, decoder, model, normalizer } = parsed.data;
    const unknown = model.unk_token ?? null;
    this.#unknown = unknown === null ? null : (this.#library.token_to_id(unknown) ?? null);
    this.#normalises = normalizer !== null && normalizer !== undefined;
    this.#special = new Set(added_tokens.filter((t) => t.special === true).map((t) => t.id));
    this.#added = new Map(added_tokens.map((t) => [t.id, t.content]));
    this.#kind = decoderKind(decoder ?? null);
    this.size = [...this.#library.get_vocab().values()].reduce((a, b) => Math.max(a, b), -1) + 1;
  }

  /**
   * Token ids of a text.
   *
   * @throws PlainError where a character is not in the vocabulary: a model can't answer what it
   * never gets to see
   */
  encode(text: string): Int32Array {
    if (text === '') return new Int32Array();
    const ids = z.array(z.number().int()).safeParse(this.#library.encode(text).ids);
    if (!ids.success || this.#loses(text, ids.data))
      throw new PlainError(
        `The tokenizer can't write ${JSON.stringify(text.slice(0, 80))}.`,
        "Use characters that are in the model's vocabulary.",
      );
    return Int32Array.from(ids.data);
  }

  decode(ids: ArrayLike<number>): string {
    return this.decodeWithEnds(ids).text;
  }

  /**
   * The tokens' text and where each ends in it. A token that holds only part of a character ends
   * before it, the one that completes the character after it. Bytes that never become a
   * character are U+FFFD.
   */
  decodeWithEnds(ids: ArrayLike<number>): TokenTexts {
    const list = Array.from(ids);
    switch (this.#kind) {
      case 'bytes':
        return decodeBytes(list.map((id) => this.#bytes(id)));
      case 'joined': {
        const texts = list.map((id) => this.#plain(id) ?? '');
        let end = 0;
        const token_ends = Int32Array.from(texts, (text) => (end += codePoints(text)));
        return { text: texts.join(''), token_ends };
      }
      case 'other':
        return this.#byPrefixes(list);
    }
  }

  /** Whether characters became the unknown token, or nothing at all. */
  #loses(text: string, ids: readonly number[]): boolean {
    if (this.#unknown !== null && ids.includes(this.#unknown)) return true;
    if (this.#kind !== 'joined' || this.#normalises) return false;
    const written = ids.map((id) => this.#library.id_to_token(id) ?? '').join('');
    return written.length < text.length;
  }

  #bytes(id: number): Uint8Array {
    const added = this.#added.get(id);
    const plain = this.#plain(id);
    if (plain === null) return new Uint8Array();
    return added === undefined ? tokenBytes(plain) : new TextEncoder().encode(plain);
  }

  /** The token as the vocabulary spells it; null where it has no text. */
  #plain(id: number): string | null {
    return this.#special.has(id) ? null : (this.#library.id_to_token(id) ?? null);
  }

  /**
   * For decoders that change a token's text by its neighbours: a token ends where decoding up to
   * it agrees with decoding everything.
   */
  #byPrefixes(ids: readonly number[]): TokenTexts {
    const decode = (some: readonly number[]) => {
      const shown = some.filter((id) => this.#plain(id) !== null);
      return shown.length === 0 ? '' : this.#library.decode(shown);
    };
    const text = decode(ids);
    const whole = Array.from(text);
    let end = 0;
    const token_ends = Int32Array.from(ids, (_, i) => {
      const part = Array.from(i === ids.length - 1 ? text : decode(ids.slice(0, i + 1)));
      let same = 0;
      while (same < part.length && part[same] === whole[same]) same++;
      return (end = Math.max(end, same));
    });
    return { text, token_ends };
  }
}

function decoderKind(
  decoder: { type: string; decoders?: { type: string }[] | undefined } | null,
): 'bytes' | 'joined' | 'other' {
  const types = decoder === null ? [] : (decoder.decoders ?? [decoder]).map(({ type }) => type);
  if (types.length === 1 && types[0] === 'ByteLevel') return 'bytes';
  return types.length === 1 && types[0] === 'Fuse' ? 'joined' : 'other';
}
