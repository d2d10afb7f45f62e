import { t } from '@vscode/l10n';
import { z } from 'zod';
import {
  forkPolicies,
  prefixCredits,
  strategyDefaults as strategy,
  treeBaselines,
} from '../strategy/parameters.ts';
import { count, fraction, groupOf, positive, text } from './key-info.ts';

/** Tasks of the built-in engine; any other `dataset_name` is a file. */
export const builtInTasks = ['arithmetic', 'countdown'] as const;

/** Reward functions of the built-in engine. */
export const builtInRewards = ['accuracy', 'format'] as const;

const what = groupOf('What to train');
const rewards = groupOf('Rewards');
const adaptive = groupOf('Token-adaptive strategy');
const batches = groupOf('Batches and sampling');
const objective = groupOf('Objective');
const optimizer = groupOf('Optimizer');
const length = groupOf('How long');
const logging = groupOf('Logging, evaluation, checkpoints');

/**
 * Every key that the built-in engine knows, as data: type and range (zod), default, unit, one
 * sentence, where the name comes from. Types, checks, completion, hovers and documentation all
 * derive from here; `trl/` does the same for the other engine.
 *
 * Names and defaults are TRL's where TRL has the key, so that one recipe means one thing in both
 * engines; the departures say so in their sentence.
 */
