import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  alignPrompts,
  alignTrees,
  firstDifference,
  pathTokens,
  sortPrompts,
  type AlignedRun,
} from '../../../src/compare/align.ts';
import type { PromptGroup } from '../../../src/run/groups.ts';
import type { SegmentRow, SegmentSummary } from '../../../src/run/model/segment.ts';
import { group as groupRow, row } from '../../fixtures/segments.ts';
import { randomFrom, synthesizeTree } from '../../fixtures/synthesize.ts';

const group = (step: number, prompt: string, patch: Partial<PromptGroup> = {}): PromptGroup =>
  groupRow({ step, prompt_id: prompt, prompt, reward_std: 0, ...patch });

/** A run that samples `tokens` a step. */
const runOf = (tokens: number, ...groups: PromptGroup[]): AlignedRun => ({
  groups,
  steps: Array.from({ length: 50 }, (_, i) => ({
    step: i + 1,
    time: '2026-01-01T00:00:00.000Z',
    metrics: { 'tokens/generated': (i + 1) * tokens },
  })),
});

test('a prompt that comes back is paired with the nearest by tokens, or by step', () => {
  const first = runOf(100, group(4, 'p'));
  const second = runOf(50, group(4, 'p'), group(8, 'p'));
  const steps = (by: 'generated_tokens' | 'step') =>
    alignPrompts(first, second, by).map(({ sides }) => sides.map(({ step }) => step));
  assert.deepEqual(steps('generated_tokens'), [[4, 8]]);
  assert.deepEqual(steps('step'), [[4, 4]]);
});

test('each occurrence is paired once, in the order of the first run', () => {
  const first = runOf(100, group(1, 'a'), group(1, 'b'), group(5, 'a'), group(9, 'c'));
  const second = runOf(100, group(2, 'b'), group(2, 'a'), group(6, 'a'), group(6, 'd'));
  assert.deepEqual(
    alignPrompts(first, second).map(({ prompt, sides }) => [prompt, sides[0].step, sides[1].step]),
    [
      ['a', 1, 2],
      ['b', 1, 2],
      ['a', 5, 6],
    ],
  );
});

test('every occurrence that has a partner is paired, and none twice', () => {
  const occurrence = fc.tuple(fc.integer({ min: 1, max: 50 }), fc.constantFrom('a', 'b', 'c'));
  const run = fc
    .uniqueArray(occurrence, { maxLength: 20, selector: ([step, prompt]) => `${step} ${prompt}` })
    .map((list) => list.sort(([x], [y]) => x - y).map(([step, prompt]) => group(step, prompt)));
  fc.assert(
    fc.property(run, run, (a, b) => {
      const pairs = alignPrompts(runOf(100, ...a), runOf(100, ...b));
      for (const side of [0, 1] as const) {
        assert.equal(new Set(pairs.map(({ sides }) => sides[side])).size, pairs.length);
      }
      const common = ['a', 'b', 'c'].map((prompt) =>
        Math.min(...[a, b].map((list) => list.filter((each) => each.prompt === prompt).length)),
      );
      assert.equal(
        pairs.length,
        common.reduce((total, count) => total + count, 0),
      );
      const back = alignPrompts(runOf(100, ...b), runOf(100, ...a));
      assert.equal(back.length, pairs.length);
    }),
  );
});

test('the same id with another text is another prompt', () => {
  const first = runOf(1, group(1, '1+1=', { prompt_id: 'line 1' }));
  const second = runOf(1, group(1, '2+2=', { prompt_id: 'line 1' }));
  assert.deepEqual(alignPrompts(first, second), []);
});

test('where a run does not count tokens, steps tell the place', () => {
  const first = { ...runOf(100, group(4, 'p')), steps: [] };
  const second = runOf(50, group(4, 'p'), group(8, 'p'));
  const [aligned] = alignPrompts(first, second);
  assert.equal(aligned?.sides[1].step, 4);
  assert.deepEqual(aligned.generated_tokens, [null, 200]);
});

test('won and lost are seen from the second side; half of the completions is right', () => {
  const outcome = (first: number | null, second: number | null) =>
    alignPrompts(
      runOf(1, group(1, 'p', { correct: first })),
      runOf(1, group(1, 'p', { correct: second })),
    )[0]?.outcome;
  assert.equal(outcome(1, 2), 'won');
  assert.equal(outcome(2, 1), 'lost');
  assert.equal(outcome(4, 2), 'both_right');
  assert.equal(outcome(0, 1), 'both_wrong');
  assert.equal(outcome(null, 4), 'unknown');
});

