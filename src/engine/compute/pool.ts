import { packRows, shareOut, unpackValues, type PackedRow } from './batch.ts';
import type { ModelConfig } from './config.ts';
import { generateRound } from './generate.ts';
import { weightLayout } from './layout.ts';
import {
  LossMeter,
  prepareRows,
  prepareSupervised,
  refuseUnlessFinite,
  SupervisedMeter,
} from './loss.ts';
import type { SharedModel, WeightsVersion } from './protocol.ts';
import type { ChunkScalars, ChunkValues } from './replica.ts';
import { ComputeThread } from './thread.ts';
import type {
  GeneratedRound,
  GenerateRequest,
  LossOptions,
  OptimizerOptions,
  RowLogprobs,
  SupervisedRow,
  SupervisedStatistics,
  TrainingRow,
  TrainStatistics,
} from './types.ts';

export interface PoolOptions {
  /**
   * Compute threads. Results depend on it in the last digits (gradients are summed thread by
   * thread), so it belongs to the recipe rather than to the machine.
   */
  threads: number;
  /** Keep the weights it starts with as the reference policy (`beta` > 0). */
  reference?: boolean;
}

/** What AdamW remembers, for an exact resume. */
export interface OptimizerSnapshot {
  exp_avg: Float32Array;
  exp_avg_sq: Float32Array;
  step: number;
}

/**
 * A model and the threads that compute with it. Calls run one after the other, in the order they
 * were made; the thread that calls never computes.
 */
