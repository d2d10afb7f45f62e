import assert from 'node:assert/strict';
import test from 'node:test';
import { Vector, tableFromIPC } from 'apache-arrow';
import fc from 'fast-check';
import { z } from 'zod';
import { encodeBatch } from '../../../src/run/arrow/encode.ts';

import { readTokenValue, readTokens, tokenValues } from '../../../src/run/arrow/rows.ts';
import { rolloutColumns } from '../../../src/run/arrow/schema.ts';
import type { SegmentRow } from '../../../src/run/model/segment.ts';
import { RolloutsReader } from '../../../src/run/rollouts-reader.ts';
import { bytesSource, encodeFile, readFile } from '../../fixtures/bytes.ts';
import { arbitraryBatches } from '../../fixtures/rows.ts';
import { randomFrom, synthesizeTree } from '../../fixtures/synthesize.ts';

const withoutTokens = (row: SegmentRow): object =>
  Object.fromEntries(Object.entries(row).filter(([name]) => name !== 'tokens'));

const sample = (): SegmentRow[] =>
  synthesizeTree(
    { step: 1, prompt_id: 'p', firstId: 0 },
    { tokensPerCompletion: 60, skill: 0.5 },
    randomFrom(7),
  );

test('what is written is read back: every column of every row', async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryBatches, async (batches) => {
      const bytes = encodeFile(batches);
      const source = bytesSource(bytes);
      const { reader, batches: read } = await readFile(bytes);
      assert.equal(reader.problem, null);
      assert.equal(reader.offset, bytes.length);
      assert.deepEqual(
        read.map((batch) => batch.segments),
        batches.map((batch) => batch.map(withoutTokens)),
      );
      const { layout } = reader;
      assert.ok(layout);
      for (const [i, batch] of batches.entries()) {
        const frame = read[i]?.frame;
        assert.ok(frame);
        for (const [row, { tokens }] of batch.entries()) {
          assert.deepEqual(await readTokens(source, layout, frame, row), tokens);
          for (const name of tokenValues) {
            assert.deepEqual(await readTokenValue(source, layout, frame, row, name), tokens[name]);
          }
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('where a token is a character nothing is said about where it ends', async () => {
  const [row] = sample();
  assert.ok(row);
  const cases = [
    { text: 'a😀b', ends: [1, 2, 3], kept: false },
    { text: 'a😀b', ends: [1, 1, 3], kept: true },
    { text: 'a😀bc', ends: [1, 2, 3], kept: true },
    // Two end tokens, which have no text; and one in the middle.
    { text: 'a😀', ends: [1, 2, 2, 2], kept: false },
    { text: 'ab', ends: [1, 1, 2], kept: true },
    { text: '', ends: [], kept: false },
    { text: '', ends: [0], kept: false },
  ];
  const rows = cases.map(({ text, ends }, segment_id) => {
    const values = new Float32Array(ends.length);
    const tokens = {
      ...row.tokens,
      ...{ text, token_ids: Int32Array.from(ends), token_ends: Int32Array.from(ends) },
      ...{ logprob: values, entropy: values, max_prob: values, advantage: values },
      ...{ ref_logprob: null, train_logprob: null, top: new Map() },
    };
    return { ...row, segment_id, length: ends.length, tokens };
  });
  const bytes = encodeFile([rows]);
  const column = tableFromIPC(bytes).getChild('token_ends');
  assert.deepEqual(
    cases.map((_, i) => column?.get(i) !== null),
    cases.map(({ kept }) => kept),
  );
  const { reader, frames } = await readFile(bytes);
  assert.ok(reader.layout && frames[0]);
  for (const [i, { ends }] of cases.entries()) {
    const back = await readTokens(bytesSource(bytes), reader.layout, frames[0], i);
    assert.deepEqual([...back.token_ends], ends);
  }
});

test('a row that should say where its tokens end, and does not, is damaged', async () => {
  const [row] = sample();
  assert.ok(row);
  const tokens = { ...row.tokens, text: '\u00e9'.repeat(row.length) };
  const token_ends = tokens.token_ids.map((_, i) => i + 1);
  const bytes = encodeFile([[{ ...row, tokens: { ...tokens, token_ends } }]]);
  // One character more than tokens: what the row leaves out is no longer what it means.
  const at = Buffer.from(bytes).indexOf('\u00e9'.repeat(row.length));
  bytes.set([0x78, 0x78], at);
  const { reader, frames } = await readFile(bytes);
  assert.ok(reader.layout && frames[0]);
  await assert.rejects(
    readTokens(bytesSource(bytes), reader.layout, frames[0], 0),
    /does not say where its tokens end/,
  );
});

test("the library's own reader agrees", () => {
  const rows = sample();
  const table = tableFromIPC(encodeFile([rows]));
  assert.equal(table.numRows, rows.length);
  assert.deepEqual(
    table.schema.fields.map((field) => field.name),
    rolloutColumns.map((column) => column.name),
  );
  const texts = table.getChild('text');
  const entropies = table.getChild('entropy');
  rows.forEach((row, i) => {
    assert.equal(texts?.get(i), row.tokens.text);
    const entropy = z.instanceof(Vector).parse(entropies?.get(i));
    assert.deepEqual([...entropy], Array.from(row.tokens.entropy));
  });
});

test('an index reads no value of a token', async () => {
  const rows = sample();
  const bytes = encodeFile([rows]);
  let read = 0;
  const whole = bytesSource(bytes);
  const { reader } = await readFile(bytes);
  const counting = {
    read: (offset: number, length: number) => {
      read += length;
      return whole.read(offset, length);
    },
  };
  const again = new RolloutsReader();
  await again.read(counting, bytes.length);
  assert.equal(again.offset, reader.offset);
  assert.ok(read < 24_000, `read ${read} of ${bytes.length} bytes`);
});

test('a half character and a lone surrogate do not move what follows', async () => {
  const [row] = sample();
  assert.ok(row);
  const tokens = { ...row.tokens, text: 'a\ud83db' };
  const bytes = encodeFile([[{ ...row, tokens }]]);
  const { reader, frames } = await readFile(bytes);
  assert.ok(reader.layout && frames[0]);
  const back = await readTokens(bytesSource(bytes), reader.layout, frames[0], 0);
  assert.equal(back.text, 'a\ufffdb');
  assert.equal(Array.from(back.text).length, Array.from(tokens.text).length);
});

test('rows that contradict themselves are refused when written', () => {
  const [row] = sample();
  assert.ok(row);
  const bad = (patch: Partial<SegmentRow>): (() => void) => {
    return () => void encodeBatch([{ ...row, ...patch }]);
  };
  assert.throws(bad({ length: row.length + 1 }), /token_ids has \d+ values for \d+ tokens/);
  assert.throws(bad({ parent_id: row.segment_id }), /its parent 0 comes after it/);
  const top = new Map([[row.length, { ids: Int32Array.of(1), logprobs: Float32Array.of(-1) }]]);
  assert.throws(bad({ tokens: { ...row.tokens, top } }), /it hasn't got/);
  const uneven = new Map([
    [0, { ids: Int32Array.of(1), logprobs: Float32Array.of(-1) }],
    [1, { ids: Int32Array.of(1, 2), logprobs: Float32Array.of(-1, -2) }],
  ]);
  assert.throws(bad({ tokens: { ...row.tokens, top: uneven } }), /unequally many/);
});