test('sorting by difference puts the largest first, and what has none last', () => {
  const rewards = [0.5, 1, 0, null];
  const first = runOf(1, ...rewards.map((_, i) => group(1, String(i))));
  const second = runOf(1, ...rewards.map((reward_mean, i) => group(1, String(i), { reward_mean })));
  const prompts = alignPrompts(first, second);
  const order = (by: 'training' | 'difference' | 'gain' | 'loss') =>
    sortPrompts(prompts, by).map(({ prompt }) => prompt);
  assert.deepEqual(order('training'), ['0', '1', '2', '3']);
  assert.deepEqual(order('difference'), ['1', '2', '0', '3']);
  assert.deepEqual(order('gain'), ['1', '0', '2', '3']);
  assert.deepEqual(order('loss'), ['2', '0', '1', '3']);
});

const segment = (
  segment_id: number,
  parent_id: number | null,
  patch: Partial<SegmentRow> = {},
): SegmentSummary => row({ segment_id, parent_id, length: 10, ...patch });

test('trees are laid root beside root, and leaves in the order they part', () => {
  const cut = { status: 'truncated', rewards: null, reward: null } as const;
  const baseline = [segment(0, null), segment(1, null, { reward: 0, rewards: { accuracy: 0 } })];
  const adaptive = [
    segment(10, null, { ...cut, length: 5 }),
    segment(11, null, { length: 20 }),
    segment(12, 10, { fork_at: 5, attempt: 2, reward: 0 }),
    segment(13, 10, { fork_at: 5, attempt: 1, length: 7 }),
    segment(14, 11, { fork_at: 9, attempt: 1, reward: null }),
    segment(15, 11, { fork_at: 3, attempt: 1, kind: 'probe' }),
  ];
  const pairs = alignTrees(baseline, adaptive);
  assert.deepEqual(
    pairs.map(({ root, leaves, delta_reward }) => [
      root,
      leaves[0]?.leaf ?? null,
      leaves[1]?.leaf ?? null,
      delta_reward,
    ]),
    [
      [0, 0, 13, 0],
      [0, null, 12, null],
      [1, 1, 11, 1],
      [1, null, 14, null],
    ],
  );
  assert.deepEqual(pairs[0]?.leaves[1]?.path, [10, 13]);
  assert.equal(pairs[0].leaves[1].length, 12);
  assert.equal(pairs[2]?.leaves[0]?.right, false);
});

test('a cut segment from which nothing grew is shown as it stands', () => {
  const stub = segment(0, null, { status: 'truncated', rewards: null, reward: null });
  assert.equal(alignTrees([stub], [])[0]?.leaves[0]?.leaf, 0);
});

test('every completion of a recorded tree is in exactly one pair', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 0, max: 1e6 }), (a, b) => {
      const trees = [a, b].map((seed) =>
        synthesizeTree(
          { step: 1, prompt_id: 'p', firstId: seed },
          { tokensPerCompletion: 40, skill: 0.5 },
          randomFrom(seed),
        ),
      );
      const pairs = alignTrees(trees[0] ?? [], trees[1] ?? []);
      trees.forEach((tree, side) => {
        const shown = pairs.flatMap(({ leaves }) => leaves[side]?.leaf ?? []);
        const answered = tree.filter(({ status }) => status !== 'truncated');
        assert.deepEqual(
          shown.toSorted((x, y) => x - y),
          answered.map(({ segment_id }) => segment_id),
        );
      });
    }),
    { numRuns: 30 },
  );
});

test('the tokens of a path keep of each parent what lies before the fork', () => {
  const path = [
    { fork_at: 0, token_ids: [1, 2, 3, 4] },
    { fork_at: 2, token_ids: Int32Array.of(9, 8) },
    { fork_at: 4, token_ids: [7] },
  ];
  assert.deepEqual([...pathTokens(path)], [1, 2, 9, 8, 7]);
});

test('the first difference is where all before agrees and this does not', () => {
  const tokens = fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 12 });
  fc.assert(
    fc.property(tokens, tokens, (a, b) => {
      const at = firstDifference(a, b);
      assert.equal(at, firstDifference(b, a));
      if (at === null) assert.deepEqual(a, b);
      else {
        assert.deepEqual(a.slice(0, at), b.slice(0, at));
        assert.notEqual(a[at], b[at]);
      }
    }),
  );
});
