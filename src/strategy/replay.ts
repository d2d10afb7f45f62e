import type { StrategyParameters } from './parameters.ts';
import { RolloutPlan, type SegmentOutcome, type SegmentRequest } from './plan.ts';
import type { SegmentTrigger, TreeSegment } from './segment.ts';
import { findFailure, triggerAt } from './uncertainty.ts';

/** A recorded segment with what the policy thought at each of its tokens. */
export interface RecordedSegment extends TreeSegment {
  /** 0 on roots; k = 1, 2, … for the k-th resample of a prefix. */
  attempt: number;
  /** Where it was cut, and what the policy thought there; null unless `truncated`. */
  failure_point: number | null;
  failure_max_prob: number | null;
  failure_entropy: number | null;
  /** A value per own token. */
  max_prob: ArrayLike<number>;
  entropy: ArrayLike<number>;
}

/** A decision at which the policy was unsure enough to trigger. */
export interface UnsurePlace {
  segment: number;
  /** Of the completion, from 0. */
  position: number;
  trigger: SegmentTrigger;
}

/** What a strategy would have done to a recorded prompt, or to several (`mergeReplays`). */
export interface Replay {
  /** Decisions that were recorded; what branches share counts once. */
  tokens: number;
  /** Those of them that trigger; none where rollouts are not cut. */
  triggered: number;
  /** Completions from the prompt on. */
  rollouts: number;
  /** Position of the first trigger of each of them that has one, in tokens. */
  first_failures: readonly number[];
  /** Where the strategy would start a new branch, in tokens: one entry a branch. */
  forks: readonly number[];
  /** Tokens it would have sampled for `num_generations` completions, by the recorded lengths. */
  generated: number;
  /** Tokens that as many completions take without sharing anything. */
  unshared: number;
}

/**
 * Every recorded decision that triggers. With the parameters of a run that cut its rollouts
 * (`first_failure`) these are exactly its failure points.
 */
export function unsurePlaces(
  segments: readonly RecordedSegment[],
  parameters: StrategyParameters,
): UnsurePlace[] {
  const found: UnsurePlace[] = [];
  for (const { segment, position, max_prob, entropy } of decisions(segments)) {
    if (position < parameters.min_prefix_length) continue;
    const trigger = triggerAt(max_prob, entropy, parameters);
    if (trigger !== null) found.push({ segment, position, trigger });
  }
  return found;
}

/** One recorded decision: what the policy thought before a token. */
export interface Decision {
  segment: number;
  /** Of the completion, from 0. */
  position: number;
  max_prob: number;
  /** Nats. */
  entropy: number;
}

/**
 * Every decision of a prompt, once. The first token of a resample stands where its parent was cut
 * or forked, so it is the same decision again and is left out; the one at which a segment was cut
 * was never sampled, and counts by what is recorded of it.
 */
export function* decisions(segments: readonly RecordedSegment[]): Generator<Decision> {
  for (const one of segments) {
    const { segment, fork_at } = one;
    for (let i = one.parent === null ? 0 : 1; i < one.length; i++) {
      const max_prob = one.max_prob[i] ?? 1;
      yield { segment, position: fork_at + i, max_prob, entropy: one.entropy[i] ?? 0 };
    }
    if (one.failure_point === null) continue;
    const max_prob = one.failure_max_prob ?? 1;
    yield { segment, position: one.failure_point, max_prob, entropy: one.failure_entropy ?? 0 };
  }
}

/**
 * What the strategy with `parameters` would have done to one recorded prompt: the triggers are
 * exact; the sampled tokens are an estimate that lets every branch go on as the completion it
 * leaves did.
 *
 * @param segments all segments of the prompt, parents before children, probes left out
 * @param random uniform in [0, 1); read by `fork_policy: random` only
 */
export function replayTree(
  segments: readonly RecordedSegment[],
  parameters: StrategyParameters,
  random: () => number,
): Replay {
  const all = paths(segments);
  const rollouts = all.filter(({ isRoot }) => isRoot);
  const { min_prefix_length } = parameters;
  const cuts = parameters.use_token_adaptive && parameters.fork_policy === 'first_failure';
  const failure = (path: Path) =>
    findFailure(path.max_prob, path.entropy, 0, min_prefix_length, parameters);
  const first = rollouts.map(failure).filter((each) => each !== null);
  return {
    tokens: [...decisions(segments)].length,
    triggered: cuts ? unsurePlaces(segments, parameters).length : 0,
    rollouts: rollouts.length,
    first_failures: cuts ? first.map(({ failure_point }) => failure_point) : [],
    ...simulate(all, parameters, random),
  };
}

