import { roundHalf } from '../../run/arrow/half.ts';
import type { Alternatives } from '../../run/model/segment.ts';
import { uncertaintyOf, type Uncertainty } from '../../strategy/index.ts';

/** How unsure the policy is, as it will be recorded: rounded to half precision. */
export function recordedUncertainty(logits: Float32Array): Uncertainty {
  const { max_prob, entropy } = uncertaintyOf(logits);
  return { max_prob: roundHalf(max_prob), entropy: roundHalf(entropy) };
}

/** `ln Σ exp(logit / temperature)`. */
function logTotal(logits: Float32Array, temperature: number): number {
  let highest = -Infinity;
  for (const logit of logits) highest = Math.max(highest, logit);
  let total = 0;
  for (const logit of logits) total += Math.exp((logit - highest) / temperature);
  return highest / temperature + Math.log(total);
}

/** Log probability of a token at a temperature; at temperature 0 (greedy) that at temperature 1. */
export function logprobOf(logits: Float32Array, id: number, temperature: number): number {
  const at = temperature > 0 ? temperature : 1;
  return (logits[id] ?? -Infinity) / at - logTotal(logits, at);
}

/**
 * The token that a uniform draw in [0, 1) picks at a temperature; the most likely one (the first
 * of equals) at temperature 0.
 */
export function pickToken(logits: Float32Array, temperature: number, draw: number): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++)
    if ((logits[id] ?? -Infinity) > (logits[best] ?? -Infinity)) best = id;
  if (temperature <= 0) return best;
  const log = logTotal(logits, temperature);
  let left = draw;
  for (let id = 0; id < logits.length; id++) {
    left -= Math.exp((logits[id] ?? -Infinity) / temperature - log);
    if (left < 0) return id;
  }
  // Rounding left a crumb of mass over.
  return best;
}

/** The `count` most likely tokens, best first, with log probabilities at temperature 1. */
export function bestTokens(logits: Float32Array, count: number): Alternatives {
  const ids: number[] = [];
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] ?? -Infinity;
    if (ids.length === count && logit <= (logits[ids[count - 1] ?? 0] ?? 0)) continue;
    let at = ids.length;
    while (at > 0 && (logits[ids[at - 1] ?? 0] ?? 0) < logit) at--;
    ids.splice(at, 0, id);
    if (ids.length > count) ids.pop();
  }
  const log = logTotal(logits, 1);
  return {
    ids: Int32Array.from(ids),
    logprobs: Float32Array.from(ids, (id) => (logits[id] ?? -Infinity) - log),
  };
}