export const recipeShape = {
  engine: what(
    'ours',
    z.enum(['built-in', 'trl']).default('built-in'),
    t('Which trainer runs the recipe: the one built into the extension, or TRL in Python.'),
  ),
  model_name_or_path: what(
    'TRL',
    text().default('base'),
    t(
      'The model to start from: `base` (the small model that is shipped) or a Hugging Face folder.',
    ),
  ),
  dataset_name: what(
    'TRL',
    text().default('arithmetic'),
    t(
      'The tasks: `arithmetic`, `countdown`, or the path of a JSONL file with `prompt` and `answer`.',
    ),
  ),
  dataset_prompt_column: what(
    'open-r1',
    text().default('prompt'),
    t('The field of a JSONL data set that holds the prompt.'),
  ),

  reward_funcs: rewards(
    'open-r1',
    z.array(text()).min(1).default(['accuracy', 'format']),
    t('The functions that score a completion.'),
  ),
  reward_weights: rewards(
    'TRL',
    z.array(z.number()).nullable().default(null),
    t('The weight of each reward function, in the same order; empty means 1 for each.'),
  ),

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

  num_generations: batches(
    'TRL',
    count(2).default(strategy.num_generations),
    t('Answered completions for each prompt.'),
    'completions',
  ),
  per_device_train_batch_size: batches(
    'TRL',
    count(1).default(8),
    t('Completions in one forward and backward pass.'),
    'completions',
  ),
  gradient_accumulation_steps: batches(
    'TRL',
    count(1).default(1),
    t('Passes whose gradients are added up before one optimizer step.'),
    'passes',
  ),
  generation_batch_size: batches(
    'TRL',
    count(2).nullable().default(null),
    t(
      'Completions sampled at once; empty means per_device_train_batch_size × gradient_accumulation_steps.',
    ),
    'completions',
  ),
  num_iterations: batches(
    'TRL',
    count(1).max(64).default(1),
    t('How many times each batch of completions is trained on.'),
    'passes',
  ),
  max_completion_length: batches(
    'TRL',
    count(1).default(256),
    t('A completion ends here at the latest.'),
    'tokens',
  ),
  temperature: batches(
    'TRL',
    positive().max(100).default(strategy.temperature),
    t('Sampling temperature of completions that start from the prompt.'),
  ),

  loss_type: objective(
    'TRL',
    z.enum(['grpo', 'bnpo', 'dr_grpo', 'dapo']).default('dapo'),
    t(
      'How the loss of the tokens is averaged: per completion, per micro-batch token, per constant, or per token of the whole batch.',
    ),
  ),
  epsilon: objective(
    'TRL',
    z.number().min(0).default(0.2),
    t('How far below 1 the probability ratio of a token may go before it is clipped.'),
  ),
  epsilon_high: objective(
    'TRL',
    z.number().min(0).nullable().default(null),
    t('How far above 1 it may go; empty means the same as `epsilon`.'),
  ),
  beta: objective(
    'TRL',
    z.number().min(0).default(0),
    t('Weight of the KL penalty towards the model the run started from; 0 leaves that model out.'),
  ),
  scale_rewards: objective(
    'TRL',
    z
      .union([z.enum(['group', 'batch', 'none']), z.boolean()])
      .transform((scale) => (scale === true ? 'group' : scale === false ? 'none' : scale))
      .default('group'),
    t(
      'Divide advantages by the standard deviation of the prompt group, of the whole batch, or not at all.',
    ),
  ),

  learning_rate: optimizer(
    'TRL',
    positive().max(1).default(1e-6),
    t('Peak learning rate of AdamW.'),
  ),
  lr_scheduler_type: optimizer(
    'TRL',
    z.enum(['constant', 'constant_with_warmup', 'linear', 'cosine']).default('linear'),
    t(
      'How the learning rate goes on after the warm-up: it stays, or falls to 0 along a line or a cosine.',
    ),
  ),
  warmup_steps: optimizer(
    'TRL',
    count(0).default(0),
    t('Steps over which the learning rate rises from 0.'),
    'steps',
  ),
  weight_decay: optimizer('TRL', z.number().min(0).max(1).default(0), t('Weight decay of AdamW.')),
  adam_beta1: optimizer(
    'TRL',
    z.number().min(0).lt(1).default(0.9),
    t('Decay of the mean of the gradients.'),
  ),
  adam_beta2: optimizer(
    'TRL',
    z.number().min(0).lt(1).default(0.999),
    t('Decay of the mean of the squared gradients.'),
  ),
  adam_epsilon: optimizer('TRL', positive().default(1e-8), t('Keeps AdamW from dividing by 0.')),
  max_grad_norm: optimizer(
    'TRL',
    z.number().min(0).default(1),
    t('The gradient is scaled down to this norm; 0 turns clipping off.'),
  ),

  max_steps: length(
    'TRL',
    count(1).default(200),
    t('Optimizer steps after which the run ends (here it has a default, as there are no epochs).'),
    'steps',
  ),
  max_generated_tokens: length(
    'ours',
    count(1).nullable().default(null),
    t('Budget of sampled tokens: the run ends after the step that uses it up, or at `max_steps`.'),
    'tokens',
  ),
  seed: length(
    'TRL',
    count(0).max(0xffffffff).default(42),
    t('Everything random follows from this.'),
  ),
  threads: length(
    'ours',
    count(0).max(256).default(0),
    t('Threads the built-in engine computes with; 0 means one a core, 8 at most.'),
    'threads',
  ),

  logging_steps: logging(
    'TRL',
    count(1).default(1),
    t('How often a headless run prints a line (every step is recorded in any case).'),
    'steps',
  ),
  save_steps: logging(
    'TRL',
    count(1).default(50),
    t('How often a checkpoint is written.'),
    'steps',
  ),
  save_total_limit: logging(
    'TRL',
    count(1).nullable().default(null),
    t('How many checkpoints are kept; empty keeps all.'),
    'checkpoints',
  ),
  eval_steps: logging(
    'TRL',
    count(1).nullable().default(null),
    t('How often the held-out prompts are tried; empty means at the start and at the end only.'),
    'steps',
  ),
  eval_num_prompts: logging(
    'ours',
    count(0).default(64),
    t('How many held-out prompts are tried; 0 turns evaluation off.'),
    'prompts',
  ),
  eval_num_generations: logging(
    'ours',
    count(1).max(64).default(4),
    t('Sampled completions for each held-out prompt: the k of pass@k.'),
    'completions',
  ),
  output_dir: logging(
    'TRL',
    text().nullable().default(null),
    t('The run directory; empty means a new folder below `runs`.'),
  ),
  run_name: logging(
    'TRL',
    text().nullable().default(null),
    t('The name shown for the run; empty means that of the recipe file.'),
  ),
  report_to: logging(
    'TRL',
    z.union([text(), z.array(text())]).default('none'),
    t('Services that get the metrics as well (TRL engine only).'),
  ),
  resume_from_checkpoint: logging(
    'TRL',
    z.union([z.boolean(), text()]).nullable().default(null),
    t('Go on from a checkpoint folder, or with `true` from the last one in `output_dir`.'),
  ),
  capture_top_k: logging(
    'ours',
    count(0).max(50).default(5),
    t('Alternatives recorded for each unsure token.'),
    'tokens',
  ),
  capture_below: logging(
    'ours',
    fraction().default(0.99),
    t('A token counts as unsure for `capture_top_k` when its max prob is below this.'),
    'probability',
  ),
  capture_groups_per_step: logging(
    'ours',
    count(1).nullable().default(null),
    t('Prompts whose rollouts are recorded in each step; empty records all.'),
    'prompts',
  ),
} as const;

export const recipeSchema = z.object(recipeShape);

/** A recipe with every key resolved. */
export type Recipe = z.output<typeof recipeSchema>;
export type RecipeKeyName = keyof Recipe;

export const recipeKeyNames: readonly string[] = Object.keys(recipeShape);

export function isRecipeKey(name: string): name is RecipeKeyName {
  return Object.hasOwn(recipeShape, name);
}