export function mergeReplays(replays: readonly Replay[]): Replay {
  const sum = (of: (replay: Replay) => number) =>
    replays.reduce((total, one) => total + of(one), 0);
  return {
    tokens: sum(({ tokens }) => tokens),
    triggered: sum(({ triggered }) => triggered),
    rollouts: sum(({ rollouts }) => rollouts),
    first_failures: replays.flatMap(({ first_failures }) => first_failures),
    forks: replays.flatMap(({ forks }) => forks),
    generated: sum(({ generated }) => generated),
    unshared: sum(({ unshared }) => unshared),
  };
}

/** One completion from its prompt to its end. */
interface Path {
  /** Whether it starts from the prompt, or branched off another one. */
  isRoot: boolean;
  reward: number | null;
  max_prob: readonly number[];
  entropy: readonly number[];
}

/** All completions of a prompt: those from the prompt on first, then the branches. */
function paths(segments: readonly RecordedSegment[]): Path[] {
  const known = new Map(segments.map((one) => [one.segment, one]));
  const goesOn = new Map<number, RecordedSegment>();
  for (const one of segments) {
    const parent = one.parent === null ? undefined : known.get(one.parent);
    if (parent?.status === 'truncated' && one.attempt === 1) goesOn.set(parent.segment, one);
  }
  const continuations = new Set([...goesOn.values()]);
  const starts = segments.filter((one) => !continuations.has(one));
  const tokens = (one: RecordedSegment | undefined, key: 'max_prob' | 'entropy', to: number) => {
    const values: number[] = [];
    for (let node = one, end = to; node !== undefined;) {
      values.unshift(...Array.from(node[key]).slice(0, Math.max(0, end - node.fork_at)));
      end = Math.min(end, node.fork_at);
      node = node.parent === null ? undefined : known.get(node.parent);
    }
    return values;
  };
  return starts
    .map((start): Path => {
      let last = start;
      for (let next = goesOn.get(last.segment); next; next = goesOn.get(last.segment)) last = next;
      return {
        isRoot: start.parent === null,
        reward: last.reward,
        max_prob: tokens(last, 'max_prob', Infinity),
        entropy: tokens(last, 'entropy', Infinity),
      };
    })
    .toSorted((a, b) => Number(b.isRoot) - Number(a.isRoot));
}

/** Lets the real plan run over recorded completions instead of a model. */
function simulate(
  all: readonly Path[],
  parameters: StrategyParameters,
  random: () => number,
): Pick<Replay, 'forks' | 'generated' | 'unshared'> {
  const forks: number[] = [];
  let generated = 0;
  let unshared = 0;
  if (all.length === 0) return { forks, generated, unshared };
  const plan = new RolloutPlan(parameters, 1, random);
  const taken = new Map<number, Path>();
  let roots = 0;
  const outcomeOf = (request: SegmentRequest): SegmentOutcome => {
    const { segment, parent, fork_at, attempt, watch_from } = request;
    const path = parent === null ? all[roots++ % all.length] : taken.get(parent);
    if (path === undefined) throw new Error(`segment ${segment} has no path`);
    taken.set(segment, path);
    const max_prob = path.max_prob.slice(fork_at);
    const entropy = path.entropy.slice(fork_at);
    const failure =
      watch_from === null ? null : findFailure(max_prob, entropy, fork_at, watch_from, parameters);
    const end = failure?.failure_point ?? path.max_prob.length;
    generated += end - fork_at;
    if (failure === null) unshared += end;
    // A cut completion goes on with its first attempt; all others are new branches.
    const cuts = watch_from !== null;
    if (parent !== null && !(cuts && attempt === 1)) forks.push(fork_at);
    return {
      segment,
      status: failure === null ? 'complete' : 'truncated',
      failure_point: failure?.failure_point ?? null,
      length: end - fork_at,
      max_prob: max_prob.slice(0, end - fork_at),
      entropy: entropy.slice(0, end - fork_at),
      reward: failure === null ? path.reward : null,
    };
  };
  const waiting = plan.start();
  for (let request = waiting.shift(); request !== undefined; request = waiting.shift()) {
    waiting.push(...plan.finished(outcomeOf(request)));
  }
  return { forks, generated, unshared };
}
