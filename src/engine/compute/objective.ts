import { lax, numpy as np, tree } from '@jax-js/jax';
import type { ModelConfig } from './config.ts';
import { sequenceLogits, type Constants, type Params } from './model.ts';

/** A chunk as arrays, `[B·T, 1]` each where nothing else is said. */
export interface LossInputs {
  [name: string]: np.Array;
  ids: np.Array;
  mask: np.Array;
  targets: np.Array;
  coefficient: np.Array;
  advantage: np.Array;
  old: np.Array;
  reference: np.Array;
  vocabularyIds: np.Array;
  /** `[temperature, 1 − epsilon, 1 + epsilon_high, beta, use_old_logprob]`, `[1]` each. */
  temperature: np.Array;
  low: np.Array;
  high: np.Array;
  beta: np.Array;
  useOld: np.Array;
}

/** `Constants` as an argument of a compiled function. */
export type Inputs = Constants & Record<string, np.Array>;

/**
 * TRL's `_compute_loss` (token-level importance), with every normalisation already in
 * `coefficient`: Σ coefficient · (−min(ratio · A, clip(ratio) · A) + beta · k3).
 *
 * @returns `[loss, {logprob, entropy, best}]`, the latter `[B·T, 1]` each
 */
export function groupLoss(
  config: ModelConfig,
  params: Params,
  inputs: LossInputs,
  at: Inputs,
): [np.Array, Record<'logprob' | 'entropy' | 'best', np.Array>] {
  const { ids, mask, targets, coefficient, advantage, old, reference, vocabularyIds } = inputs;
  const logits = sequenceLogits(config, params, ids, mask, at).div(inputs.temperature);
  const highest = lax.stopGradient(np.max(logits.ref, -1, { keepdims: true }));
  const shifted = logits.sub(highest);
  const unnormalised = np.exp(shifted.ref);
  const total = np.sum(unnormalised.ref, -1, { keepdims: true });
  const logTotal = np.log(total.ref);
  const chosen = np.sum(np.where(np.equal(targets, vocabularyIds), shifted.ref, 0), -1, {
    keepdims: true,
  });
  const logprob = chosen.sub(logTotal.ref);
  // H = ln Z − Σ p z, with the logits shifted so that the largest is 0; padded columns are 0 · z.
  const weighted = np.sum(unnormalised.mul(shifted), -1, { keepdims: true });
  const entropy = lax.stopGradient(logTotal.ref.sub(weighted.div(total)));
  const best = lax.stopGradient(np.negative(logTotal));
  const current = lax.stopGradient(logprob.ref);
  const before = old.mul(inputs.useOld.ref).add(current.ref.mul(np.subtract(1, inputs.useOld)));
  const ratio = np.exp(logprob.ref.sub(before));
  const clipped = np.minimum(np.maximum(ratio.ref, inputs.low), inputs.high);
  const gain = np.minimum(ratio.mul(advantage.ref), clipped.mul(advantage));
  const lead = reference.sub(logprob);
  const divergence = np.exp(lead.ref).sub(lead).sub(1);
  const loss = np.sum(coefficient.mul(divergence.mul(inputs.beta).sub(gain)));
  tree.dispose([params, at]);
  return [loss, { logprob: current, entropy, best }];
}
