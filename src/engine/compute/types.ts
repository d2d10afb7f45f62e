import type {
  Alternatives,
  SegmentStatus,
  SegmentTokens,
  SegmentTrigger,
} from '../../run/model/segment.ts';
import type { SegmentOutcome, SegmentRequest, Thresholds } from '../../strategy/index.ts';

/** What decides which segments are generated; `RolloutPlan` is one. */
export interface GenerationPlan {
  start(): SegmentRequest[];
  finished(outcome: SegmentOutcome): SegmentRequest[];
  readonly done: boolean;
}

/** A finished segment. Values per token are of its own tokens, under the row's column names. */
export interface GeneratedSegment extends Omit<SegmentRequest, 'watch_from'> {
  status: SegmentStatus;
  trigger: SegmentTrigger | null;
  failure_point: number | null;
  failure_max_prob: number | null;
  failure_entropy: number | null;
  failure_top: Alternatives | null;
  /** Own tokens, the end token included. */
  token_ids: Int32Array;
  /** At the segment's temperature; of a greedy segment (temperature 0), at temperature 1. */
  logprob: Float32Array;
  /** At the recipe's temperature, whatever `temperature` is. */
  train_logprob: Float32Array;
  /** Temperature 1, rounded to half precision. */
  entropy: Float32Array;
  /** Temperature 1, rounded to half precision. */
  max_prob: Float32Array;
  top: SegmentTokens['top'];
}

/** What a generation round is, apart from which segments it consists of. */
export interface RoundSettings {
  /** Prompts of the round, by tree. None may be empty. */
  prompts: readonly Int32Array[];
  /** Where triggers are read from. */
  thresholds: Thresholds;
  max_completion_length: number;
  /** The recipe's temperature, for `train_logprob`. */
  temperature: number;
  /** Draws are a function of (seed, step, segment, position) and the logits alone. */
  seed: number;
  step: number;
  capture: { top_k: number; below: number };
  /** Rows decoded together on a thread; default 32. */
  slots?: number;
}

export interface GenerateRequest extends RoundSettings {
  plan: GenerationPlan;
  /**
   * Called once a segment ends, in an order that depends on nothing but the inputs. `completion`
   * is the whole path from the first token after the prompt. Returns the reward of an answered
   * completion, null where there is none.
   */
  onSegment?: (
    segment: GeneratedSegment,
    completion: Int32Array,
  ) => number | null | Promise<number | null>;
  signal?: AbortSignal;
}

export interface GenerationCosts {
  /** Tokens sampled: the sum of all segments' own tokens. */
  generated: number;
  /** Prefix tokens of resamples that were not sampled again: the sum of all `fork_at`. */
  reused: number;
  /** Prompt tokens computed; each prompt once. */
  prefilled: number;
  /** Row-steps of the decoder that advanced a segment (each row-step is one token computed). */
  row_steps: number;
  /** Decoder batches run, over all threads. */
  batches: number;
}

export interface GeneratedRound {
  /** By local segment id. */
  segments: GeneratedSegment[];
  costs: GenerationCosts;
}

/** A path from the prompt to an answered leaf, as the loss sees it. */
export interface TrainingRow {
  prompt_ids: Int32Array;
  completion_ids: Int32Array;
  /** Per completion token. */
  advantage: ArrayLike<number>;
  /** Per completion token: the mass of the leaves through it; 0 is not trained. */
  weight: ArrayLike<number>;
  /**
   * Mass of this row's own leaf: what the row counts for where a loss takes a mean over rows.
   * Default 1 (no forks).
   */
  mass?: number;
  /** Log probability at the temperature it was sampled with; null: on-policy, no importance weight. */
  behaviour_logprob: ArrayLike<number> | null;
  /** The sampling policy's log probability at the recipe's temperature. */
  train_logprob: ArrayLike<number> | null;
  /** Under the reference policy at the recipe's temperature; needed where `beta` > 0. */
  ref_logprob: ArrayLike<number> | null;
}

export const lossTypes = ['grpo', 'bnpo', 'dr_grpo', 'dapo'] as const;
export type LossType = (typeof lossTypes)[number];

/** TRL's names and defaults. */
export interface LossOptions {
  loss_type: LossType;
  epsilon: number;
  epsilon_high: number;
  /** Weight of the KL divergence (k3) to the reference policy. */
  beta: number;
  /** Logits are divided by it. */
  temperature: number;
  importance_clip: number;
  /** Denominator of `dr_grpo`. */
  max_completion_length: number;
  /** Rows a micro-batch: what `bnpo` normalises over. */
  per_device_train_batch_size: number;
  /**
   * Denominator of `dapo`: where these rows are a part of a generation round, their share of the
   * weight of all its tokens, as TRL has it from 1.13 on. Default: the weight of these rows.
   */
  round_weight?: number;
  /**
   * True: `old_logprob` is each row's `train_logprob` (needed from the second pass over a round
   * on). False: it is the current policy's own, as TRL does for `num_iterations: 1`.
   */
  use_old_logprob: boolean;
}

/** torch.optim.AdamW and Trainer's clipping, by TrainingArguments' names. */
export interface OptimizerOptions {
  /** Of this very step: see `learningRateAt`. */
  learning_rate: number;
  adam_beta1: number;
  adam_beta2: number;
  adam_epsilon: number;
  weight_decay: number;
  /** Global norm the gradient is clipped to; 0: no clipping. */
  max_grad_norm: number;
}

export const optimizerDefaults: OptimizerOptions = {
  learning_rate: 1e-6,
  adam_beta1: 0.9,
  adam_beta2: 0.999,
  adam_epsilon: 1e-8,
  weight_decay: 0,
  max_grad_norm: 1,
};

export interface TrainStatistics {
  loss: number;
  /** Mean over trained tokens, at the recipe's temperature, nats. */
  entropy: number;
  /** Mean k3 divergence to the reference over trained tokens; 0 where `beta` is 0. */
  kl: number;
  /** Share of trained tokens whose ratio was clipped below, above, either. */
  'clip_ratio/low_mean': number;
  'clip_ratio/high_mean': number;
  'clip_ratio/region_mean': number;
  /** Before clipping. */
  grad_norm: number;
  /** (Σw)² / (n·Σw²) of the importance weights of trained tokens; 1 is on-policy. */
  importance_ess: number;
  /** Mean importance weight. */
  importance_mean: number;
  /** Tokens with a weight. */
  trained_tokens: number;
}

/** A sequence for supervised training: weighted next-token cross-entropy. */
export interface SupervisedRow {
  token_ids: Int32Array;
  /** `weight[i]` is that of predicting `token_ids[i]`; `weight[0]` is never used. */
  weight: ArrayLike<number>;
}

export interface SupervisedStatistics {
  /** Σ weight · cross-entropy / Σ weight, nats. */
  loss: number;
  /** Share of weighted tokens whose most likely prediction was right. */
  accuracy: number;
  grad_norm: number;
}

/** Per completion token of each row. */
export interface RowLogprobs {
  logprob: Float32Array;
  entropy: Float32Array;
}
