import { PlainError } from '../../common/errors.ts';
import type { PackedRow } from './batch.ts';
import type { ChunkValues } from './replica.ts';
import type {
  LossOptions,
  SupervisedRow,
  SupervisedStatistics,
  TrainingRow,
  TrainStatistics,
} from './types.ts';

/** A training row ready to be packed, and what its statistics need. */
export interface PreparedRow extends PackedRow {
  /** Position of the first completion token in `ids`. */
  start: number;
  weight: Float32Array;
  importance: Float32Array;
}

/**
 * An update's share of the weight of a round's tokens (`LossOptions.round_weight`): TRL's
 * `num_items_in_batch · gradient_accumulation_steps / steps_per_generation`, so that several updates
 * move the weights as far as one would.
 *
 * @param weight of all trained tokens of the round
 * @param rowsAStep completions of an update
 * @param rowsARound completions of the round
 */
export const roundShare = (weight: number, rowsAStep: number, rowsARound: number): number =>
  (weight * rowsAStep) / rowsARound;

/**
 * Resolves everything in the loss that does not depend on the policy being trained: importance
 * weights `min(exp(train_logprob − behaviour_logprob), importance_clip)`, and TRL's normalisation.
 *
 * With w the weight of a token, m the mass of a row and T its number of completion tokens, the
 * coefficient of a token is, by `loss_type`:
 *
 * - `grpo`: w / T / Σm (mean over rows of the mean over tokens)
 * - `bnpo`: w / Σw of the row's micro-batch / number of micro-batches
 * - `dr_grpo`: w / max_completion_length / Σm
 * - `dapo`: w / Σw of all rows of the round / number of updates it is trained on in
 *
 * With every weight and mass 1 these are TRL's.
 */
export function prepareRows(rows: readonly TrainingRow[], options: LossOptions): PreparedRow[] {
  if (rows.length === 0) throw new Error('no rows to train on');
  const total = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0);
  const masses = rows.reduce((sum, row) => sum + (row.mass ?? 1), 0);
  const sums = rows.map((row) => total(row.weight));
  const batchSize = Math.max(1, options.per_device_train_batch_size);
  const batches = Math.ceil(rows.length / batchSize);
  const batchSum = (row: number) => {
    const start = Math.floor(row / batchSize) * batchSize;
    return total(sums.slice(start, start + batchSize));
  };
  const roundWeight = options.round_weight ?? total(sums);
  const denominator = (row: TrainingRow, index: number): number => {
    switch (options.loss_type) {
      case 'grpo':
        return Math.max(1, row.completion_ids.length) * masses;
      case 'bnpo':
        return Math.max(1, batchSum(index)) * batches;
      case 'dr_grpo':
        return options.max_completion_length * masses;
      case 'dapo':
        return Math.max(1, roundWeight);
    }
  };
  return rows.map((row, index) => {
    if (row.prompt_ids.length === 0) throw new Error('a training row has no prompt');
    if (options.beta > 0 && row.ref_logprob === null)
      throw new Error('beta > 0 needs ref_logprob on every row');
    if (options.use_old_logprob && row.train_logprob === null)
      throw new Error('use_old_logprob needs train_logprob on every row');
    const start = row.prompt_ids.length;
    const length = start + row.completion_ids.length;
    const ids = new Int32Array(length);
    ids.set(row.prompt_ids);
    ids.set(row.completion_ids, start);
    const prepared: PreparedRow = {
      start,
      ids,
      weight: new Float32Array(length),
      importance: new Float32Array(length).fill(1),
      coefficient: new Float32Array(length),
      advantage: new Float32Array(length),
      old_logprob: new Float32Array(length),
      ref_logprob: new Float32Array(length),
    };
    const per = denominator(row, index);
    for (let i = 0; i < row.completion_ids.length; i++) {
      const weight = row.weight[i] ?? 0;
      const train = row.train_logprob?.[i] ?? null;
      const behaviour = row.behaviour_logprob?.[i] ?? null;
      const importance =
        train === null || behaviour === null
          ? 1
          : Math.min(Math.exp(train - behaviour), options.importance_clip);
      prepared.weight[start + i] = weight;
      prepared.importance[start + i] = importance;
      prepared.coefficient[start + i] = weight / per;
      // The importance weight is never negative, so it may go into the advantage (min and clip
      // commute with it) and leaves the divergence alone, as in TRL.
      prepared.advantage[start + i] = (row.advantage[i] ?? 0) * importance;
      prepared.old_logprob[start + i] = train ?? 0;
      prepared.ref_logprob[start + i] = row.ref_logprob?.[i] ?? 0;
    }
    return prepared;
  });
}

