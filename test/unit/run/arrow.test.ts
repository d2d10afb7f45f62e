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
