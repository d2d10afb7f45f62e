import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { strategyDefaults, type RecordedSegment } from '../../../../src/strategy/index.ts';
import type { RecordedPrompts } from '../../../../src/views/recipe/recorded.ts';
import { histogram, whatIf } from '../../../../src/views/recipe/what-if.ts';

function root(segment: number, max_prob: number[]): RecordedSegment {
  return {
    segment,
    parent: null,
    fork_at: 0,
    attempt: 0,
    length: max_prob.length,
    status: 'complete',
    reward: 1,
    failure_point: null,
    failure_max_prob: null,
    failure_entropy: null,
    max_prob,
    entropy: max_prob.map((p) => 1 - p),
  };
}

const recorded = (prompts: RecordedSegment[][]): RecordedPrompts => ({
  directory: '/runs/a',
  name: 'a',
  own: strategyDefaults,
  prompts,
  recorded: prompts.length,
  firstStep: 1,
  lastStep: 1,
});

const parameters = {
  ...strategyDefaults,
  min_prefix_length: 1,
  num_generations: 4,
  num_roots: 2,
};

test('shares, the middle failure, and what is saved', () => {
  const found = whatIf(
    recorded([
      [root(0, [0.9, 0.9, 0.5, 0.9]), root(1, [0.9, 0.9, 0.9, 0.9])],
      [root(2, [0.1, 0.5, 0.5, 0.9]), root(3, [0.9, 0.9, 0.9, 0.5])],
    ]),
    parameters,
  );
  assert.equal(found.tokenShare, 4 / 16);
  assert.equal(found.rolloutShare, 3 / 4);
  assert.equal(found.medianFailure, 2);
  assert.equal(found.replay.unshared, 32);
  const shared = found.replay.forks.reduce((sum, fork) => sum + fork, 0);
  assert.equal(found.savedShare, shared / 32);
});

test('nothing recorded: no share at all', () => {
  assert.deepEqual(whatIf(recorded([]), parameters), {
    replay: {
      tokens: 0,
      triggered: 0,
      rollouts: 0,
      first_failures: [],
      forks: [],
      generated: 0,
      unshared: 0,
    },
    tokenShare: null,
    rolloutShare: null,
    medianFailure: null,
    savedShare: null,
  });
});

test('the same recipe says the same twice, chance or not', () => {
  const prompts = recorded([[root(0, [0.9, 0.5, 0.5, 0.9]), root(1, [0.9, 0.9, 0.9, 0.9])]]);
  const random = { ...parameters, fork_policy: 'random' as const };
  assert.deepEqual(whatIf(prompts, random), whatIf(prompts, random));
});

test('a histogram holds every value once, in bins of one width', () => {
  assert.deepEqual(histogram([], 4), []);
  assert.deepEqual(histogram([7], 4), [{ from: 7, to: 7, count: 1 }]);
  fc.assert(
    fc.property(
      fc.array(fc.nat(5000), { minLength: 1 }),
      fc.integer({ min: 1, max: 20 }),
      (values, most) => {
        const bins = histogram(values, most);
        assert.ok(bins.length <= most);
        assert.equal(
          bins.reduce((sum, { count }) => sum + count, 0),
          values.length,
        );
        for (const { from, to, count } of bins) {
          assert.equal(values.filter((value) => value >= from && value <= to).length, count);
        }
      },
    ),
  );
});
