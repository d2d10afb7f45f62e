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
  texts,
} from '../key-info.ts';

/**
 * Keys of transformers' `TrainingArguments`, with the defaults that TRL's `GRPOConfig` gives them.
 * Types, choices and defaults were read from TRL 1.13 and transformers 5.23.
 */

const optimizer = groupOf('Optimizer');
const length = groupOf('How long');
const logging = groupOf('Logging, evaluation, checkpoints');
const batches = groupOf('Batches and sampling');
const memory = groupOf('Precision and memory');
const data = groupOf('Data');
const hub = groupOf('Hugging Face Hub');
const devices = groupOf('More than one device');

const interval = ['no', 'steps', 'epoch'] as const;
const logLevels = ['debug', 'info', 'warning', 'error', 'critical', 'passive', 'detail'] as const;
/** A number of steps, or below 1 a share of all steps. */
const stepsOrShare = () => positive();

const optimizers = `adamw_torch adamw_torch_fused adamw_torch_xla adamw_torch_npu_fused adafactor
  adamw_anyprecision adamw_torch_4bit adamw_torch_8bit ademamix sgd adagrad adamw_bnb_8bit
  adamw_8bit ademamix_8bit lion_8bit lion_32bit paged_adamw_32bit paged_adamw_8bit
  paged_ademamix_32bit paged_ademamix_8bit paged_lion_32bit paged_lion_8bit rmsprop rmsprop_bnb
  rmsprop_bnb_8bit rmsprop_bnb_32bit galore_adamw galore_adamw_8bit galore_adafactor
  galore_adamw_layerwise galore_adamw_8bit_layerwise galore_adafactor_layerwise lomo adalomo
  grokadamw schedule_free_radam schedule_free_adamw schedule_free_sgd apollo_adamw
  apollo_adamw_layerwise stable_adamw`.split(/\s+/);

