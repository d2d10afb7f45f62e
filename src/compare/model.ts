import { z } from 'zod';
import { recipeValues, runStates } from '../run/model/manifest.ts';

/**
 * `comparison.json`: two sides, each a set of runs that differ by their seed alone, and what was
 * found between them. It holds all curves and the table, so that it opens again where the runs are
 * gone; only laying prompts side by side needs the run directories.
 *
 * By convention the first side is the baseline; a difference is always second minus first.
 */
export const COMPARISON_VERSION = 1;

/** What curves can be drawn against. */
export const axes = ['generated_tokens', 'step', 'seconds', 'cost'] as const;
export type Axis = (typeof axes)[number];

/** A place in training, and what was measured there. */
const point = z.object({
  /** Optimizer steps done; 0 is the base model. */
  step: z.number().int().nonnegative(),
  /** Tokens sampled for training so far; null where the trainer doesn't count them. */
  generated_tokens: z.number().nonnegative().nullable(),
  /**
   * Seconds of training so far: the sum of the steps' own times. Evaluation, pauses, and the time
   * between a crash and going on are left out, so that they favour nobody.
   */
  seconds: z.number().nonnegative(),
  metrics: z.record(z.string(), z.number()),
});
export type Point = z.infer<typeof point>;

/** A held-out set that the final checkpoint was tried on (`--benchmarks`). */
const benchmark = z.object({
  /** As it was asked for: `arithmetic`, `gsm8k`, … or the path of a file. */
  name: z.string(),
  prompts: z.number().int().nonnegative(),
  /** `eval/accuracy` (greedy), `eval/pass@1`, `eval/pass@k`. */
  metrics: z.record(z.string(), z.number()),
});
export type Benchmark = z.infer<typeof benchmark>;

/** One run of a side: one seed. */
export const comparedRun = z.object({
  /** With `/`; relative to the folder of the comparison where it lies below it, else absolute. */
  directory: z.string(),
  run_id: z.string(),
  name: z.string(),
  engine: z.string(),
  strategy: z.enum(['adaptive', 'baseline']),
  model: z.string(),
  seed: z.number().int(),
  git_commit: z.string().nullable(),
  host: z.string(),
  /** ISO 8601. */
  started_at: z.string(),
  /** `crashed`: it says that it goes on, but its process is gone. */
  state: z.enum([...runStates, 'crashed']),
  /** Resolved and flat: key to value. */
  recipe: recipeValues,
  /** Names the tokenizer's vocabulary: equal where it is the same; null where it isn't known. */
  tokenizer: z.string().nullable(),
  /** By step. The metrics are `keptMetrics`, where the step has them. */
  steps: z.array(point),
  /** By step: `eval/accuracy` (greedy), `eval/pass@1`, `eval/pass@k` on held-out prompts. */
  evaluations: z.array(point),
  benchmarks: z.array(benchmark),
  /** Plain sentences about what of the run could not be read, or is missing. */
  problems: z.array(z.string()),
});
export type ComparedRun = z.infer<typeof comparedRun>;

/** Metrics of steps that a comparison keeps; the runs' own logs have the rest. */
export const keptMetrics = [
  'reward',
  'reward_std',
  'rewards/accuracy',
  'entropy',
  'completions/mean_length',
  'completions/clipped_ratio',
  'adaptive/truncation_rate',
  'adaptive/resample_rate',
  'adaptive/avg_failure_point',
  'adaptive/rescue_rate',
  'adaptive/total_rollouts',
  'tokens/reused',
  'tokens/trained',
  'tokens/evaluated',
] as const;

export const comparedSide = z.object({
  /** What a person calls it, e.g. `baseline`. */
  name: z.string(),
  /** By seed. May be empty in a comparison that has only begun. */
  runs: z.array(comparedRun),
});
export type ComparedSide = z.infer<typeof comparedSide>;
export type Sides = readonly [ComparedSide, ComparedSide];

