import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  findFailure,
  RolloutPlan,
  strategyDefaults,
  type SegmentRequest,
  type StrategyParameters,
} from '../../../src/strategy/index.ts';
import {
  mergeReplays,
  replayTree,
  unsurePlaces,
  type RecordedSegment,
} from '../../../src/strategy/replay.ts';
import { generator } from './rollout.ts';

/** A policy that is unsure as a table of random numbers says; the same prefix, the same doubt. */
function record(parameters: StrategyParameters, seed: number): RecordedSegment[] {
  const random = generator(seed);
  const plan = new RolloutPlan(parameters, 1, random);
  const segments: RecordedSegment[] = [];
  const waiting = plan.start();
  /** What the policy thinks at a fork: what was seen there before. */
  const doubtAt = ({ parent, fork_at }: SegmentRequest): number | null => {
    const from = parent === null ? undefined : segments[parent];
    if (from === undefined) return null;
    return from.failure_point === fork_at
      ? from.failure_max_prob
      : (from.max_prob[fork_at - from.fork_at] ?? null);
  };
  for (let request = waiting.shift(); request !== undefined; request = waiting.shift()) {
    const { segment, parent, fork_at, attempt, watch_from } = request;
    const length = 1 + Math.floor(random() * 30);
    const max_prob = Array.from({ length }, () => 1 - random() ** 3);
    max_prob[0] = doubtAt(request) ?? max_prob[0] ?? 1;
    const entropy = max_prob.map((p) => 3 * (1 - p));
    const failure =
      watch_from === null ? null : findFailure(max_prob, entropy, fork_at, watch_from, parameters);
    const kept = failure === null ? length : failure.failure_point - fork_at;
    const recorded: RecordedSegment = {
      segment,
      parent,
      fork_at,
      attempt,
      length: kept,
      status: failure === null ? 'complete' : 'truncated',
      reward: failure === null ? Math.round(random()) : null,
      failure_point: failure?.failure_point ?? null,
      failure_max_prob: failure === null ? null : (max_prob[kept] ?? null),
      failure_entropy: failure === null ? null : (entropy[kept] ?? null),
      max_prob: max_prob.slice(0, kept),
      entropy: entropy.slice(0, kept),
    };
    segments[segment] = recorded;
    waiting.push(...plan.finished({ ...recorded, max_prob, entropy }));
  }
  return segments;
}

const thresholds = fc.record({
  uncertainty_threshold: fc.double({ min: 0, max: 1, noNaN: true }),
  entropy_threshold: fc.double({ min: 0, max: 3, noNaN: true }),
  min_prefix_length: fc.nat(20),
  max_resamples_per_prefix: fc.integer({ min: 1, max: 4 }),
  num_generations: fc.integer({ min: 2, max: 8 }),
});
const parametersOf = (changes: Partial<StrategyParameters>): StrategyParameters => {
  const all = { ...strategyDefaults, ...changes };
  return { ...all, num_roots: Math.max(2, Math.floor(all.num_generations / 2)) };
};
const never = () => assert.fail('nothing here is random');

test('with its own thresholds a run reproduces its failure points', () => {
  fc.assert(
    fc.property(thresholds, fc.nat(), (changes, seed) => {
      const parameters = parametersOf(changes);
      const segments = record(parameters, seed);
      assert.deepEqual(
        unsurePlaces(segments, parameters).map(({ segment, position }) => [segment, position]),
        segments
          .filter(({ status }) => status === 'truncated')
          .map(({ segment, failure_point }) => [segment, failure_point]),
      );
      const replay = replayTree(segments, parameters, never);
      const firsts = segments
        .filter(({ parent, status }) => parent === null && status === 'truncated')
        .map(({ failure_point }) => failure_point);
      assert.deepEqual(replay.first_failures, firsts);
    }),
    { numRuns: 500 },
  );
});

test('a branch is sampled from where it leaves, and what it shares is saved', () => {
  fc.assert(
    fc.property(thresholds, thresholds, fc.nat(), (own, other, seed) => {
      const parameters = parametersOf({ ...other, num_generations: own.num_generations });
      const replay = replayTree(record(parametersOf(own), seed), parameters, never);
      const shared = replay.forks.reduce((sum, fork) => sum + fork, 0);
      assert.equal(replay.unshared - replay.generated, shared);
      assert.ok(replay.triggered <= replay.tokens);
      assert.ok(replay.first_failures.length <= replay.rollouts);
      assert.ok(replay.forks.length <= parameters.num_generations - parameters.num_roots);
    }),
    { numRuns: 500 },
  );
});

test('lower thresholds never trigger more often', () => {
  fc.assert(
    fc.property(
      thresholds,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.nat(),
      (own, by, seed) => {
        const segments = record(parametersOf(own), seed);
        const strict = parametersOf(own);
        const mild = { ...strict, uncertainty_threshold: strict.uncertainty_threshold * by };
        assert.ok(unsurePlaces(segments, mild).length <= unsurePlaces(segments, strict).length);
      },
    ),
  );
});

/** Two completions of four tokens; the first is unsure at 1 and 3, the second nowhere. */
const recorded: RecordedSegment[] = [
  [0.9, 0.5, 0.9, 0.6],
  [0.9, 0.9, 0.9, 0.9],
].map((max_prob, segment) => ({
  segment,
  parent: null,
  fork_at: 0,
  attempt: 0,
  length: 4,
  status: 'complete',
  reward: segment,
  failure_point: null,
  failure_max_prob: null,
  failure_entropy: null,
  max_prob,
  entropy: max_prob.map((p) => 1 - p),
}));

const settings: StrategyParameters = {
  ...strategyDefaults,
  min_prefix_length: 0,
  num_generations: 4,
  num_roots: 2,
};

test('a baseline run says what the strategy would have done', () => {
  assert.deepEqual(replayTree(recorded, settings, never), {
    tokens: 8,
    triggered: 2,
    rollouts: 2,
    first_failures: [1],
    // Both branches leave at 1: the place at 3 is reached when they are given away already.
    forks: [1, 1],
    generated: 14,
    unshared: 16,
  });
});

test('the strategy off: nothing triggers, nothing is shared', () => {
  const replay = replayTree(recorded, { ...settings, use_token_adaptive: false }, never);
  assert.partialDeepStrictEqual(replay, { triggered: 0, first_failures: [], forks: [] });
  assert.equal(replay.generated, 16);
  assert.equal(replay.unshared, 16);
});

test('forks at the most unsure tokens of finished rollouts', () => {
  const replay = replayTree(
    recorded,
    { ...settings, fork_policy: 'top_entropy', fork_spacing: 1 },
    never,
  );
  assert.deepEqual(replay.forks, [1, 3]);
  assert.equal(replay.generated, 12);
});

test('nothing recorded, nothing said; several prompts are added up', () => {
  const none = replayTree([], settings, never);
  assert.deepEqual(none, mergeReplays([]));
  const one = replayTree(recorded, settings, never);
  const two = mergeReplays([one, one]);
  assert.equal(two.tokens, 16);
  assert.deepEqual(two.first_failures, [1, 1]);
});
