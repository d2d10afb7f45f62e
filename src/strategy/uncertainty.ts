import type { StrategyParameters } from './parameters.ts';
import type { SegmentTrigger } from './segment.ts';

/** How unsure the policy was of one token: of its whole distribution at temperature 1. */
export interface Uncertainty {
  /** `max p`, in (0, 1]. */
  max_prob: number;
  /** `−Σ p ln p`, in nats. */
  entropy: number;
}

export type Thresholds = Pick<StrategyParameters, 'uncertainty_threshold' | 'entropy_threshold'>;

/**
 * Uncertainty of the distribution `softmax(logits)`.
 *
 * @param logits one value a vocabulary entry, at temperature 1; `-Infinity` is probability 0
 */
export function uncertaintyOf(logits: ArrayLike<number>): Uncertainty {
  let top = -Infinity;
  for (let i = 0; i < logits.length; i++) top = Math.max(top, logits[i] ?? -Infinity);
  let mass = 0;
  let weighted = 0;
  for (let i = 0; i < logits.length; i++) {
    const shifted = (logits[i] ?? -Infinity) - top;
    const weight = Math.exp(shifted);
    mass += weight;
    if (weight > 0) weighted += weight * shifted;
  }
  // H = ln Z − Σ p z, with the logits shifted so that the largest is 0.
  return { max_prob: 1 / mass, entropy: Math.max(0, Math.log(mass) - weighted / mass) };
}

/**
 * Uncertainty where only the best few log probabilities are known (an API). The rest of the mass
 * counts as one bucket, so that the entropy is a lower bound.
 *
 * @param logprobs natural logs at temperature 1, in any order, of distinct tokens
 */
export function uncertaintyOfTop(logprobs: ArrayLike<number>): Uncertainty {
  let mass = 0;
  let entropy = 0;
  let max_prob = 0;
  for (let i = 0; i < logprobs.length; i++) {
    const logprob = logprobs[i] ?? -Infinity;
    const p = Math.exp(logprob);
    mass += p;
    max_prob = Math.max(max_prob, p);
    if (p > 0) entropy -= p * logprob;
  }
  const rest = 1 - mass;
  if (rest > 0) entropy -= rest * Math.log(rest);
  return { max_prob, entropy: Math.max(0, entropy) };
}

/** Whether a token this unsure triggers, wherever it stands; `max_prob` where both hold. */
export function triggerAt(
  max_prob: number,
  entropy: number,
  thresholds: Thresholds,
): SegmentTrigger | null {
  if (max_prob < thresholds.uncertainty_threshold) return 'max_prob';
  if (entropy > thresholds.entropy_threshold) return 'entropy';
  return null;
}

/** The failure point of a segment that was watched from `watch_from` on. */
export interface Failure {
  /** Position in the completion of the token that is not kept. */
  failure_point: number;
  trigger: SegmentTrigger;
}

/**
 * The first position `i ≥ watch_from` that triggers.
 *
 * @param max_prob, entropy a value per own token of the segment, whose first stands at `fork_at`
 */
export function findFailure(
  max_prob: ArrayLike<number>,
  entropy: ArrayLike<number>,
  fork_at: number,
  watch_from: number,
  thresholds: Thresholds,
): Failure | null {
  for (let i = Math.max(0, watch_from - fork_at); i < max_prob.length; i++) {
    const trigger = triggerAt(max_prob[i] ?? 1, entropy[i] ?? 0, thresholds);
    if (trigger !== null) return { failure_point: fork_at + i, trigger };
  }
  return null;
}