/** What a run costs. Both null: there is no cost, and nothing can be drawn against it. */
export const pricing = z.object({
  per_hour: z.number().nonnegative().nullable(),
  per_million_tokens: z.number().nonnegative().nullable(),
  /** Put before amounts: `$`, `€`, `kWh `. */
  currency: z.string(),
});
export type Pricing = z.infer<typeof pricing>;
export const noPricing: Pricing = { per_hour: null, per_million_tokens: null, currency: '$' };

/** What a row's numbers are: decides how they are written. */
export const units = [
  'fraction',
  'tokens',
  'segments',
  'seconds',
  'cost',
  'nats',
  'reward',
] as const;
export type Unit = (typeof units)[number];

/** One run's value in a row. */
const cellValue = z.object({
  seed: z.number().int(),
  /** Null: not known, or (with `beyond`) not reached. */
  value: z.number().nullable(),
  /** Not reached within this much (tokens, money): all that is known is "more than". */
  beyond: z.number().nullable(),
});

/** One side of a row. */
const cell = z.object({
  /** Over the runs that have a value; null where none has, or some never reached the target. */
  mean: z.number().nullable(),
  /** Half of the 95 % t-interval of the mean over seeds; null with fewer than two values. */
  margin: z.number().nullable(),
  /** By seed, one for each run of the side. */
  values: z.array(cellValue),
});
export type Cell = z.infer<typeof cell>;

/** Second side minus first. */
const difference = z.object({
  mean: z.number(),
  /** Ends of the 95 % interval of the difference over seeds. */
  low: z.number(),
  high: z.number(),
  /** `paired`: a paired t over the seeds both sides have; `welch`: the seeds differ. */
  method: z.enum(['paired', 'welch']),
  /** Seeds used: pairs, or those of the side with fewer. At least 2. */
  seeds: z.number().int().min(2),
});
export type Difference = z.infer<typeof difference>;

/**
 * - `second`, `first`: that side is better by more than noise
 * - `differs`: more than noise where neither direction is better
 * - `noise`: the interval of the difference holds 0
 * - `unknown`: too few seeds, a target not reached, or nothing to compare
 */
export const verdicts = ['second', 'first', 'differs', 'noise', 'unknown'] as const;
export type Verdict = (typeof verdicts)[number];

const row = z.object({
  /**
   * `final_accuracy`, `tokens_to/0.6` (the target), `cost_per_point`, `adaptive/truncation_rate`,
   * `benchmark/<name>`, … : stable, for machines.
   */
  id: z.string(),
  /** What it is called, for people. */
  label: z.string(),
  /** How it is worked out, one sentence. */
  meaning: z.string(),
  unit: z.enum(units),
  better: z.enum(['higher', 'lower', 'neither']),
  sides: z.tuple([cell, cell]),
  /** Mean difference, known with one seed too; null where a side has no mean. */
  delta: z.number().nullable(),
  /** With its interval; null with fewer than two seeds a side. */
  difference: difference.nullable(),
  verdict: z.enum(verdicts),
  /** The verdict in plain words, with the numbers. */
  sentence: z.string(),
});
export type Row = z.infer<typeof row>;

/** Something a person must know before reading the table. */
const note = z.object({
  severity: z.enum(['info', 'warning']),
  /** Stable, for machines: `different_tasks`, `one_seed`, `run_incomplete`, … */
  code: z.string(),
  /** What is so, and what that means. */
  sentence: z.string(),
});
export type Note = z.infer<typeof note>;

export const comparisonSchema = z.object({
  version: z.literal(COMPARISON_VERSION),
  name: z.string(),
  /** ISO 8601. */
  created_at: z.string(),
  /** Commands by which it was made; empty where it was put together by hand. */
  commands: z.array(z.string()),
  /** Generated tokens each run was given; null where there was no common budget. */
  budget: z.number().int().positive().nullable(),
  pricing,
  /** Held-out accuracies whose price in tokens the table tells. */
  targets: z.array(z.number()),
  sides: z.tuple([comparedSide, comparedSide]),
  table: z.array(row),
  notes: z.array(note),
  /** Whether token ids mean the same on both sides, so that rollouts can be compared by token. */
  same_tokens: z.boolean(),
});
export type Comparison = z.infer<typeof comparisonSchema>;
