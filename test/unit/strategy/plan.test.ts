import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  forkPolicies,
  RolloutPlan,
  strategyDefaults,
  type SegmentOutcome,
  type StrategyParameters,
} from '../../../src/strategy/index.ts';
import { close } from './close.ts';
import { playRound, type Generated } from './rollout.ts';

const parameters: fc.Arbitrary<StrategyParameters> = fc
  .record({
    use_token_adaptive: fc.boolean(),
    fork_policy: fc.constantFrom(...forkPolicies),
    num_roots: fc.integer({ min: 1, max: 6 }),
    branches: fc.integer({ min: 0, max: 8 }),
    min_prefix_length: fc.integer({ min: 0, max: 20 }),
    max_resamples_per_prefix: fc.integer({ min: 0, max: 4 }),
    fork_spacing: fc.integer({ min: 1, max: 8 }),
    uncertainty_threshold: fc.double({ min: 0, max: 1, noNaN: true }),
    temperature: fc.double({ min: 0.1, max: 2, noNaN: true }),
  })
  .map(({ branches, ...rest }) => ({
    ...strategyDefaults,
    ...rest,
    num_generations: rest.num_roots + branches,
  }));

const rounds = fc.record({ parameters, trees: fc.integer({ min: 1, max: 4 }), seed: fc.nat() });

function everyRound(law: (round: Generated[], parameters: StrategyParameters) => void): void {
  fc.assert(
    fc.property(rounds, ({ parameters, trees, seed }) => {
      law(playRound(parameters, trees, seed), parameters);
    }),
    { numRuns: 300 },
  );
}

const answered = (one: Generated) => one.status !== 'truncated';
const rootOf = (round: Generated[], one: Generated): Generated => {
  const parent = one.parent === null ? undefined : round[one.parent];
  return parent === undefined ? one : rootOf(round, parent);
};

test('ids count up from 0, and parents come before their children', () => {
  everyRound((round) => {
    round.forEach((one, i) => {
      assert.equal(one.segment, i);
      assert.ok(one.parent === null || one.parent < i);
    });
  });
});

test('a prefix is kept exactly: a fork stands inside its parent, at the cut of a cut one', () => {
  everyRound((round) => {
    for (const one of round) {
      const parent = one.parent === null ? undefined : round[one.parent];
      if (parent === undefined) {
        assert.equal(one.fork_at, 0);
        continue;
      }
      assert.equal(one.request.tree, parent.request.tree);
      const end = parent.fork_at + parent.length;
      if (parent.status === 'truncated') {
        assert.equal(one.fork_at, parent.outcome.failure_point);
        assert.equal(one.fork_at, end);
      } else {
        assert.ok(one.fork_at > parent.fork_at - 1 && one.fork_at < end);
      }
    }
  });
});

test('no prefix is resampled beyond its limit, and attempts count up, each hotter', () => {
  everyRound((round, { max_resamples_per_prefix, temperature, adaptive_temperature_scale }) => {
    const attempts = new Map<string, number>();
    for (const one of round) {
      close(
        one.request.temperature,
        temperature * adaptive_temperature_scale ** one.request.attempt,
      );
      if (one.parent === null) continue;
      const prefix = `${one.parent}:${one.fork_at}`;
      const attempt = (attempts.get(prefix) ?? 0) + 1;
      attempts.set(prefix, attempt);
      assert.equal(one.request.attempt, attempt);
      assert.ok(attempt <= max_resamples_per_prefix);
    }
  });
});

test('every root ends with an answered path, and everything cut goes on', () => {
  everyRound((round) => {
    const roots = new Set(round.filter((one) => one.parent === null).map((one) => one.segment));
    for (const one of round.filter(answered)) roots.delete(rootOf(round, one).segment);
    assert.equal(roots.size, 0);
    for (const one of round.filter((one) => !answered(one))) {
      assert.ok(round.some((child) => child.parent === one.segment));
    }
  });
});

test('completions: the roots at least, num_generations a prompt at most (on average)', () => {
  everyRound((round, { num_generations, num_roots, use_token_adaptive, fork_policy }) => {
    const trees = Map.groupBy(round, (one) => one.request.tree);
    let total = 0;
    for (const tree of trees.values()) {
      const completions = tree.filter(answered).length;
      total += completions;
      const roots = use_token_adaptive ? num_roots : num_generations;
      assert.equal(tree.filter((one) => one.parent === null).length, roots);
      assert.ok(completions >= roots);
      if (fork_policy !== 'top_entropy') assert.ok(completions <= num_generations);
    }
    assert.ok(total <= num_generations * trees.size);
  });
});

test('only first_failure cuts, never before min_prefix_length, and never the redrawn token', () => {
  everyRound((round, { use_token_adaptive, fork_policy, min_prefix_length }) => {
    for (const one of round.filter((one) => !answered(one))) {
      assert.ok(use_token_adaptive && fork_policy === 'first_failure');
      assert.ok((one.outcome.failure_point ?? -1) >= min_prefix_length);
      if (one.parent !== null) assert.ok(one.length >= 1);
    }
  });
});

test('forks of one root stand apart (top_entropy, random)', () => {
  everyRound((round, { fork_policy, fork_spacing, min_prefix_length }) => {
    if (fork_policy === 'first_failure') return;
    const byParent = Map.groupBy(
      round.filter((one) => one.parent !== null),
      (one) => one.parent,
    );
    for (const children of byParent.values()) {
      const places = [...new Set(children.map((child) => child.fork_at))].sort((a, b) => a - b);
      assert.ok(places.every((place) => place >= min_prefix_length));
      places.slice(1).forEach((place, i) => {
        assert.ok(place - (places[i] ?? 0) >= fork_spacing);
      });
    }
  });
});

test('top_entropy first serves the prompts whose outcomes differ', () => {
  const parameters: StrategyParameters = {
    ...strategyDefaults,
    fork_policy: 'top_entropy',
    num_generations: 6,
    num_roots: 2,
    min_prefix_length: 2,
  };
  let preferred = 0;
  for (let seed = 0; seed < 40; seed++) {
    const round = playRound(parameters, 2, seed);
    const [a = [], b = []] = [0, 1].map((tree) => round.filter((one) => one.request.tree === tree));
    const differs = (tree: Generated[]) =>
      new Set(
        tree.flatMap((one) => (one.parent === null && one.reward !== null ? [one.reward] : [])),
      ).size > 1;
    if (differs(a) === differs(b)) continue;
    const [first, second] = differs(a) ? [a, b] : [b, a];
    assert.ok(first.length >= second.length);
    if (first.length > second.length) preferred++;
  }
  assert.ok(preferred > 0);
});

test('reporting what was never asked for, or twice, is an error', () => {
  const plan = new RolloutPlan({ ...strategyDefaults, num_roots: 2 }, 1, () => 0);
  const [root] = plan.start();
  assert.ok(root);
  const outcome: SegmentOutcome = {
    segment: root.segment,
    status: 'complete',
    failure_point: null,
    length: 1,
    max_prob: [1],
    entropy: [0],
    reward: 1,
  };
  assert.throws(() => plan.finished({ ...outcome, segment: 99 }), /segment 99 is not running/);
  plan.finished(outcome);
  assert.throws(() => plan.finished(outcome), /segment 0 is not running/);
  assert.equal(plan.done, false);
});
