import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { before, test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { PlainError } from '../../../../src/common/errors.ts';
import { Tokenizer } from '../../../../src/engine/compute/tokenizer.ts';
import { decodeBytes, tokenBytes } from '../../../../src/engine/compute/token-bytes.ts';
import { oracleFolder, readOracle } from './oracle.ts';

const numbers = z.array(z.number());
let bytes: Tokenizer;

before(async () => {
  const json: unknown = JSON.parse(await readFile(`${oracleFolder}/tied/tokenizer.json`, 'utf8'));
  bytes = new Tokenizer(json, {}, 'tokenizer.json');
});

/** A tokenizer of one kind of decoder over a small vocabulary. */
function small(decoder: object | null, tokens: readonly string[], more: object = {}): Tokenizer {
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const json = {
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder,
    model: { type: 'BPE', vocab, merges: [], ...more },
  };
  return new Tokenizer(json, {}, 'tokenizer.json');
}

test('ids and text are those of the tokenizers library', async () => {
  const schema = z.array(z.object({ text: z.string(), ids: numbers, decoded: z.string() }));
  const cases = await readOracle('tokens.json', schema);
  assert.ok(cases.length >= 6);
  for (const { text, ids, decoded } of cases) {
    assert.deepEqual([...bytes.encode(text)], ids);
    assert.equal(bytes.decode(ids), decoded);
  }
  assert.equal(bytes.encode('').length, 0);
  assert.deepEqual(bytes.decodeWithEnds([]), { text: '', token_ends: new Int32Array() });
});

test('a token that is part of a character ends before it, the last part after it', () => {
  const half = (text: string) =>
    Array.from(new TextEncoder().encode(text), (b) => Uint8Array.of(b));
  assert.deepEqual(
    [...decodeBytes([...half('a🙂'), ...half('é')]).token_ends],
    [1, 1, 1, 1, 2, 2, 3],
  );
  // One token may end a character and begin the next.
  const cut = decodeBytes([
    Uint8Array.of(0xe6, 0x97),
    Uint8Array.of(0xa5, 0xe6),
    Uint8Array.of(0x9c, 0xac),
  ]);
  assert.deepEqual(cut, { text: '日本', token_ends: Int32Array.of(0, 1, 2) });
});

test('what never becomes a character is U+FFFD, and belongs to a token', () => {
  const one = (...values: number[]) => decodeBytes(values.map((value) => Uint8Array.of(value)));
  // Cut short at the end; broken off by another character; a stray continuation; too long a form.
  assert.deepEqual(one(0x61, 0xf0, 0x9f), { text: 'a\ufffd', token_ends: Int32Array.of(1, 1, 2) });
  assert.deepEqual(one(0xe6, 0x97, 0x62), { text: '\ufffdb', token_ends: Int32Array.of(0, 1, 2) });
  assert.deepEqual(one(0x80, 0x62), { text: '\ufffdb', token_ends: Int32Array.of(1, 2) });
  assert.deepEqual(one(0xc0, 0xaf), { text: '\ufffd\ufffd', token_ends: Int32Array.of(1, 2) });
});

test('any bytes cut anywhere decode as the platform decodes them', () => {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  // Bytes that like to meet: leads, continuations, surrogates, the edges of ranges.
  const byte = fc.oneof(
    fc.integer({ min: 0, max: 255 }),
    fc.constantFrom(0xe0, 0xed, 0xf0, 0xf4, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xef, 0xbb),
  );
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 4 }), { maxLength: 12 }), (tokens) => {
      check(tokens);
    }),
  );
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 24 }), (all) => {
      check(all.map((value) => Uint8Array.of(value)));
    }),
    { numRuns: 2000 },
  );
  function check(tokens: readonly Uint8Array[]): void {
    const { text, token_ends } = decodeBytes(tokens);
    const all = Uint8Array.from(tokens.flatMap((token) => [...token]));
    assert.equal(text, decoder.decode(all));
    let before = 0;
    for (const end of token_ends) {
      assert.ok(end >= before);
      before = end;
    }
    if (tokens.length > 0) assert.equal(before, Array.from(text).length);
  }
});

test('every byte has a spelling of its own', () => {
  const spelled = new Set<number>();
  for (let id = 2; id < 258; id++) {
    const text = bytes.decodeWithEnds([id]);
    assert.equal(text.token_ends.length, 1);
  }
  const json =
    '!"#$%&\'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~';
  for (const character of json) spelled.add(tokenBytes(character)[0] ?? -1);
  for (let point = 0xa1; point <= 0xff; point++)
    if (point !== 0xad) spelled.add(tokenBytes(String.fromCodePoint(point))[0] ?? -1);
  for (let point = 0x100; point < 0x144; point++)
    spelled.add(tokenBytes(String.fromCodePoint(point))[0] ?? -1);
  assert.equal(spelled.size, 256);
});

test('special tokens and ids beyond the vocabulary have no text', () => {
  const ids = [...bytes.encode('cat'), 1, 0, 286, 100000];
  const { text, token_ends } = bytes.decodeWithEnds(ids);
  assert.equal(text, 'cat');
  assert.equal(token_ends.length, ids.length);
  assert.ok(token_ends.slice(-4).every((end) => end === 3));
});

test('vocabularies of whole characters join them', () => {
  const chars = small({ type: 'Fuse' }, ['1', '+', '🙂', 'ab']);
  assert.deepEqual(chars.decodeWithEnds([0, 2, 3, 1]), {
    text: '1🙂ab+',
    token_ends: Int32Array.of(1, 2, 4, 5),
  });
});

test('decoders that look at neighbours agree with decoding everything', () => {
  // SentencePiece: ▁ is a space, bytes that are not in the vocabulary are <0xNN>.
  const piece = small(
    {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
    ['▁the', '▁cat', 's', '<0xF0>', '<0x9F>', '<0x99>', '<0x82>'],
    { byte_fallback: true },
  );
  assert.deepEqual(piece.decodeWithEnds([0, 1, 2]), {
    text: 'the cats',
    token_ends: Int32Array.of(3, 7, 8),
  });
  assert.deepEqual(piece.decodeWithEnds([0, 3, 4, 5, 6, 2]), {
    text: 'the🙂s',
    token_ends: Int32Array.of(3, 3, 3, 3, 4, 5),
  });
});

test('what is no tokenizer, and what it cannot write, is said plainly', () => {
  for (const broken of [null, 17, {}, { model: 3 }, { model: { type: 'Nonsense' } }])
    assert.throws(() => new Tokenizer(broken, {}, 'x/tokenizer.json'), {
      name: 'PlainError',
      message: /x\/tokenizer\.json/,
    });
  const digits = small({ type: 'Fuse' }, ['1', '2']);
  assert.deepEqual([...digits.encode('12')], [0, 1]);
  assert.throws(() => digits.encode('1x2'), PlainError);
  const unknown = small({ type: 'Fuse' }, ['1', '2', '?'], { unk_token: '?' });
  assert.deepEqual([...unknown.encode('12')], [0, 1]);
  assert.throws(() => unknown.encode('1é2'), { message: /1é2/ });
});
