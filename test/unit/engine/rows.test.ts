import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { GeneratedSegment } from '../../../src/engine/compute/index.ts';
import { completionRows } from '../../../src/engine/rows.ts';
import { creditGroup, strategyDefaults } from '../../../src/strategy/index.ts';
import type { SegmentStatus } from '../../../src/strategy/index.ts';

interface Shape {
  parent: number | null;
  fork_at: number;
  length: number;
  status: SegmentStatus;
  temperature?: number;
  reward?: number | null;
}

/** Segment `i` has the tokens `100 i, 100 i + 1, …`, so that a path shows where it comes from. */
function segments(shapes: readonly Shape[]): (GeneratedSegment & { reward: number | null })[] {
  return shapes.map((shape, i) => {
    const count = { length: shape.length };
    return {
      tree: 0,
      segment: i,
      parent: shape.parent,
      fork_at: shape.fork_at,
      attempt: shape.parent === null ? 0 : 1,
      temperature: shape.temperature ?? 1,
      status: shape.status,
      trigger: null,
      failure_point: null,
      failure_max_prob: null,
      failure_entropy: null,
      failure_top: null,
      token_ids: Int32Array.from(count, (_, k) => 100 * i + k),
      logprob: new Float32Array(shape.length).fill(-1),
      train_logprob: new Float32Array(shape.length).fill(-2),
      entropy: new Float32Array(shape.length),
      max_prob: new Float32Array(shape.length),
      top: new Map(),
      reward: shape.status === 'truncated' ? null : (shape.reward ?? 0),
    };
  });
}

function rowsOf(shapes: readonly Shape[]) {
  const all = segments(shapes);
  const trees = all.map((each) => ({ ...each, length: each.token_ids.length }));
  const credits = creditGroup(trees, strategyDefaults, 'none');
  const scored = new Set(
    all
      .filter(({ status, reward }) => status !== 'truncated' && reward !== null)
      .map(({ segment }) => segment),
  );
  const rows = completionRows(Int32Array.of(1, 2), all, credits, scored, 1);
  return { rows, credits };
}

test('without forks a row is a root, whole, on-policy and of weight 1', () => {
  const { rows } = rowsOf([
    { parent: null, fork_at: 0, length: 3, status: 'complete', reward: 1 },
    { parent: null, fork_at: 0, length: 2, status: 'length', reward: 0 },
  ]);
  assert.deepEqual(
    rows.map((row) => [...row.completion_ids]),
    [
      [0, 1, 2],
      [100, 101],
    ],
  );
  for (const row of rows) {
    assert.deepEqual(new Set(Array.from(row.weight)), new Set([1]));
    assert.equal(row.behaviour_logprob, null);
    assert.equal(row.mass, 1);
  }
  assert.deepEqual(Array.from(rows[0]?.advantage ?? []), [0.5, 0.5, 0.5]);
});

test('a cut prefix is in both rows, and trained in the first alone', () => {
  const { rows } = rowsOf([
    { parent: null, fork_at: 0, length: 2, status: 'truncated' },
    { parent: null, fork_at: 0, length: 4, status: 'complete', reward: 0 },
    { parent: 0, fork_at: 2, length: 3, status: 'complete', reward: 1, temperature: 1.2 },
    { parent: 0, fork_at: 2, length: 1, status: 'complete', reward: 0, temperature: 1.44 },
  ]);
  assert.deepEqual(
    rows.map((row) => [...row.completion_ids]),
    [
      [100, 101, 102, 103],
      [0, 1, 200, 201, 202],
      [0, 1, 300],
    ],
  );
  assert.deepEqual(Array.from(rows[1]?.weight ?? []), [1, 1, 0.5, 0.5, 0.5]);
  assert.deepEqual(Array.from(rows[2]?.weight ?? []), [0, 0, 0.5]);
  assert.deepEqual(Array.from(rows[1]?.behaviour_logprob ?? []), [-1, -1, -1, -1, -1]);
  assert.equal(rows[0]?.behaviour_logprob, null);
  assert.deepEqual(
    rows.map(({ mass }) => mass),
    [1, 0.5, 0.5],
  );
});

test('a fork in the middle of a finished root takes only what is before it', () => {
  const { rows } = rowsOf([
    { parent: null, fork_at: 0, length: 5, status: 'complete', reward: 1 },
    { parent: 0, fork_at: 2, length: 2, status: 'complete', reward: 0 },
  ]);
  assert.deepEqual(
    rows.map((row) => [...row.completion_ids]),
    [
      [0, 1, 2, 3, 4],
      [0, 1, 100, 101],
    ],
  );
  assert.deepEqual(Array.from(rows[0]?.weight ?? []), [1, 1, 0.5, 0.5, 0.5]);
  assert.deepEqual(Array.from(rows[1]?.weight ?? []), [0, 0, 0.5, 0.5]);
});

test('a completion nobody can score is no row', () => {
  const shapes: Shape[] = [
    { parent: null, fork_at: 0, length: 2, status: 'complete', reward: 1 },
    { parent: null, fork_at: 0, length: 2, status: 'complete', reward: null },
  ];
  const all = segments(shapes).map((each, i) => ({ ...each, reward: i === 0 ? 1 : null }));
  const trees = all.map((each) => ({ ...each, length: 2 }));
  const credits = creditGroup(trees, strategyDefaults, 'none');
  assert.equal(completionRows(Int32Array.of(1), all, credits, new Set([0]), 1).length, 1);
});

/** Any tree that a plan could ask for: cut segments go on, whole ones may be forked. */
const anyTree = fc
  .array(fc.record({ pick: fc.nat(), length: fc.integer({ min: 1, max: 6 }), cut: fc.boolean() }), {
    minLength: 1,
    maxLength: 14,
  })
  .map((draws) => {
    const shapes: Shape[] = [];
    for (const { pick, length, cut } of draws) {
      const status = cut ? ('truncated' as const) : ('complete' as const);
      const parent = pick % (shapes.length + 1);
      const from = shapes[parent];
      if (from === undefined) shapes.push({ parent: null, fork_at: 0, length, status });
      else {
        const kept = from.status === 'truncated' ? from.length : 1 + (pick % from.length);
        shapes.push({ parent, fork_at: from.fork_at + kept, length, status, reward: pick % 2 });
      }
    }
    // Every chain of cut segments ends in an answer.
    shapes.forEach(({ status, fork_at, length }, i) => {
      const goesOn = shapes.some((child) => child.parent === i);
      if (status === 'truncated' && !goesOn) {
        shapes.push({ parent: i, fork_at: fork_at + length, length: 1, status: 'complete' });
      }
    });
    return shapes;
  });

test('each token that is worth something is trained exactly once', () => {
  fc.assert(
    fc.property(anyTree, (shapes) => {
      const { rows, credits } = rowsOf(shapes);
      const total = credits.reduce((sum, { weight }) => sum + weight.reduce((a, b) => a + b, 0), 0);
      const inRows = rows.reduce(
        (sum, { weight }) => sum + Array.from(weight).reduce((a, b) => a + b, 0),
        0,
      );
      assert.ok(Math.abs(total - inRows) < 1e-9);
      for (const row of rows) {
        assert.equal(row.parts[0]?.from, 0);
        row.parts.slice(1).forEach((part, i) => assert.equal(part.from, row.parts[i]?.to));
      }
    }),
    { numRuns: 500 },
  );
});