export const transformersShape = {
  num_train_epochs: length(
    'transformers',
    positive().default(3),
    'Passes over the data set; `max_steps` above 0 wins over it.',
    'epochs',
  ),
  max_steps: length(
    'transformers',
    z.number().int().min(-1).default(-1),
    'Optimizer steps after which the run ends; -1 leaves that to `num_train_epochs`.',
    'steps',
  ),
  data_seed: length(
    'transformers',
    optional(count(0)),
    'Decides the order of the data alone; empty means the same as `seed`.',
  ),
  full_determinism: length(
    'transformers',
    flag(false),
    'Slower kernels that give the same result every time, for debugging.',
  ),
  ignore_data_skip: length(
    'transformers',
    flag(false),
    'On resume, begin the data set anew instead of going on where it was.',
  ),
  resume_from_checkpoint: logging(
    'transformers',
    optional(z.union([z.boolean(), text()])),
    'Go on from a checkpoint folder, or with `true` from the last one in `output_dir`.',
  ),
  restore_callback_states_from_checkpoint: logging(
    'transformers',
    flag(false),
    'On resume, take the state of callbacks from the checkpoint as well.',
  ),

  lr_scheduler_type: optimizer(
    'transformers',
    z
      .enum([
        'linear',
        'cosine',
        'cosine_with_restarts',
        'polynomial',
        'constant',
        'constant_with_warmup',
        'inverse_sqrt',
        'reduce_lr_on_plateau',
        'cosine_with_min_lr',
        'cosine_warmup_with_min_lr',
        'warmup_stable_decay',
        'greedy',
      ])
      .default('linear'),
    'How the learning rate goes on after the warm-up.',
  ),
  lr_scheduler_kwargs: optimizer(
    'transformers',
    optional(z.union([mapping(), text()])),
    'What the schedule needs besides, such as `min_lr_rate` for `cosine_with_min_lr`.',
  ),
  warmup_steps: optimizer(
    'transformers',
    atLeast(0).default(0),
    'Steps over which the learning rate rises from 0; below 1 a share of all steps.',
    'steps',
  ),
  optim: optimizer(
    'transformers',
    z.enum(optimizers).default('adamw_torch_fused'),
    'The optimizer; the ones with `8bit` or `paged` keep their state small.',
  ),
  optim_args: optimizer(
    'transformers',
    optional(text()),
    'What an unusual optimizer needs besides, as `name=value,name=value`.',
  ),
  optim_target_modules: optimizer(
    'transformers',
    optional(z.union([text(), texts()])),
    'The modules that GaLore or APOLLO optimize.',
  ),
  label_smoothing_factor: optimizer(
    'transformers',
    fraction().default(0),
    'Label smoothing of a supervised loss; GRPO has no labels, so it stays 0.',
  ),
  neftune_noise_alpha: optimizer(
    'transformers',
    optional(atLeast(0)),
    'Noise added to the embeddings while training; empty means none.',
  ),

  bf16: memory(
    'transformers',
    optional(z.boolean()),
    'Compute in bfloat16 (Ampere cards and later); empty means yes, unless `fp16` is on.',
  ),
  fp16: memory('transformers', flag(false), 'Compute in float16; `bf16` is the safer choice.'),
  bf16_full_eval: memory('transformers', flag(false), 'Evaluate wholly in bfloat16.'),
  fp16_full_eval: memory('transformers', flag(false), 'Evaluate wholly in float16.'),
  tf32: memory(
    'transformers',
    optional(z.boolean()),
    'Allow TF32 matrix products on Ampere cards and later.',
  ),
  gradient_checkpointing: memory(
    'transformers',
    flag(true),
    'Compute activations again in the backward pass: less memory, about a fifth slower.',
  ),
  gradient_checkpointing_kwargs: memory(
    'transformers',
    optional(z.union([mapping(), text()])),
    'How to checkpoint, mostly `use_reentrant: false`.',
  ),
  activation_checkpointing: memory(
    'transformers',
    optional(z.boolean()),
    'The newer name of `gradient_checkpointing` (transformers 5).',
  ),
  activation_checkpointing_kwargs: memory(
    'transformers',
    optional(z.union([mapping(), text()])),
    'The newer name of `gradient_checkpointing_kwargs` (transformers 5).',
  ),
  torch_compile: memory('transformers', flag(false), 'Compile the model with `torch.compile`.'),
  torch_compile_backend: memory(
    'transformers',
    optional(text()),
    'Backend of `torch.compile`; setting it turns compilation on.',
  ),
  torch_compile_mode: memory(
    'transformers',
    optional(text()),
    'Mode of `torch.compile`; setting it turns compilation on.',
  ),
  use_liger_kernel: memory(
    'transformers',
    flag(false),
    'Fused Liger kernels: less memory for long completions and large vocabularies.',
  ),
  liger_kernel_config: memory(
    'transformers',
    optional(mapping()),
    'Which of the Liger kernels to use; empty means those made for the model.',
  ),
  use_cache: memory(
    'transformers',
    flag(false),
    'Keep keys and values in training passes too; of no use to GRPO.',
  ),
  torch_empty_cache_steps: memory(
    'transformers',
    optional(count(1)),
    'Give unused device memory back this often: slower, and sometimes enough to fit.',
    'steps',
  ),
  auto_find_batch_size: memory(
    'transformers',
    flag(false),
    'Halve the batch when memory runs out; GRPO refuses it, as prompt groups would break.',
  ),
  use_cpu: memory('transformers', flag(false), 'Train on the CPU even where there is a GPU.'),
  skip_memory_metrics: memory(
    'transformers',
    flag(true),
    'Leave memory figures out of the metrics; measuring them costs time.',
  ),

  logging_strategy: logging('transformers', z.enum(interval).default('steps'), 'When to log.'),
  logging_steps: logging(
    'transformers',
    stepsOrShare().default(10),
    'How often metrics are logged; below 1 a share of all steps.',
    'steps',
  ),
  logging_first_step: logging('transformers', flag(false), 'Log the first step in any case.'),
  logging_nan_inf_filter: logging(
    'transformers',
    flag(true),
    'Leave NaN and infinite losses out of the logged mean.',
  ),
  log_on_each_node: logging('transformers', flag(true), 'Every machine logs, not only the first.'),
  log_level: logging(
    'transformers',
    z.enum(logLevels).default('passive'),
    'How much the main process says; `passive` leaves it to the library.',
  ),
  log_level_replica: logging(
    'transformers',
    z.enum(logLevels).default('warning'),
    'How much the other processes say.',
  ),
  disable_tqdm: logging('transformers', optional(z.boolean()), 'No progress bars.'),
  include_num_input_tokens_seen: logging(
    'transformers',
    z.union([z.enum(['all', 'non_padding', 'no']), z.boolean()]).default('no'),
    'Count the tokens that went through training.',
  ),
  report_to: logging(
    'transformers',
    z.union([text(), texts()]).nullable().default('none'),
    'Services that get the metrics: `wandb`, `trackio`, `tensorboard`, …, or `none`.',
  ),
  project: logging('transformers', text().default('huggingface'), 'The project in Trackio.'),
  trackio_space_id: logging(
    'transformers',
    optional(text()),
    'The Hugging Face Space that shows Trackio metrics live.',
  ),
  trackio_bucket_id: logging('transformers', optional(text()), 'The bucket of that Space.'),
  trackio_static_space_id: logging(
    'transformers',
    optional(z.union([z.literal(false), text()])),
    'A read-only Space for links from a model card; false for none.',
  ),
  eval_strategy: logging('transformers', z.enum(interval).default('no'), 'When to evaluate.'),
  eval_steps: logging(
    'transformers',
    optional(stepsOrShare()),
    'How often to evaluate; empty means with every log, below 1 a share of all steps.',
    'steps',
  ),
  eval_delay: logging(
    'transformers',
    atLeast(0).default(0),
    'Steps or epochs (as `eval_strategy` counts) before the first evaluation.',
  ),
  eval_on_start: logging('transformers', flag(false), 'Evaluate before the first step.'),
  per_device_eval_batch_size: batches(
    'transformers',
    count(1).default(8),
    'Completions a device handles at once while evaluating.',
    'completions',
  ),
  eval_accumulation_steps: logging(
    'transformers',
    optional(count(1)),
    'Evaluation results stay on the device for this many passes.',
    'passes',
  ),
  eval_do_concat_batches: logging(
    'transformers',
    flag(true),
    'Join the evaluation batches into one result.',
  ),
  eval_use_gather_object: logging(
    'transformers',
    flag(false),
    'Gather evaluation results that are not tensors from all processes.',
  ),
  prediction_loss_only: logging('transformers', flag(false), 'Evaluation returns the loss only.'),
  include_for_metrics: logging(
    'transformers',
    texts().default([]),
    'What evaluation metrics get besides: `inputs`, `loss`.',
  ),
  batch_eval_metrics: logging(
    'transformers',
    flag(false),
    'Compute evaluation metrics batch by batch.',
  ),
  save_strategy: logging(
    'transformers',
    z.enum([...interval, 'best']).default('steps'),
    'When a checkpoint is written.',
  ),
  save_steps: logging(
    'transformers',
    stepsOrShare().default(500),
    'How often a checkpoint is written; below 1 a share of all steps.',
    'steps',
  ),
  save_only_model: logging(
    'transformers',
    flag(false),
    'Checkpoints without the optimizer: smaller, and the run can not go on from them.',
  ),
  save_on_each_node: logging('transformers', flag(false), 'Every machine writes checkpoints.'),
  enable_jit_checkpoint: logging(
    'transformers',
    flag(false),
    'Write a checkpoint when the scheduler ends the job (SIGTERM).',
  ),
  load_best_model_at_end: logging(
    'transformers',
    flag(false),
    'End with the best checkpoint instead of the last.',
  ),
  metric_for_best_model: logging(
    'transformers',
    optional(text()),
    'The metric that says which checkpoint is best.',
  ),
  greater_is_better: logging(
    'transformers',
    optional(z.boolean()),
    'Whether a larger value of that metric is better.',
  ),
  debug: logging(
    'transformers',
    z.union([z.string(), texts()]).default(''),
    'Debugging aids such as `underflow_overflow`.',
  ),
  do_train: length('transformers', flag(false), 'Read by some scripts; TRL trains in any case.'),
  do_eval: logging('transformers', flag(false), 'Read by some scripts; see `eval_strategy`.'),
  do_predict: logging('transformers', flag(false), 'Read by some scripts, not by TRL.'),

  dataloader_drop_last: data('transformers', flag(false), 'Drop the last batch if it is not full.'),
  dataloader_num_workers: data('transformers', count(0).default(0), 'Processes that load data.'),
  dataloader_pin_memory: data('transformers', flag(true), 'Pin host memory: faster copies.'),
  dataloader_persistent_workers: data(
    'transformers',
    flag(false),
    'Keep the loading processes from epoch to epoch.',
  ),
  dataloader_prefetch_factor: data(
    'transformers',
    optional(count(1)),
    'Batches each loading process prepares ahead.',
    'batches',
  ),
  dataloader_multiprocessing_context: data(
    'transformers',
    optional(z.enum(['fork', 'spawn', 'forkserver'])),
    'How the loading processes are started.',
  ),
  dataloader_in_order: data('transformers', flag(true), 'Batches come in the order of the data.'),
  label_names: data('transformers', optional(texts()), 'Columns that are labels; GRPO has none.'),
  train_sampling_strategy: data(
    'transformers',
    z.enum(['random', 'sequential', 'group_by_length', 'batch_rebalance']).default('random'),
    'The order of the data; GRPO has its own sampler, which repeats each prompt.',
  ),
  length_column_name: data(
    'transformers',
    text().default('length'),
    'The column with known lengths, for `group_by_length`.',
  ),

  push_to_hub: hub('transformers', flag(false), 'Upload the model with every checkpoint.'),
  hub_model_id: hub('transformers', optional(text()), 'The repository to upload to.'),
  hub_revision: hub('transformers', optional(text()), 'The branch or tag to upload to.'),
  hub_token: hub(
    'transformers',
    optional(text()),
    'The token to upload with; better leave it to `hf auth login` than write it in a file.',
  ),
  hub_private_repo: hub('transformers', optional(z.boolean()), 'Make the repository private.'),
  hub_strategy: hub(
    'transformers',
    z.enum(['end', 'every_save', 'checkpoint', 'all_checkpoints']).default('every_save'),
    'What is uploaded, and when.',
  ),
  hub_always_push: hub('transformers', flag(false), 'Upload even while the last one is going on.'),

  average_tokens_across_devices: devices(
    'transformers',
    flag(true),
    'Weigh the loss by the tokens of all devices together.',
  ),
  accelerator_config: devices(
    'transformers',
    optional(z.union([mapping(), text()])),
    'Settings of accelerate, or the path of a JSON file with them.',
  ),
  parallelism_config: devices(
    'transformers',
    optional(mapping()),
    'How accelerate splits the work; GRPO takes no split along the sequence.',
  ),
  deepspeed: devices(
    'transformers',
    optional(z.union([mapping(), text()])),
    'A DeepSpeed configuration, or the path of its JSON file.',
  ),
  fsdp: devices(
    'transformers',
    optional(z.union([z.boolean(), z.string(), texts()])),
    'Split the model over the devices with FSDP.',
  ),
  fsdp_config: devices(
    'transformers',
    optional(z.union([mapping(), text()])),
    'Settings of FSDP, or the path of a JSON file with them.',
  ),
  ddp_backend: devices(
    'transformers',
    optional(z.enum(['nccl', 'gloo', 'mpi', 'xccl', 'hccl', 'cncl', 'mccl'])),
    'How the processes talk to each other.',
  ),
  ddp_timeout: devices(
    'transformers',
    count(1).default(1800),
    'How long a process waits for the others.',
    'seconds',
  ),
  ddp_find_unused_parameters: devices(
    'transformers',
    optional(z.boolean()),
    'Look for parameters without gradient in every step.',
  ),
  ddp_bucket_cap_mb: devices(
    'transformers',
    optional(count(1)),
    'Gradients travel in pieces of this size.',
    'MB',
  ),
  ddp_broadcast_buffers: devices(
    'transformers',
    optional(z.boolean()),
    'Keep buffers equal on all devices.',
  ),
  ddp_static_graph: devices(
    'transformers',
    optional(z.boolean()),
    'Promise that every step uses the same parameters.',
  ),
  local_rank: devices(
    'transformers',
    z.number().int().min(-1).default(-1),
    'Set by the launcher; leave it out.',
  ),
} as const;
