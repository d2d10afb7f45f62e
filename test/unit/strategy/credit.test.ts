import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  batchDeviation,
  creditGroup,
  forkPolicies,
  prefixCredits,
  rewardDeviation,
  rewardMean,
  strategyDefaults,
  treeBaselines,
  type CreditParameters,
  type SegmentCredit,
  type TreeSegment,
} from '../../../src/strategy/index.ts';
import { close } from './close.ts';
import { playRound } from './rollout.ts';

const children: CreditParameters = { prefix_credit: 'children', tree_baseline: 'other_roots' };
const leaf = (
  segment: number,
  reward: number | null,
  parent: number | null = null,
  fork_at = 0,
  length = 10,
): TreeSegment => ({ segment, parent, fork_at, length, status: 'complete', reward });
const cut = (segment: number, length: number, parent: number | null = null, fork_at = 0) => ({
  ...leaf(segment, null, parent, fork_at, length),
  status: 'truncated' as const,
});

const groups = fc
  .record({
    seed: fc.nat(),
    fork_policy: fc.constantFrom(...forkPolicies),
    num_roots: fc.integer({ min: 1, max: 5 }),
    branches: fc.integer({ min: 0, max: 6 }),
  })
  .map(({ seed, fork_policy, num_roots, branches }): TreeSegment[] =>
    playRound(
      {
        ...strategyDefaults,
        fork_policy,
        num_roots,
        num_generations: num_roots + branches,
        min_prefix_length: 3,
      },
      1,
      seed,
    ),
  );
const credits = fc.record({
  prefix_credit: fc.constantFrom(...prefixCredits),
  tree_baseline: fc.constantFrom(...treeBaselines),
});

/** The path of each completion as `(segment, own index)` pairs, found the slow way. */
function paths(segments: readonly TreeSegment[]): { leaf: TreeSegment; tokens: string[] }[] {
  const walk = (one: TreeSegment, to: number): string[] => {
    const parent = segments.find((other) => other.segment === one.parent);
    const before = parent === undefined ? [] : walk(parent, one.fork_at);
    const own = Array.from(
      { length: Math.max(0, Math.min(to, one.fork_at + one.length) - one.fork_at) },
      (_, i) => `${one.segment}:${i}`,
    );
    return [...before, ...own];
  };
  return segments
    .filter((one) => one.status !== 'truncated' && one.reward !== null)
    .map((leaf) => ({ leaf, tokens: walk(leaf, Infinity) }));
}

function rootId(segments: readonly TreeSegment[], one: TreeSegment): number {
  const parent = segments.find((other) => other.segment === one.parent);
  return parent === undefined ? one.segment : rootId(segments, parent);
}

test('without forks the advantages are plain GRPO’s', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.integer({ min: 0, max: 8 }).map((r) => r / 4),
        { minLength: 2, maxLength: 16 },
      ),
      credits,
      (rewards, parameters) => {
        const segments = rewards.map((reward, i) => leaf(i, reward));
        const mean = rewards.reduce((a, b) => a + b) / rewards.length;
        const deviation = Math.sqrt(
          rewards.reduce((a, r) => a + (r - mean) ** 2, 0) / (rewards.length - 1),
        );
        close(rewardDeviation(segments), deviation);
        creditGroup(segments, parameters, 'none').forEach((credit, i) => {
          close([...credit.advantage], Array(10).fill((rewards[i] ?? 0) - mean));
          assert.deepEqual([...credit.weight], Array(10).fill(1));
        });
        creditGroup(segments, parameters, 'group').forEach((credit, i) => {
          const expected = ((rewards[i] ?? 0) - mean) / (deviation + 1e-4);
          close(credit.advantage[0], expected);
        });
      },
    ),
  );
});

