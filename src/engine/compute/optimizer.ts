import type { TensorPlace } from './layout.ts';
import type { OptimizerOptions } from './types.ts';

/** AdamW's memory, beside the weights in the same flat layout. */
export interface OptimizerState {
  exp_avg: Float32Array;
  exp_avg_sq: Float32Array;
  /** Updates applied so far. */
  step: number;
}

/**
 * Sums the gradients of all threads, in order, into the first; clips to the global norm as
 * `torch.nn.utils.clip_grad_norm_`; and applies torch.optim.AdamW's update in place.
 *
 * @returns the norm before clipping. Where it is not finite nothing was changed.
 */
export function adamwStep(
  weights: Float32Array,
  gradients: readonly Float32Array[],
  state: OptimizerState,
  places: readonly TensorPlace[],
  options: OptimizerOptions,
): { grad_norm: number; applied: boolean } {
  const gradient = gradients[0];
  if (!gradient) throw new Error('no gradient');
  for (const other of gradients.slice(1))
    for (let i = 0; i < gradient.length; i++) gradient[i] = (gradient[i] ?? 0) + (other[i] ?? 0);
  let square = 0;
  for (const value of gradient) square += value * value;
  const grad_norm = Math.sqrt(square);
  if (!Number.isFinite(grad_norm)) return { grad_norm, applied: false };

  const { learning_rate, adam_beta1: beta1, adam_beta2: beta2, adam_epsilon } = options;
  const { max_grad_norm, weight_decay } = options;
  const clip = max_grad_norm > 0 ? Math.min(1, max_grad_norm / (grad_norm + 1e-6)) : 1;
  state.step++;
  const stepSize = learning_rate / (1 - beta1 ** state.step);
  const root = Math.sqrt(1 - beta2 ** state.step);
  const { exp_avg, exp_avg_sq } = state;
  for (const { offset, size, decays } of places) {
    const keep = decays ? 1 - learning_rate * weight_decay : 1;
    for (let i = offset; i < offset + size; i++) {
      const g = (gradient[i] ?? 0) * clip;
      const mean = beta1 * (exp_avg[i] ?? 0) + (1 - beta1) * g;
      const variance = beta2 * (exp_avg_sq[i] ?? 0) + (1 - beta2) * g * g;
      exp_avg[i] = mean;
      exp_avg_sq[i] = variance;
      weights[i] =
        (weights[i] ?? 0) * keep - (stepSize * mean) / (Math.sqrt(variance) / root + adam_epsilon);
    }
  }
  return { grad_norm, applied: true };
}
