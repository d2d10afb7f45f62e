import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlainError } from '../../../src/common/errors.ts';
import type { SegmentRow } from '../../../src/run/model/segment.ts';
import { partsOf } from '../../../src/views/model/path.ts';
import { forkPlace, type ForkedRun } from '../../../src/views/fork/place.ts';
import { Groups } from '../../../src/run/groups.ts';
import { probeOf } from '../../fixtures/probe.ts';
import { manifestOf } from '../../fixtures/run.ts';
import { randomFrom, synthesizeTree } from '../../fixtures/synthesize.ts';

function runOf(rows: readonly SegmentRow[]): ForkedRun {
  const groups = new Groups();
  groups.add(rows);
  return {
    directory: '/nowhere',
    manifest: manifestOf(),
    groups: () => groups.list(),
    tree: (step, prompt_id) => groups.tree(step, prompt_id),
    tokens: (id) => {
      const row = rows.find(({ segment_id }) => segment_id === id);
      return row === undefined ? Promise.reject(new Error('none')) : Promise.resolve(row.tokens);
    },
  };
}

const treeOf = (seed: number) =>
  synthesizeTree(
    { step: 3, prompt_id: 'p', firstId: 0 },
    { tokensPerCompletion: 24, skill: 0.4 },
    randomFrom(seed),
  );

/** Ids of the tokens along a path. */
function idsOf(rows: readonly SegmentRow[], leaf: number): number[] {
  return partsOf(rows, leaf).flatMap(({ segment, from, to }) => {
    const row = rows.find(({ segment_id }) => segment_id === segment.segment_id);
    return Array.from(row?.tokens.token_ids.subarray(0, to - from) ?? []);
  });
}

test('at every token of every path: what is kept is what stands before it', async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const rows = treeOf(seed);
    const run = runOf(rows);
    for (const leaf of rows) {
      const ids = idsOf(rows, leaf.segment_id);
      const end = leaf.status === 'complete' ? ids.length - 1 : ids.length;
      for (let position = 0; position <= end; position++) {
        const place = await forkPlace(run, leaf.segment_id, position);
        assert.deepEqual(Array.from(place.kept.ids ?? []), ids.slice(0, position));
        assert.equal(place.prompt, rows[0]?.prompt);
        assert.equal(place.sampled, ids[position] ?? null);
        // A continuation that hangs there has the same tokens before it.
        const probe = probeOf(place.parent, {
          segment_id: 2 ** 30,
          fork_at: place.fork_at,
          prompt_id: 'p',
        });
        const path = idsOf([...rows, probe], 2 ** 30);
        assert.deepEqual(path, [...ids.slice(0, position), ...probe.tokens.token_ids]);
      }
    }
  }
});

test('a failure point offers what the policy thought there, a token what it might have been', async () => {
  const rows = treeOf(2);
  const cut = rows.find(
    ({ status, failure_top }) => status === 'truncated' && failure_top !== null,
  );
  assert.ok(cut?.failure_point);
  const run = runOf(rows);
  const place = await forkPlace(run, cut.segment_id, cut.failure_point);
  assert.deepEqual(place.alternatives, cut.failure_top);
  assert.equal(place.sampled, null);
  assert.equal(place.parent.segment_id, cut.segment_id);
});

test('after tokens of another vocabulary, only the text is known', async () => {
  const rows = treeOf(1);
  const [root] = rows;
  assert.ok(root);
  const probe = probeOf(root, { segment_id: 2 ** 30, fork_at: 2 });
  const place = await forkPlace(runOf([...rows, probe]), 2 ** 30, 3);
  assert.equal(place.kept.ids, null);
  assert.ok(place.kept.text.endsWith('so'));
  assert.equal(place.texts, probe.tokens.texts);
  assert.equal(place.parent.segment_id, 2 ** 30);
});

test('places that are not there are said so', async () => {
  const rows = treeOf(1);
  const run = runOf(rows);
  const done = rows.find(({ status }) => status === 'complete');
  assert.ok(done);
  const { length } = idsOf(rows, done.segment_id);
  const fails = (id: number, position: number, sentence: RegExp) =>
    assert.rejects(
      forkPlace(run, id, position),
      (error: unknown) => error instanceof PlainError && sentence.test(error.message),
    );
  await fails(done.segment_id, length, /no token \d+ to fork at/);
  await fails(done.segment_id, length + 5, /no token \d+ to fork at/);
  await fails(done.segment_id, -1, /no token -1 to fork at/);
  await fails(999, 0, /no segment 999/);
  const [orphan] = rows.filter(({ parent_id }) => parent_id !== null);
  assert.ok(orphan);
  await assert.rejects(forkPlace(runOf([orphan]), orphan.segment_id, 0), /prompt .* not recorded/);
});
