import { accuracyOf, type PromptGroup } from '../run/groups.ts';
import type { SegmentSummary } from '../run/model/segment.ts';
import type { StepRecord } from '../run/event-log.ts';
import { nearestPairs } from './nearest-pairs.ts';

/** The same prompt on both sides, at the same point of training. */

/** What of a run is laid beside another: `store.groups()` and `store.steps`. */
export interface AlignedRun {
  groups: readonly PromptGroup[];
  steps: readonly StepRecord[];
}

/**
 * Seen from the second side: `won` where only it is right, `lost` where only the first is. A side
 * is right where at least half of its completions are. `unknown`: no reward function of accuracy.
 */
export const outcomes = ['won', 'lost', 'both_right', 'both_wrong', 'unknown'] as const;
export type Outcome = (typeof outcomes)[number];

export interface AlignedPrompt {
  prompt_id: string;
  prompt: string;
  sides: readonly [PromptGroup, PromptGroup];
  /** Tokens the runs had generated when the step ended; null where that isn't counted. */
  generated_tokens: readonly [number | null, number | null];
  /** Second minus first, of the mean rewards; null where a side has none. */
  delta_reward: number | null;
  outcome: Outcome;
}

/** What "the same point of training" means. */
export const alignments = ['generated_tokens', 'step'] as const;
export type Alignment = (typeof alignments)[number];

/**
 * Prompts that both runs saw, each with its nearest partner; a prompt is the same where its text
 * is. A finite data set shows a prompt many times: then those occurrences are paired that lie
 * nearest in training, each once. In the order of the first side.
 */
export function alignPrompts(
  first: AlignedRun,
  second: AlignedRun,
  by: Alignment = 'generated_tokens',
): AlignedPrompt[] {
  const tokens = [tokensByStep(first.steps), tokensByStep(second.steps)] as const;
  const [left, right] = [placesOf(first, tokens[0], by), placesOf(second, tokens[1], by)];
  // Tokens tell the point of training only where both runs count them.
  const [a, b] = left !== null && right !== null ? [left, right] : [stepOf, stepOf];
  const others = Map.groupBy(second.groups, keyOf);
  const found: { order: number; aligned: AlignedPrompt }[] = [];
  const order = new Map(first.groups.map((group, i) => [group, i]));
  for (const [key, groups] of Map.groupBy(first.groups, keyOf)) {
    const partners = others.get(key) ?? [];
    for (const [i, j] of nearestPairs(groups.map(a), partners.map(b))) {
      const [x, y] = [groups[i], partners[j]];
      if (x === undefined || y === undefined) continue;
      const rewards = [x.reward_mean, y.reward_mean] as const;
      found.push({
        order: order.get(x) ?? 0,
        aligned: {
          prompt_id: x.prompt_id,
          prompt: x.prompt,
          sides: [x, y],
          generated_tokens: [tokens[0].get(x.step) ?? null, tokens[1].get(y.step) ?? null],
          delta_reward: rewards[0] === null || rewards[1] === null ? null : rewards[1] - rewards[0],
          outcome: outcomeOf(x, y),
        },
      });
    }
  }
  return found.sort((x, y) => x.order - y.order).map(({ aligned }) => aligned);
}

/** Orders of the list of prompts. */
export const promptOrders = ['training', 'difference', 'gain', 'loss'] as const;
export type PromptOrder = (typeof promptOrders)[number];

/**
 * `training`: as they came; `difference`: the largest first, whichever side it favours; `gain` and
 * `loss`: what favours the second, the first side most. What has no difference comes last.
 */
export function sortPrompts(
  prompts: readonly AlignedPrompt[],
  order: PromptOrder,
): readonly AlignedPrompt[] {
  const weight = ({ delta_reward: delta }: AlignedPrompt): number => {
    if (delta === null) return -Infinity;
    return order === 'difference' ? Math.abs(delta) : order === 'gain' ? delta : -delta;
  };
  if (order === 'training') return prompts;
  return prompts.toSorted((a, b) => {
    const [x, y] = [weight(a), weight(b)];
    return x === y ? 0 : y - x;
  });
}

const keyOf = ({ prompt, prompt_id }: PromptGroup): string =>
  prompt === '' ? `id ${prompt_id}` : `text ${prompt}`;

const stepOf = ({ step }: PromptGroup): number => step;

function tokensByStep(steps: readonly StepRecord[]): Map<number, number> {
  return new Map(
    steps.flatMap(({ step, metrics }): [number, number][] => {
      const tokens = metrics['tokens/generated'];
      return tokens === undefined ? [] : [[step, tokens]];
    }),
  );
}

