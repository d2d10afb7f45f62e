import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isRight,
  pathOf,
  telling,
  treeRows,
  visibleRows,
} from '../../../../src/views/model/tree.ts';
import { cutRow, row, summaries } from '../../../fixtures/segments.ts';

// root 1 is cut at 6: try 1 is cut again at 9 and goes on; try 2 answers wrongly. Root 2 answers.
const segments = summaries([
  cutRow({ segment_id: 10 }),
  row({ segment_id: 11 }),
  cutRow({ segment_id: 12, parent_id: 10, fork_at: 6, failure_point: 12 }),
  row({
    segment_id: 13,
    parent_id: 10,
    fork_at: 6,
    attempt: 2,
    rewards: { accuracy: 0 },
    reward: 0,
  }),
  row({ segment_id: 14, parent_id: 12, fork_at: 12 }),
]);

test('rows come parents first, each subtree in one piece', () => {
  const rows = treeRows(segments);
  assert.deepEqual(
    rows.map(({ segment_id, depth, label }) => [segment_id, depth, label]),
    [
      [10, 1, 'root 1'],
      [12, 2, 'try 1'],
      [14, 3, 'try 1'],
      [13, 2, 'try 2'],
      [11, 1, 'root 2'],
    ],
  );
  assert.deepEqual(
    rows.map(({ position, siblings, children }) => [position, siblings, children]),
    [
      [1, 2, 2],
      [1, 2, 1],
      [1, 1, 0],
      [2, 2, 0],
      [2, 2, 0],
    ],
  );
});

test('a folded row hides all below it and nothing else', () => {
  const rows = treeRows(segments);
  const ids = (folded: number[]) => visibleRows(rows, new Set(folded)).map((r) => r.segment_id);
  assert.deepEqual(ids([]), [10, 12, 14, 13, 11]);
  assert.deepEqual(ids([12]), [10, 12, 13, 11]);
  assert.deepEqual(ids([10]), [10, 11]);
  assert.deepEqual(ids([10, 12]), [10, 11]);
});

test('a segment without its parent is shown as a root instead of being dropped', () => {
  const rows = treeRows(summaries([row({ segment_id: 5, parent_id: 4, fork_at: 3 })]));
  assert.deepEqual(
    rows.map(({ segment_id, depth }) => [segment_id, depth]),
    [[5, 1]],
  );
});

test('a chain of ten thousand resamples does not overflow anything', () => {
  const chain = Array.from({ length: 10_000 }, (_, i) =>
    row({ segment_id: i, parent_id: i === 0 ? null : i - 1, fork_at: i }),
  );
  assert.equal(treeRows(summaries(chain)).length, 10_000);
});

test('right, wrong, or not judged', () => {
  assert.equal(isRight(row({ segment_id: 1 })), true);
  assert.equal(isRight(row({ segment_id: 1, rewards: { accuracy_reward: 0.5 } })), false);
  assert.equal(isRight(row({ segment_id: 1, rewards: { format: 1 } })), null);
  assert.equal(isRight(cutRow({ segment_id: 1 })), null);
});

test('the path to a segment starts at its root', () => {
  assert.deepEqual(
    pathOf(segments, 14).map((segment) => segment.segment_id),
    [10, 12, 14],
  );
  assert.deepEqual(pathOf(segments, 99), []);
});

test('parents that point at themselves or forward end the path', () => {
  const broken = summaries([
    row({ segment_id: 1, parent_id: 1 }),
    row({ segment_id: 2, parent_id: 3 }),
    row({ segment_id: 3, parent_id: 2 }),
  ]);
  assert.deepEqual(
    pathOf(broken, 1).map((one) => one.segment_id),
    [1],
  );
  assert.deepEqual(
    pathOf(broken, 3).map((one) => one.segment_id),
    [2, 3],
  );
});

test('a tree opens at a resample that came out right', () => {
  assert.equal(telling(treeRows(segments))?.segment_id, 14);
  assert.equal(telling(treeRows(summaries([cutRow({ segment_id: 1 })])))?.segment_id, 1);
  assert.equal(telling([]), undefined);
});
