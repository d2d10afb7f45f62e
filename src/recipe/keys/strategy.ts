import { t } from '@vscode/l10n';
import { z } from 'zod';
import {
  forkPolicies,
  prefixCredits,
  strategyDefaults as strategy,
  treeBaselines,
} from '../../strategy/parameters.ts';
import { count, fraction, groupOf } from '../key-info.ts';

const adaptive = groupOf('Token-adaptive strategy');

/** Where rollouts are cut and go on, and what a branch is worth. */
export const strategyShape = {
  use_token_adaptive: adaptive(
    'ours',
    z.boolean().default(strategy.use_token_adaptive),
    t('Cut a rollout where the policy gets unsure and sample again from there; off is plain GRPO.'),
  ),
  uncertainty_threshold: adaptive(
    'ours',
    fraction().default(strategy.uncertainty_threshold),
    t('A token triggers when the most likely token has a probability below this.'),
    'probability',
  ),
  entropy_threshold: adaptive(
    'ours',
    z.number().min(0).default(strategy.entropy_threshold),
    t('A token triggers when the entropy of the distribution is above this.'),
    'nats',
  ),
  min_prefix_length: adaptive(
    'ours',
    count(0).default(strategy.min_prefix_length),
    t('No token before this position of the completion triggers.'),
    'tokens',
  ),
  max_resamples_per_prefix: adaptive(
    'ours',
    count(0).max(64).default(strategy.max_resamples_per_prefix),
    t('How many times a prefix is continued again at most.'),
    'resamples',
  ),
  adaptive_temperature_scale: adaptive(
    'ours',
    z.number().min(0.1).max(10).default(strategy.adaptive_temperature_scale),
    t('Attempt k of a prefix samples at temperature × scale^k.'),
    'factor',
  ),
  fork_policy: adaptive(
    'ours',
    z.enum(forkPolicies).default(strategy.fork_policy),
    t(
      'Where new completions branch off: at the first unsure token while sampling, at the most unsure tokens of finished rollouts, or at random ones (the control).',
    ),
  ),
  prefix_credit: adaptive(
    'ours',
    z.enum(prefixCredits).default(strategy.prefix_credit),
    t(
      'What a cut rollout is worth: the mean of what grew from it, its own score as it stands, or no gradient at all.',
    ),
  ),
  tree_baseline: adaptive(
    'ours',
    z.enum(treeBaselines).default(strategy.tree_baseline),
    t('What a branch is compared with: the mean of the other roots, or that of its siblings.'),
  ),
  importance_clip: adaptive(
    'ours',
    z.number().min(1).default(strategy.importance_clip),
    t('Upper bound of the importance weight of a token that was sampled at a higher temperature.'),
    'ratio',
  ),
  num_roots: adaptive(
    'ours',
    count(2).nullable().default(null),
    t(
      'How many of the `num_generations` completions start from the prompt (empty: half); the others branch off a prefix.',
    ),
    'completions',
  ),
  fork_spacing: adaptive(
    'ours',
    count(1).default(strategy.fork_spacing),
    t('Least distance between two forks of one root (`top_entropy`, `random`).'),
    'tokens',
  ),
} as const;
