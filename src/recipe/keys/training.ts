import { t } from '@vscode/l10n';
import { z } from 'zod';
import { strategyDefaults as strategy } from '../../strategy/parameters.ts';
import { count, groupOf, positive } from '../key-info.ts';

const batches = groupOf('Batches and sampling');
const objective = groupOf('Objective');
const optimizer = groupOf('Optimizer');

/** What is sampled for a step, and what the step does with it. */
export const trainingShape = {
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
    t(
      'Weight of the KL penalty towards the model the run started from; 0 leaves that model out. The built-in engine adds it as it is, as TRL does with `use_bias_correction_kl: false`.',
    ),
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
} as const;