/** Where in training a group lies; null where the run doesn't say. */
function placesOf(
  { groups }: AlignedRun,
  tokens: ReadonlyMap<number, number>,
  by: Alignment,
): ((group: PromptGroup) => number) | null {
  if (by === 'step') return stepOf;
  if (groups.some(({ step }) => !tokens.has(step))) return null;
  return ({ step }) => tokens.get(step) ?? 0;
}

function outcomeOf(left: PromptGroup, right: PromptGroup): Outcome {
  const [a, b] = [rightly(left), rightly(right)];
  if (a === null || b === null) return 'unknown';
  if (a === b) return a ? 'both_right' : 'both_wrong';
  return b ? 'won' : 'lost';
}

function rightly({ correct, completions }: PromptGroup): boolean | null {
  return correct === null || completions === 0 ? null : correct >= completions / 2;
}

/** One completion: a path from a root to a leaf. */
export interface AlignedLeaf {
  /** Segment ids from the root to the leaf. */
  path: readonly number[];
  leaf: number;
  /** Tokens of the whole completion. */
  length: number;
  reward: number | null;
  right: boolean | null;
}

/** Two completions of two trees; null where the other tree has more. */
export interface LeafPair {
  /** Which root they grew from, from 0. */
  root: number;
  leaves: readonly [AlignedLeaf | null, AlignedLeaf | null];
  /** Second minus first. */
  delta_reward: number | null;
}

/**
 * Lays two trees side by side: root beside root in the order they were sampled, and below each the
 * completions in the order in which they part from the root's own one: that one first, then branches by
 * where they fork and which attempt they are. Probes are left out.
 */
export function alignTrees(
  first: readonly SegmentSummary[],
  second: readonly SegmentSummary[],
): LeafPair[] {
  const trees = [leavesByRoot(first), leavesByRoot(second)] as const;
  const roots = Math.max(trees[0].length, trees[1].length);
  return Array.from({ length: roots }, (_, root) => {
    const [a, b] = [trees[0][root] ?? [], trees[1][root] ?? []];
    return Array.from({ length: Math.max(a.length, b.length) }, (__, i): LeafPair => {
      const [left, right] = [a[i] ?? null, b[i] ?? null];
      const [before, after] = [left?.reward ?? null, right?.reward ?? null];
      return {
        root,
        leaves: [left, right],
        delta_reward: before === null || after === null ? null : after - before,
      };
    });
  }).flat();
}

function leavesByRoot(segments: readonly SegmentSummary[]): AlignedLeaf[][] {
  const trained = segments.filter(({ kind }) => kind !== 'probe');
  const children = Map.groupBy(trained, ({ parent_id }) => parent_id);
  const grow = (segment: SegmentSummary, above: readonly number[]): AlignedLeaf[] => {
    const path = [...above, segment.segment_id];
    const own: AlignedLeaf = {
      path,
      leaf: segment.segment_id,
      length: segment.fork_at + segment.length,
      reward: segment.reward,
      right: rightOf(segment),
    };
    const branches = (children.get(segment.segment_id) ?? [])
      .toSorted((a, b) => a.fork_at - b.fork_at || a.attempt - b.attempt)
      .flatMap((child) => grow(child, path));
    // A cut segment is no completion, unless nothing grew from it.
    return segment.status === 'truncated' && branches.length > 0 ? branches : [own, ...branches];
  };
  return (children.get(null) ?? []).map((root) => grow(root, []));
}

function rightOf(segment: SegmentSummary): boolean | null {
  const accuracy = accuracyOf(segment);
  return accuracy === null ? null : accuracy >= 1;
}

/** The token ids of a path, root first: each segment keeps the first `fork_at` tokens above it. */
export function pathTokens(
  path: readonly { fork_at: number; token_ids: ArrayLike<number> }[],
): Int32Array {
  const ids: number[] = [];
  for (const { fork_at, token_ids } of path) {
    ids.length = Math.min(ids.length, fork_at);
    for (let i = 0; i < token_ids.length; i += 1) ids.push(token_ids[i] ?? 0);
  }
  return Int32Array.from(ids);
}

/**
 * The position of the first token in which two completions differ; where one goes on after the
 * other's end, that end. Null where they are the same.
 */
export function firstDifference(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i += 1) if (a[i] !== b[i]) return i;
  return a.length === b.length ? null : shorter;
}
