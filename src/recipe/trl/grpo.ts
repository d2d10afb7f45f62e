import { t } from '@vscode/l10n';
import { z } from 'zod';
import {
  atLeast,
  count,
  flag,
  fraction,
  groupOf,
  mapping,
  optional,
  positive,
  text,
} from '../key-info.ts';

/** Keys of TRL's own `GRPOConfig`, read from TRL 1.13; those of vLLM are in `generation.ts`. */

const rewards = groupOf('Rewards');
const batches = groupOf('Batches and sampling');
const objective = groupOf('Objective');
const logging = groupOf('Logging, evaluation, checkpoints');
const memory = groupOf('Precision and memory');
const data = groupOf('Data');
const what = groupOf('What to train');
const devices = groupOf('More than one device');

export const grpoShape = {
  model_init_kwargs: what(
    'TRL',
    optional(z.union([mapping(), text()])),
    t('What else `from_pretrained` gets.'),
  ),
  trust_remote_code: what(
    'TRL',
    flag(false),
    t("Run Python code that comes with somebody's model."),
  ),
  disable_dropout: what('TRL', flag(false), t('Turn dropout off.')),
  router_aux_loss_coef: objective(
    'TRL',
    z.number().nullable().default(0.001),
    t(
      'Weight of the load-balancing loss of mixture-of-experts models; empty from TRL 1.16 on means the model’s own.',
    ),
  ),
  cast_lm_head_to_fp32: memory(
    'TRL',
    flag(false),
    t('Compute the last layer in float32 (models with an untied head only).'),
  ),
  ds3_gather_for_generation: devices(
    'TRL',
    flag(true),
    t('DeepSpeed ZeRO-3: bring the weights together for generation; fast, if they fit.'),
  ),

  num_generations_eval: batches(
    'TRL',
    optional(count(1)),
    t('Completions for each prompt while evaluating; empty means `num_generations`.'),
    'completions',
  ),
  max_completion_length: batches(
    'TRL',
    optional(count(1)).default(512),
    t('A completion ends here at the latest.'),
    'tokens',
  ),
  steps_per_generation: batches(
    'TRL',
    optional(count(1)),
    t('Micro-batches that one generation round feeds; empty means `gradient_accumulation_steps`.'),
    'passes',
  ),
  top_p: batches(
    'TRL',
    positive().max(1).default(1),
    t('Sample from the most likely tokens that make up this mass.'),
    'probability',
  ),
  top_k: batches(
    'TRL',
    count(0).default(0),
    t('Sample from this many of the most likely tokens; 0 means all.'),
    'tokens',
  ),
  min_p: batches(
    'TRL',
    optional(fraction()),
    t('Leave out tokens less likely than this share of the most likely one.'),
    'probability',
  ),
  repetition_penalty: batches(
    'TRL',
    positive().default(1),
    t('Above 1, tokens that were there before get less likely.'),
    'factor',
  ),
  generation_kwargs: batches(
    'TRL',
    optional(z.union([mapping(), text()])),
    t('What else the sampler gets.'),
  ),
  chat_template_kwargs: batches(
    'TRL',
    optional(z.union([mapping(), text()])),
    t('What the chat template gets, such as `enable_thinking`.'),
  ),
  cache_implementation: batches(
    'TRL',
    optional(text()),
    t('The kind of key-value cache, when vLLM is not used.'),
  ),
  max_tool_calling_iterations: batches(
    'TRL',
    optional(count(0)),
    t('Turns with tools an agent may take; empty means no limit.'),
    'turns',
  ),
  shuffle_dataset: data('TRL', flag(true), t('Shuffle the training data.')),
  pad_to_multiple_of: data(
    'TRL',
    optional(z.union([count(1), z.literal('auto')])),
    t(
      'Pad lengths to a multiple; `auto` (from TRL 1.16 on) does so where the hardware asks for it.',
    ),
    'tokens',
  ),
  remove_unused_columns: data(
    'TRL',
    flag(false),
    t('Drop every column but the prompt; reward functions that read others need false.'),
  ),

  loss_type: objective(
    'TRL',
    z.enum(['grpo', 'dr_grpo', 'dapo', 'bnpo', 'cispo', 'sapo', 'luspo', 'vespo']).default('dapo'),
    t(
      'How the loss of the tokens is clipped and averaged; `dapo` averages over all tokens of the batch.',
    ),
  ),
  delta: objective(
    'TRL',
    optional(positive()),
    t('An upper bound of the probability ratio for negative advantages too (two-sided clipping).'),
    'ratio',
  ),
  importance_sampling_level: objective(
    'TRL',
    z.enum(['token', 'sequence']).default('token'),
    t('One probability ratio a token, or one a completion (GSPO).'),
  ),
  mask_truncated_completions: objective(
    'TRL',
    flag(false),
    t('Completions that ran into the length limit do not train.'),
  ),
  sync_ref_model: objective(
    'TRL',
    flag(false),
    t('Move the reference model towards the policy now and then.'),
  ),
  ref_model_mixup_alpha: objective(
    'TRL',
    fraction().default(0.6),
    t('How much of the policy goes into the reference model then.'),
    'share',
  ),
  ref_model_sync_steps: objective(
    'TRL',
    count(1).default(512),
    t('How often the reference model is moved.'),
    'steps',
  ),
  top_entropy_quantile: objective(
    'TRL',
    fraction().default(1),
    t('Train on this share of the most unsure tokens only (0.2 is the 80/20 rule).'),
    'share',
  ),
  entropy_coef: objective(
    'TRL',
    z.number().default(0),
    t('Weight of an entropy bonus in the loss; 0 turns it off.'),
  ),
  use_adaptive_entropy: objective(
    'TRL',
    flag(false),
    t('Adjust `entropy_coef` after every step so that the entropy stays near `entropy_target`.'),
  ),
  entropy_coef_min: objective('TRL', z.number().default(0), t('It goes no lower than this.')),
  entropy_coef_max: objective('TRL', z.number().default(1), t('It goes no higher than this.')),
  entropy_coef_delta: objective('TRL', atLeast(0).default(0.005), t('It moves by this in a step.')),
  entropy_target: objective(
    'TRL',
    atLeast(0).default(0.2),
    t('The entropy a token should have at least.'),
    'nats',
  ),
  off_policy_mask_threshold: objective(
    'TRL',
    optional(positive()),
    t(
      'Leave out bad completions that the policy has moved this far away from (KL); empty keeps all.',
    ),
    'nats',
  ),
  use_bias_correction_kl: objective(
    'TRL',
    flag(true),
    t('Weigh the KL penalty by the probability ratio, which makes its gradient unbiased.'),
  ),
  sapo_temperature_neg: objective(
    'TRL',
    positive().default(1.05),
    t('SAPO: softness of the gate where the advantage is not positive.'),
  ),
  sapo_temperature_pos: objective(
    'TRL',
    positive().default(1),
    t('SAPO: softness of the gate where the advantage is positive.'),
  ),
  vespo_k_pos: objective('TRL', z.number().default(2), t('VESPO: exponent, positive advantage.')),
  vespo_lambda_pos: objective('TRL', z.number().default(3), t('VESPO: decay, positive advantage.')),
  vespo_k_neg: objective('TRL', z.number().default(3), t('VESPO: exponent, negative advantage.')),
  vespo_lambda_neg: objective('TRL', z.number().default(2), t('VESPO: decay, negative advantage.')),
  multi_objective_aggregation: rewards(
    'TRL',
    z.enum(['sum_then_normalize', 'normalize_then_sum']).default('sum_then_normalize'),
    t('Add up the weighted rewards first, or scale each to unit variance first (GDPO).'),
  ),

  log_completions: logging('TRL', flag(false), t('Log some prompts with their completions.')),
  log_multimodal: logging('TRL', flag(true), t('Log images and videos with them.')),
  num_completions_to_print: logging(
    'TRL',
    optional(count(0)),
    t('How many of them are printed; empty means all.'),
    'completions',
  ),
  log_unique_prompts: logging('TRL', flag(false), t('Log each prompt once.')),
  log_completions_hub_repo: logging(
    'TRL',
    optional(text()),
    t('The Hub repository that gets the logged completions.'),
  ),
} as const;