test('weight and advantage of every token follow from the completions that run through it', () => {
  fc.assert(
    fc.property(groups, (segments) => {
      const completions = paths(segments);
      const credited = creditGroup(segments, children, 'none');
      const roots = Map.groupBy(completions, ({ leaf }) => rootId(segments, leaf));
      const values = new Map(
        [...roots].map(([root, leaves]) => [root, average(leaves.map((one) => one.leaf.reward))]),
      );
      for (const credit of credited) {
        const segment = segments[credit.segment];
        assert.ok(segment);
        const root = rootId(segments, segment);
        const others = [...values].filter(([id]) => id !== root).map(([, value]) => value);
        for (let i = 0; i < segment.length; i++) {
          const through = completions.filter((one) =>
            one.tokens.includes(`${segment.segment}:${i}`),
          );
          const mine = roots.get(root)?.length ?? 0;
          close(credit.weight[i], mine === 0 ? 0 : through.length / mine);
          if (through.length === 0) continue;
          const value = average(through.map((one) => one.leaf.reward));
          const expected =
            others.length === 0
              ? value - (values.get(root) ?? 0)
              : (others.length / (others.length + 1)) * (value - average(others));
          close(credit.advantage[i], expected);
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('masses sum to 1: at every position of a root, weights of the living paths and the ended', () => {
  fc.assert(
    fc.property(groups, credits, (segments, parameters) => {
      const credited = creditGroup(segments, { ...parameters, prefix_credit: 'children' }, 'none');
      const completions = paths(segments);
      const byRoot = Map.groupBy(completions, ({ leaf }) => rootId(segments, leaf));
      for (const leaves of byRoot.values()) {
        const longest = Math.max(...leaves.map((one) => one.tokens.length));
        for (let position = 0; position < longest; position++) {
          const alive = new Set(leaves.flatMap((one) => one.tokens[position] ?? []));
          const ended = leaves.filter((one) => one.tokens.length <= position).length;
          let mass = ended / leaves.length;
          for (const token of alive) {
            const [segment = 0, own = 0] = token.split(':').map(Number);
            mass += credited[segment]?.weight[own] ?? 0;
          }
          close(mass, 1);
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('advantages of a group balance: weighted by mass over whole paths they sum to 0', () => {
  fc.assert(
    fc.property(groups, (segments) => {
      const completions = paths(segments);
      const byRoot = Map.groupBy(completions, ({ leaf }) => rootId(segments, leaf));
      const credited = creditGroup(segments, children, 'none');
      // The last token of each path has its own reward; take those where a path owns its end.
      let balance = 0;
      for (const leaves of byRoot.values()) {
        for (const { leaf } of leaves) {
          const end = credited[leaf.segment]?.advantage.at(-1) ?? 0;
          balance += end / leaves.length;
        }
      }
      if (byRoot.size > 1) close(balance, 0, 1e-9);
    }),
    { numRuns: 60 },
  );
});

test('a worked example: a cut root with two branches beside a plain root', () => {
  const segments = [cut(0, 4), leaf(1, 0), leaf(2, 1, 0, 4, 3), leaf(3, 0, 0, 4, 5)];
  const [prefix, other, right, wrong] = creditGroup(segments, children, 'none');
  // Root 0 is worth 1/2, root 1 nothing: A = 1/2 · (v − value of the other root).
  close([...(prefix?.advantage ?? [])], Array(4).fill(0.25));
  close([...(prefix?.weight ?? [])], Array(4).fill(1));
  close([...(right?.advantage ?? [])], Array(3).fill(0.5));
  close([...(right?.weight ?? [])], Array(3).fill(0.5));
  close([...(wrong?.advantage ?? [])], Array(5).fill(0));
  close([...(other?.advantage ?? [])], Array(10).fill(-0.25));
  assert.equal(prefix?.value, 0.5);
  close(rewardMean(segments), 0.25);
  close(rewardDeviation(segments), Math.sqrt((0.5 * 0.75 ** 2 + 0.5 * 0.25 ** 2 + 0.25 ** 2) / 1));
});

test('siblings: a completion’s own tokens are compared with the branches of its last fork', () => {
  const segments = [cut(0, 4), leaf(1, 0), leaf(2, 1, 0, 4, 3), leaf(3, 0, 0, 4, 5)];
  const siblings: CreditParameters = { ...children, tree_baseline: 'siblings' };
  const [prefix, , right, wrong] = creditGroup(segments, siblings, 'none');
  close([...(prefix?.advantage ?? [])], Array(4).fill(0.25));
  close([...(right?.advantage ?? [])], Array(3).fill(1));
  close([...(wrong?.advantage ?? [])], Array(5).fill(-1));
  // A chain without a second branch looks past the cut, to where somebody did part.
  const chain = [...segments.slice(0, 3), cut(3, 2, 0, 4), leaf(4, 0, 3, 6, 2)];
  const [, , , middle, end] = creditGroup(chain, siblings, 'none');
  close([...(middle?.advantage ?? [])], [-1, -1]);
  close([...(end?.advantage ?? [])], [-1, -1]);
  // A fork inside a finished root: its own rest and the branch are siblings.
  const inside = [leaf(0, 1), leaf(1, 0), leaf(2, 0, 0, 6, 4)];
  const [root, , branch] = creditGroup(inside, siblings, 'none');
  close(
    [...(root?.advantage ?? [])],
    [...Array<number>(6).fill(0.25), ...Array<number>(4).fill(1)],
  );
  close([...(branch?.advantage ?? [])], Array(4).fill(-1));
});

test('prefix credit: a stub scored as it stands, or masked', () => {
  const stub = { ...cut(0, 4), reward: 0 };
  const segments = [stub, leaf(1, 1), leaf(2, 1, 0, 4, 3)];
  const scored = creditGroup(segments, { ...children, prefix_credit: 'stub' }, 'none');
  close(advantages(scored, 0), Array(4).fill(-0.5));
  const [masked] = creditGroup(segments, { ...children, prefix_credit: 'mask' }, 'none');
  assert.ok(masked);
  assert.deepEqual([...masked.weight], [0, 0, 0, 0]);
  assert.equal(masked.trained, false);
  assert.equal(masked.value, 1);
});

test('what cannot be scored counts nowhere', () => {
  const segments = [leaf(0, 1), leaf(1, null), leaf(2, 0)];
  const credited = creditGroup(segments, children, 'group');
  assert.equal(credited[1]?.trained, false);
  assert.deepEqual(advantages(credited, 1), Array(10).fill(0));
  close(rewardMean(segments), 0.5);
  close(credited[0]?.advantage[0], 0.5 / (Math.SQRT1_2 + 1e-4));
  assert.equal(rewardMean([leaf(0, null)]), null);
  assert.equal(rewardDeviation([leaf(0, null), leaf(1, 3)]), 0);
});

test('batch scale: one deviation over all prompts', () => {
  const groups = [
    [leaf(0, 0), leaf(1, 1)],
    [leaf(0, 1), leaf(1, 1)],
  ];
  close(batchDeviation(groups), Math.sqrt(((3 / 4) ** 2 + 3 * (1 / 4) ** 2) / 3));
});

test('a scored stub from which no scored completion grew is not trained', () => {
  const segments = [{ ...cut(0, 4), reward: 0 }, leaf(1, 1), leaf(2, null, 0, 4, 3)];
  for (const tree_baseline of treeBaselines) {
    const parameters = { prefix_credit: 'stub', tree_baseline } as const;
    const [stub] = creditGroup(segments, parameters, 'none');
    assert.deepEqual([...(stub?.weight ?? [])], [0, 0, 0, 0]);
    assert.deepEqual([...(stub?.advantage ?? [])], [0, 0, 0, 0]);
    assert.equal(stub?.trained, false);
  }
});

test('a chain thousands of cuts long is credited without trouble', () => {
  const chain = Array.from({ length: 5000 }, (_, i) =>
    i === 4999 ? leaf(i, 1, i - 1, i, 1) : cut(i, 1, i === 0 ? null : i - 1, i),
  );
  const credited = creditGroup([...chain, leaf(5000, 0)], children, 'none');
  close(credited[0]?.advantage[0], 0.5);
});

/** The advantages of one segment as plain numbers. */
function advantages(credits: readonly SegmentCredit[], segment: number): number[] {
  return [...(credits[segment]?.advantage ?? [])];
}

function average(values: (number | null)[]): number {
  return values.reduce<number>((total, value) => total + (value ?? 0), 0) / values.length;
}