/** Adds up what a step's statistics are made of, row by row. */
export class LossMeter {
  readonly #options: LossOptions;
  #tokens = 0;
  #entropy = 0;
  #kl = 0;
  #low = 0;
  #high = 0;
  #weights = 0;
  #squares = 0;

  constructor(options: LossOptions) {
    this.#options = options;
  }

  add(row: PreparedRow, values: ChunkValues): void {
    const { epsilon, epsilon_high, beta, use_old_logprob } = this.#options;
    for (let i = row.start; i < row.ids.length; i++) {
      if (!((row.weight[i] ?? 0) > 0)) continue;
      const logprob = values.logprob[i] ?? 0;
      const advantage = row.advantage[i] ?? 0;
      const importance = row.importance[i] ?? 1;
      this.#tokens++;
      this.#entropy += values.entropy[i] ?? 0;
      this.#weights += importance;
      this.#squares += importance * importance;
      if (beta > 0) {
        const lead = (row.ref_logprob[i] ?? 0) - logprob;
        this.#kl += Math.exp(lead) - lead - 1;
      }
      if (use_old_logprob) {
        const ratio = Math.exp(logprob - (row.old_logprob[i] ?? 0));
        if (ratio < 1 - epsilon && advantage < 0) this.#low++;
        if (ratio > 1 + epsilon_high && advantage > 0) this.#high++;
      }
    }
  }

  statistics(loss: number, grad_norm: number): TrainStatistics {
    const count = Math.max(1, this.#tokens);
    return {
      loss,
      grad_norm,
      entropy: this.#entropy / count,
      kl: this.#kl / count,
      'clip_ratio/low_mean': this.#low / count,
      'clip_ratio/high_mean': this.#high / count,
      'clip_ratio/region_mean': (this.#low + this.#high) / count,
      importance_ess: this.#squares > 0 ? this.#weights ** 2 / (count * this.#squares) : 1,
      importance_mean: this.#tokens > 0 ? this.#weights / count : 1,
      trained_tokens: this.#tokens,
    };
  }
}

/**
 * Weighted next-token cross-entropy as rows of the same loss: with advantage 1 on-policy, its
 * gradient is that of −Σ coefficient · logprob.
 */
export function prepareSupervised(rows: readonly SupervisedRow[]): PackedRow[] {
  let total = 0;
  for (const row of rows)
    for (let i = 1; i < row.token_ids.length; i++) total += row.weight[i] ?? 0;
  if (!(total > 0)) throw new Error('no token has a weight');
  return rows.map((row) => {
    const length = row.token_ids.length;
    return {
      ids: row.token_ids,
      coefficient: Float32Array.from({ length }, (_, i) =>
        i === 0 ? 0 : (row.weight[i] ?? 0) / total,
      ),
      advantage: new Float32Array(length).fill(1),
      old_logprob: new Float32Array(length),
      ref_logprob: new Float32Array(length),
    };
  });
}

/** Loss and accuracy of supervised rows, from the values of each. */
export class SupervisedMeter {
  #loss = 0;
  #right = 0;

  add(row: PackedRow, values: ChunkValues): void {
    for (let i = 1; i < row.ids.length; i++) {
      const coefficient = row.coefficient[i] ?? 0;
      const logprob = values.logprob[i] ?? 0;
      this.#loss -= coefficient * logprob;
      if (logprob >= (values.best[i] ?? 0) - 1e-6) this.#right += coefficient;
    }
  }

  statistics(grad_norm: number): SupervisedStatistics {
    return { loss: this.#loss, accuracy: this.#right, grad_norm };
  }
}

/** @throws PlainError that names what most likely broke the numbers */
export function refuseUnlessFinite(loss: number, grad_norm: number): void {
  if (Number.isFinite(loss) && Number.isFinite(grad_norm)) return;
  throw new PlainError(
    `The ${Number.isFinite(loss) ? 'gradient' : 'loss'} is not a finite number any more; the update was not applied.`,
    'Lower learning_rate, set max_grad_norm (1.0 is usual), or lower beta, and go on from the last checkpoint.',
  );
}
