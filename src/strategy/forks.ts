import type { StrategyParameters } from './parameters.ts';
import type { SegmentOutcome } from './plan.ts';

/** A root that ran to its end (`fork_policy` `top_entropy` or `random`). */
export interface FinishedRoot {
  tree: number;
  segment: number;
  reward: number | null;
  /** Places where a fork may stand, with how unsure the policy was there (nats). */
  candidates: readonly Candidate[];
}

interface Candidate {
  position: number;
  entropy: number;
}

/** A place where a resample starts. */
export interface Fork {
  tree: number;
  segment: number;
  fork_at: number;
}

/** The positions of a root that a fork may replace: all from `min_prefix_length` on. */
export function forkCandidates(
  outcome: Pick<SegmentOutcome, 'length' | 'entropy'>,
  parameters: Pick<StrategyParameters, 'min_prefix_length'>,
): Candidate[] {
  const candidates: Candidate[] = [];
  for (let position = parameters.min_prefix_length; position < outcome.length; position++) {
    candidates.push({ position, entropy: outcome.entropy[position] ?? 0 });
  }
  return candidates;
}

/**
 * Shares the round's forks, `num_generations − num_roots` a prompt on average, among the roots.
 *
 * `top_entropy` takes the most unsure tokens, and first serves the prompts whose roots' rewards
 * differ (they are where a gradient comes from), with up to twice their share. `random`, the
 * control, takes places and prompts as they come. Forks of one root stand at least
 * `fork_spacing` apart; one place is resampled at most `max_resamples_per_prefix` times, and only
 * when every other place of its prompt has been.
 */
export function shareForks(
  roots: readonly FinishedRoot[],
  trees: number,
  parameters: StrategyParameters,
  random: () => number,
): Fork[] {
  const { num_generations, num_roots, fork_policy } = parameters;
  const share = num_generations - num_roots;
  let left = trees * share;
  const ordered = [...roots].sort((a, b) => a.segment - b.segment);
  const queues = Array.from({ length: trees }, (_, tree) => {
    const own = ordered.filter((root) => root.tree === tree);
    const rewards = own.map((root) => root.reward).filter((reward) => reward !== null);
    return {
      forks: rankedForks(own, parameters, random),
      differs: rewards.some((reward) => reward !== rewards[0]),
    };
  });
  const isFirst = (differs: boolean) => fork_policy === 'top_entropy' && differs;
  const taken: Fork[] = [];
  const serve = (queue: (typeof queues)[number], most: number) => {
    const forks = queue.forks.slice(0, Math.min(most, left));
    left -= forks.length;
    taken.push(...forks);
  };
  for (const queue of queues) if (isFirst(queue.differs)) serve(queue, 2 * share);
  for (const queue of queues) if (!isFirst(queue.differs)) serve(queue, share);
  return taken;
}

/** The forks of one prompt in the order in which they deserve to be made. */
function rankedForks(
  roots: readonly FinishedRoot[],
  parameters: StrategyParameters,
  random: () => number,
): Fork[] {
  const ranked = roots
    .flatMap((root) =>
      root.candidates.map((candidate) => ({
        root,
        ...candidate,
        rank: parameters.fork_policy === 'random' ? random() : candidate.entropy,
      })),
    )
    .sort((a, b) => b.rank - a.rank || a.root.segment - b.root.segment || a.position - b.position);
  const most = 2 * (parameters.num_generations - parameters.num_roots);
  const places: Fork[] = [];
  for (const { root, position } of ranked) {
    if (places.length === most) break;
    const free = places.every(
      (place) =>
        place.segment !== root.segment ||
        Math.abs(place.fork_at - position) >= parameters.fork_spacing,
    );
    if (free) places.push({ tree: root.tree, segment: root.segment, fork_at: position });
  }
  return Array.from({ length: parameters.max_resamples_per_prefix }, () => places).flat();
}