export class ComputePool {
  readonly config: ModelConfig;
  /** Settles when all threads have ended, for whatever reason. */
  readonly stopped: Promise<void>;
  readonly #model: SharedModel;
  readonly #threads: ComputeThread[];
  #version = 0;
  #updates = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(config: ModelConfig, weights: Float32Array, options: PoolOptions) {
    const { size } = weightLayout(config);
    if (weights.length !== size)
      throw new Error(`the model has ${size} weights, not ${weights.length}`);
    this.config = config;
    this.#model = {
      config,
      weights: shared(size, weights),
      reference: options.reference === true ? shared(size, weights) : null,
      gradients: Array.from({ length: options.threads }, () => shared(size)),
      exp_avg: shared(size),
      exp_avg_sq: shared(size),
    };
    this.#threads = this.#model.gradients.map((_, i) => new ComputeThread(i, this.#model));
    this.stopped = Promise.all(this.#threads.map((thread) => thread.stopped)).then(() => undefined);
  }

  /** A copy of the weights, flat; see `weightLayout`. */
  weights(): Float32Array {
    return this.#model.weights.slice();
  }

  optimizer(): OptimizerSnapshot {
    const { exp_avg, exp_avg_sq } = this.#model;
    return { exp_avg: exp_avg.slice(), exp_avg_sq: exp_avg_sq.slice(), step: this.#updates };
  }

  /** Goes back to a state that `weights()` and `optimizer()` gave. */
  restore(weights: Float32Array, optimizer: OptimizerSnapshot | null): Promise<void> {
    return this.#exclusive(() => {
      this.#model.weights.set(weights);
      this.#model.exp_avg.set(optimizer?.exp_avg ?? new Float32Array(weights.length));
      this.#model.exp_avg_sq.set(optimizer?.exp_avg_sq ?? new Float32Array(weights.length));
      this.#updates = optimizer?.step ?? 0;
      this.#version++;
      return Promise.resolve();
    });
  }

  /**
   * Generates what a plan asks for.
   *
   * @throws the signal's reason when aborted; what `onSegment` or the plan throws
   */
  generate(request: GenerateRequest): Promise<GeneratedRound> {
    return this.#exclusive(() => generateRound(this.#threads, this.#policy, request));
  }

  /**
   * One optimizer step of the GRPO objective over all rows.
   *
   * @throws PlainError when loss or gradient is not finite; the weights are then as before
   */
  trainStep(
    rows: readonly TrainingRow[],
    loss: LossOptions,
    optimizer: OptimizerOptions,
  ): Promise<TrainStatistics> {
    return this.#exclusive(async () => {
      const prepared = prepareRows(rows, loss);
      const meter = new LossMeter(loss);
      const total = await this.#gradients(prepared, loss, (row, values) => {
        const own = prepared[row];
        if (own) meter.add(own, values);
      });
      return meter.statistics(total, await this.#update(total, optimizer));
    });
  }

  /** One optimizer step of weighted next-token cross-entropy. Fails like `trainStep`. */
  supervisedStep(
    rows: readonly SupervisedRow[],
    optimizer: OptimizerOptions,
  ): Promise<SupervisedStatistics> {
    return this.#exclusive(async () => {
      const prepared = prepareSupervised(rows);
      const meter = new SupervisedMeter();
      const scalars = {
        temperature: 1,
        epsilon: 0.2,
        epsilon_high: 0.2,
        beta: 0,
        use_old_logprob: false,
      };
      const total = await this.#gradients(prepared, scalars, (row, values) => {
        const own = prepared[row];
        if (own) meter.add(own, values);
      });
      return meter.statistics(await this.#update(total, optimizer));
    });
  }

  /** Log probabilities and entropies of completions, under the policy or the reference. */
  logprobs(
    rows: readonly Pick<TrainingRow, 'prompt_ids' | 'completion_ids'>[],
    temperature: number,
    source: 'policy' | 'reference' = 'policy',
  ): Promise<RowLogprobs[]> {
    return this.#exclusive(async () => {
      const packed = rows.map(({ prompt_ids, completion_ids }): PackedRow => {
        const length = prompt_ids.length + completion_ids.length;
        const ids = new Int32Array(length);
        ids.set(prompt_ids);
        ids.set(completion_ids, prompt_ids.length);
        const zeros = new Float32Array(length);
        return {
          ids,
          coefficient: zeros,
          advantage: zeros,
          old_logprob: zeros,
          ref_logprob: zeros,
        };
      });
      const shares = shareOut(packRows(packed), this.#threads.length);
      const weights = source === 'policy' ? this.#policy : { source, version: 0 };
      const answers = await Promise.all(
        this.#threads.map((thread, i) => {
          const chunks = (shares[i] ?? []).map(({ chunk }) => chunk);
          return thread.call({ task: 'values', weights, chunks, temperature });
        }),
      );
      const results: RowLogprobs[] = [];
      shares.forEach((share, thread) =>
        share.forEach((chunk, at) => {
          const values = answers[thread]?.[at];
          if (!values) throw new Error('a thread answered with too few chunks');
          unpackValues(chunk, values, packed, (row, own) => {
            const start = rows[row]?.prompt_ids.length ?? 0;
            results[row] = {
              logprob: own.logprob.slice(start),
              entropy: own.entropy.slice(start),
            };
          });
        }),
      );
      return results;
    });
  }

  /** Ends the threads; calls under way are refused. */
  async stop(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.stop()));
    await this.stopped;
  }

  get #policy(): WeightsVersion {
    return { source: 'policy', version: this.#version };
  }

  /** Fills the threads' gradients; hands out each row's values; returns the loss. */
  async #gradients(
    rows: readonly PackedRow[],
    scalars: ChunkScalars,
    take: (row: number, values: ChunkValues) => void,
  ): Promise<number> {
    const shares = shareOut(packRows(rows), this.#threads.length);
    const { temperature, epsilon, epsilon_high, beta, use_old_logprob } = scalars;
    const answers = await Promise.all(
      this.#threads.map((thread, i) =>
        thread.call({
          task: 'gradients',
          weights: this.#policy,
          chunks: (shares[i] ?? []).map(({ chunk }) => chunk),
          scalars: { temperature, epsilon, epsilon_high, beta, use_old_logprob },
        }),
      ),
    );
    let loss = 0;
    answers.forEach((answer, thread) => {
      loss += answer.loss;
      shares[thread]?.forEach((chunk, at) => {
        const values = answer.values[at];
        if (values) unpackValues(chunk, values, rows, take);
      });
    });
    return loss;
  }

  /** Applies the threads' gradients; returns their norm. */
  async #update(loss: number, options: OptimizerOptions): Promise<number> {
    const [first] = this.#threads;
    if (!first) throw new Error('no compute thread');
    refuseUnlessFinite(loss, 0);
    const { grad_norm, applied } = await first.call({
      task: 'update',
      options,
      step: this.#updates,
    });
    if (applied) {
      this.#updates++;
      this.#version++;
    }
    refuseUnlessFinite(loss, grad_norm);
    return grad_norm;
  }

  /** Runs after everything that was asked before. */
  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

function shared(size: number, content?: Float32Array): Float32Array {
  const array = new Float32Array(new SharedArrayBuffer(size * 4));
  if (content) array.set(content);
  return array;
}
