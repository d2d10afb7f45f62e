/**
 * The strategy's parameters under the names of the recipe. The first six and their defaults are
 * fixed by the product's specification.
 */
export interface StrategyParameters {
  /** Off: plain GRPO, the baseline. */
  use_token_adaptive: boolean;
  /** Trigger when the most likely token's probability is below this. */
  uncertainty_threshold: number;
  /** Trigger when the distribution's entropy is above this, in nats. */
  entropy_threshold: number;
  /** No trigger before this many tokens of the completion. */
  min_prefix_length: number;
  max_resamples_per_prefix: number;
  /** Resample attempt `k` of a prefix samples at `temperature · scale^k`. */
  adaptive_temperature_scale: number;

  fork_policy: ForkPolicy;
  prefix_credit: PrefixCredit;
  tree_baseline: TreeBaseline;
  /** Upper bound of the token-level importance weight of off-policy (hotter) tokens. */
  importance_clip: number;
  /** Answered completions a prompt gets in a step; TRL's name. */
  num_generations: number;
  /** How many of them start from the prompt; the others branch off a prefix. */
  num_roots: number;
  /** Least distance, in tokens, between two forks of one root (`top_entropy`, `random`). */
  fork_spacing: number;
  /** Sampling temperature of the roots; TRL's name. */
  temperature: number;
}

export const forkPolicies = ['first_failure', 'top_entropy', 'random'] as const;
export type ForkPolicy = (typeof forkPolicies)[number];

export const prefixCredits = ['children', 'stub', 'mask'] as const;
export type PrefixCredit = (typeof prefixCredits)[number];

export const treeBaselines = ['other_roots', 'siblings'] as const;
export type TreeBaseline = (typeof treeBaselines)[number];

export const strategyDefaults: StrategyParameters = {
  use_token_adaptive: true,
  uncertainty_threshold: 0.7,
  entropy_threshold: 2.0,
  min_prefix_length: 15,
  max_resamples_per_prefix: 3,
  adaptive_temperature_scale: 1.2,
  fork_policy: 'first_failure',
  prefix_credit: 'children',
  tree_baseline: 'other_roots',
  importance_clip: 2.0,
  num_generations: 8,
  num_roots: 4,
  fork_spacing: 4,
  temperature: 1.0,
};
