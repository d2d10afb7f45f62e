import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nearestPairs } from '../../../src/compare/nearest-pairs.ts';

/** What is meant, said with every pair there could be. */
function byTryingAll(left: readonly number[], right: readonly number[]): [number, number][] {
  const all = left.flatMap((x, i) => right.map((y, j) => ({ i, j, distance: Math.abs(x - y) })));
  all.sort((p, q) => p.distance - q.distance);
  const taken = [new Set<number>(), new Set<number>()] as const;
  return all.flatMap(({ i, j }): [number, number][] => {
    if (taken[0].has(i) || taken[1].has(j)) return [];
    taken[0].add(i);
    taken[1].add(j);
    return [[i, j]];
  });
}

test('the pairs are those of trying all, in their order, however many lie at one point', () => {
  const crowded = fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 25 });
  const scattered = fc.array(fc.integer({ min: -1e6, max: 1e6 }), { maxLength: 25 });
  const places = fc.oneof(crowded, scattered);
  fc.assert(
    fc.property(places, places, (left, right) => {
      assert.deepEqual(nearestPairs(left, right), byTryingAll(left, right));
    }),
    { numRuns: 2000 },
  );
});

test('of equally near ones the first of the left, then of the right, is taken', () => {
  assert.deepEqual(nearestPairs([5, 1], [3, 3]), [
    [0, 0],
    [1, 1],
  ]);
  assert.deepEqual(nearestPairs([3], [5, 1]), [[0, 0]]);
});

test('twenty thousand occurrences of one prompt take no more than moments', () => {
  const count = 20_000;
  const left = Array.from({ length: count }, (_, i) => 7 * i);
  const right = Array.from({ length: count }, (_, i) => 5 * i + 3);
  const start = performance.now();
  assert.equal(nearestPairs(left, right).length, count);
  // Trying all 4 × 10⁸ pairs would take minutes and more memory than there is.
  assert.ok(performance.now() - start < 10_000);
});
