import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  packRows,
  paddedLength,
  shareOut,
  unpackValues,
  type PackedRow,
} from '../../../../src/engine/compute/batch.ts';

/** A row whose every number says which row and position it is of. */
function row(index: number, length: number): PackedRow {
  const numbers = Float32Array.from({ length }, (_, i) => 1000 * (index + 1) + i);
  return {
    ids: Int32Array.from(numbers),
    coefficient: numbers,
    advantage: numbers,
    old_logprob: numbers,
    ref_logprob: numbers,
  };
}

const lengths = fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 1, maxLength: 40 });

test('every row is in one chunk, and gets back the values of its own tokens', () => {
  fc.assert(
    fc.property(lengths, (all) => {
      const rows = all.map((length, index) => row(index, length));
      const seen = new Set<number>();
      for (const packed of packRows(rows)) {
        const { ids, targets, coefficient, length } = packed.chunk;
        assert.equal(ids.length, packed.chunk.rows * length);
        // What is returned for a position is what was given for the token after it.
        const values = {
          logprob: coefficient,
          entropy: Float32Array.from(targets),
          best: coefficient,
        };
        unpackValues(packed, values, rows, (index, own) => {
          assert.ok(!seen.has(index));
          seen.add(index);
          const given = rows[index];
          assert.ok(given);
          assert.deepEqual(own.logprob.slice(1), given.coefficient.slice(1));
          assert.deepEqual(own.entropy.slice(1), Float32Array.from(given.ids).slice(1));
          assert.equal(own.logprob[0], 0);
        });
        // Padding has no weight.
        const used = packed.rows.reduce(
          (sum, index) => sum + (index < 0 ? 0 : (rows[index]?.ids.length ?? 0) - 1),
          0,
        );
        assert.equal(coefficient.filter((value) => value !== 0).length, used);
      }
      assert.equal(seen.size, rows.length);
    }),
  );
});

test('shapes come in few sizes', () => {
  const shapes = new Set<string>();
  for (let length = 1; length <= 512; length++)
    for (const { chunk } of packRows([row(0, length)])) {
      assert.ok(chunk.length >= length - 1);
      assert.ok(chunk.rows * chunk.length <= 576);
      shapes.add(`${chunk.rows} × ${chunk.length}`);
    }
  assert.ok(shapes.size <= 30, `${shapes.size} shapes`);
  assert.equal(paddedLength(1), 16);
  assert.equal(paddedLength(129), 144);
});

test('threads get about as much to do, always the same way', () => {
  fc.assert(
    fc.property(lengths, fc.integer({ min: 1, max: 8 }), (all, threads) => {
      const chunks = packRows(all.map((length, index) => row(index, length)));
      const shares = shareOut(chunks, threads);
      assert.equal(shares.length, threads);
      assert.equal(shares.flat().length, chunks.length);
      const costs = shares.map((share) =>
        share.reduce((sum, { chunk }) => sum + chunk.ids.length, 0),
      );
      const largest = Math.max(...chunks.map(({ chunk }) => chunk.ids.length));
      assert.ok(Math.max(...costs) - Math.min(...costs) <= largest);
      assert.deepEqual(shareOut(chunks, threads), shares);
    }),
  );
});
