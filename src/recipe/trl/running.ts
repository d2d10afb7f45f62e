import { t } from '@vscode/l10n';
import { z } from 'zod';
import {
  groupOf,
  atLeast,
  count,
  flag,
  mapping,
  optional,
  positive,
  text,
  texts,
} from '../key-info.ts';

/**
 * Keys of transformers' `TrainingArguments` about everything around the training: logs, evaluation,
 * checkpoints, data, the Hub, devices (see `training.ts`).
 */

const length = groupOf('How long');
const logging = groupOf('Logging, evaluation, checkpoints');
const batches = groupOf('Batches and sampling');
const data = groupOf('Data');
const hub = groupOf('Hugging Face Hub');
const devices = groupOf('More than one device');

const interval = ['no', 'steps', 'epoch'] as const;
const logLevels = ['debug', 'info', 'warning', 'error', 'critical', 'passive', 'detail'] as const;
/** A number of steps, or below 1 a share of all steps. */
const stepsOrShare = () => positive();

export const runningShape = {
  logging_strategy: logging('transformers', z.enum(interval).default('steps'), t('When to log.')),
  logging_steps: logging(
    'transformers',
    stepsOrShare().default(10),
    t('How often metrics are logged; below 1 a share of all steps.'),
    'steps',
  ),
  logging_first_step: logging('transformers', flag(false), t('Log the first step in any case.')),
  logging_nan_inf_filter: logging(
    'transformers',
    flag(true),
    t('Leave NaN and infinite losses out of the logged mean.'),
  ),
  log_on_each_node: logging(
    'transformers',
    flag(true),
    t('Every machine logs, not only the first.'),
  ),
  log_level: logging(
    'transformers',
    z.enum(logLevels).default('passive'),
    t('How much the main process says; `passive` leaves it to the library.'),
  ),
  log_level_replica: logging(
    'transformers',
    z.enum(logLevels).default('warning'),
    t('How much the other processes say.'),
  ),
  disable_tqdm: logging('transformers', optional(z.boolean()), t('No progress bars.')),
  include_num_input_tokens_seen: logging(
    'transformers',
    z.union([z.enum(['all', 'non_padding', 'no']), z.boolean()]).default('no'),
    t('Count the tokens that went through training.'),
  ),
  report_to: logging(
    'transformers',
    z.union([text(), texts()]).nullable().default('none'),
    t('Services that get the metrics: `wandb`, `trackio`, `tensorboard`, …, or `none`.'),
  ),
  project: logging('transformers', text().default('huggingface'), t('The project in Trackio.')),
  trackio_space_id: logging(
    'transformers',
    optional(text()),
    t('The Hugging Face Space that shows Trackio metrics live.'),
  ),
  trackio_bucket_id: logging('transformers', optional(text()), t('The bucket of that Space.')),
  trackio_static_space_id: logging(
    'transformers',
    optional(z.union([z.literal(false), text()])),
    t('A read-only Space for links from a model card; false for none.'),
  ),
  eval_strategy: logging('transformers', z.enum(interval).default('no'), t('When to evaluate.')),
  eval_steps: logging(
    'transformers',
    optional(stepsOrShare()),
    t('How often to evaluate; empty means with every log, below 1 a share of all steps.'),
    'steps',
  ),
  eval_delay: logging(
    'transformers',
    atLeast(0).default(0),
    t('Steps or epochs (as `eval_strategy` counts) before the first evaluation.'),
  ),
  eval_on_start: logging('transformers', flag(false), t('Evaluate before the first step.')),
  per_device_eval_batch_size: batches(
    'transformers',
    count(1).default(8),
    t('Completions a device handles at once while evaluating.'),
    'completions',
  ),
  eval_accumulation_steps: logging(
    'transformers',
    optional(count(1)),
    t('Evaluation results stay on the device for this many passes.'),
    'passes',
  ),
  eval_do_concat_batches: logging(
    'transformers',
    flag(true),
    t('Join the evaluation batches into one result.'),
  ),
  eval_use_gather_object: logging(
    'transformers',
    flag(false),
    t('Gather evaluation results that are not tensors from all processes.'),
  ),
  prediction_loss_only: logging(
    'transformers',
    flag(false),
    t('Evaluation returns the loss only.'),
  ),
  include_for_metrics: logging(
    'transformers',
    texts().default([]),
    t('What evaluation metrics get besides: `inputs`, `loss`.'),
  ),
  batch_eval_metrics: logging(
    'transformers',
    flag(false),
    t('Compute evaluation metrics batch by batch.'),
  ),
  save_strategy: logging(
    'transformers',
    z.enum([...interval, 'best']).default('steps'),
    t('When a checkpoint is written.'),
  ),
  save_steps: logging(
    'transformers',
    stepsOrShare().default(500),
    t('How often a checkpoint is written; below 1 a share of all steps.'),
    'steps',
  ),
  save_only_model: logging(
    'transformers',
    flag(false),
    t('Checkpoints without the optimizer: smaller, and the run can not go on from them.'),
  ),
  save_on_each_node: logging('transformers', flag(false), t('Every machine writes checkpoints.')),
  enable_jit_checkpoint: logging(
    'transformers',
    flag(false),
    t('Write a checkpoint when the scheduler ends the job (SIGTERM).'),
  ),
  load_best_model_at_end: logging(
    'transformers',
    flag(false),
    t('End with the best checkpoint instead of the last.'),
  ),
  metric_for_best_model: logging(
    'transformers',
    optional(text()),
    t('The metric that says which checkpoint is best.'),
  ),
  greater_is_better: logging(
    'transformers',
    optional(z.boolean()),
    t('Whether a larger value of that metric is better.'),
  ),
  debug: logging(
    'transformers',
    z.union([z.string(), texts()]).default(''),
    t('Debugging aids such as `underflow_overflow`.'),
  ),
  do_train: length('transformers', flag(false), t('Read by some scripts; TRL trains in any case.')),
  do_eval: logging('transformers', flag(false), t('Read by some scripts; see `eval_strategy`.')),
  do_predict: logging('transformers', flag(false), t('Read by some scripts, not by TRL.')),

  dataloader_drop_last: data(
    'transformers',
    flag(false),
    t('Drop the last batch if it is not full.'),
  ),
  dataloader_num_workers: data('transformers', count(0).default(0), t('Processes that load data.')),
  dataloader_pin_memory: data('transformers', flag(true), t('Pin host memory: faster copies.')),
  dataloader_persistent_workers: data(
    'transformers',
    flag(false),
    t('Keep the loading processes from epoch to epoch.'),
  ),
  dataloader_prefetch_factor: data(
    'transformers',
    optional(count(1)),
    t('Batches each loading process prepares ahead.'),
    'batches',
  ),
  dataloader_multiprocessing_context: data(
    'transformers',
    optional(z.enum(['fork', 'spawn', 'forkserver'])),
    t('How the loading processes are started.'),
  ),
  dataloader_in_order: data(
    'transformers',
    flag(true),
    t('Batches come in the order of the data.'),
  ),
  label_names: data(
    'transformers',
    optional(texts()),
    t('Columns that are labels; GRPO has none.'),
  ),
  train_sampling_strategy: data(
    'transformers',
    z.enum(['random', 'sequential', 'group_by_length', 'batch_rebalance']).default('random'),
    t('The order of the data; GRPO has its own sampler, which repeats each prompt.'),
  ),
  length_column_name: data(
    'transformers',
    text().default('length'),
    t('The column with known lengths, for `group_by_length`.'),
  ),

  push_to_hub: hub('transformers', flag(false), t('Upload the model with every checkpoint.')),
  hub_model_id: hub('transformers', optional(text()), t('The repository to upload to.')),
  hub_revision: hub('transformers', optional(text()), t('The branch or tag to upload to.')),
  hub_token: hub(
    'transformers',
    optional(text()),
    t('The token to upload with; better leave it to `hf auth login` than write it in a file.'),
  ),
  hub_private_repo: hub('transformers', optional(z.boolean()), t('Make the repository private.')),
  hub_strategy: hub(
    'transformers',
    z.enum(['end', 'every_save', 'checkpoint', 'all_checkpoints']).default('every_save'),
    t('What is uploaded, and when.'),
  ),
  hub_always_push: hub(
    'transformers',
    flag(false),
    t('Upload even while the last one is going on.'),
  ),

  average_tokens_across_devices: devices(
    'transformers',
    flag(true),
    t('Weigh the loss by the tokens of all devices together.'),
  ),
  accelerator_config: devices(
    'transformers',
    optional(z.union([mapping(), text()])),
    t('Settings of accelerate, or the path of a JSON file with them.'),
  ),
  parallelism_config: devices(
    'transformers',
    optional(mapping()),
    t('How accelerate splits the work; GRPO takes no split along the sequence.'),
  ),
  deepspeed: devices(
    'transformers',
    optional(z.union([mapping(), text()])),
    t('A DeepSpeed configuration, or the path of its JSON file.'),
  ),
  fsdp: devices(
    'transformers',
    optional(z.union([z.boolean(), z.string(), texts()])),
    t('Split the model over the devices with FSDP.'),
  ),
  fsdp_config: devices(
    'transformers',
    optional(z.union([mapping(), text()])),
    t('Settings of FSDP, or the path of a JSON file with them.'),
  ),
  ddp_backend: devices(
    'transformers',
    optional(z.enum(['nccl', 'gloo', 'mpi', 'xccl', 'hccl', 'cncl', 'mccl'])),
    t('How the processes talk to each other.'),
  ),
  ddp_timeout: devices(
    'transformers',
    count(1).default(1800),
    t('How long a process waits for the others.'),
    'seconds',
  ),
  ddp_find_unused_parameters: devices(
    'transformers',
    optional(z.boolean()),
    t('Look for parameters without gradient in every step.'),
  ),
  ddp_bucket_cap_mb: devices(
    'transformers',
    optional(count(1)),
    t('Gradients travel in pieces of this size.'),
    'MB',
  ),
  ddp_broadcast_buffers: devices(
    'transformers',
    optional(z.boolean()),
    t('Keep buffers equal on all devices.'),
  ),
  ddp_static_graph: devices(
    'transformers',
    optional(z.boolean()),
    t('Promise that every step uses the same parameters.'),
  ),
  local_rank: devices(
    'transformers',
    z.number().int().min(-1).default(-1),
    t('Set by the launcher; leave it out.'),
  ),
} as const;
