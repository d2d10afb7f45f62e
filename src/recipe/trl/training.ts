import { t } from '@vscode/l10n';
import { z } from 'zod';
import {
  groupOf,
  atLeast,
  count,
  flag,
  fraction,
  mapping,
  optional,
  positive,
  text,
  texts,
} from '../key-info.ts';

/**
 * Keys of transformers' `TrainingArguments` about the training itself, with the defaults that TRL's
 * `GRPOConfig` gives them. Types, choices and defaults were read from TRL 1.13 and transformers
 * 5.23; `scripts/compare-trl-keys.ts` says what changed since.
 */

const optimizer = groupOf('Optimizer');
const length = groupOf('How long');
const logging = groupOf('Logging, evaluation, checkpoints');
const memory = groupOf('Precision and memory');

const optimizers = `adamw_torch adamw_torch_fused adamw_torch_xla adamw_torch_npu_fused adafactor
  adamw_anyprecision adamw_torch_4bit adamw_torch_8bit ademamix sgd adagrad adamw_bnb_8bit
  adamw_8bit ademamix_8bit lion_8bit lion_32bit paged_adamw_32bit paged_adamw_8bit
  paged_ademamix_32bit paged_ademamix_8bit paged_lion_32bit paged_lion_8bit rmsprop rmsprop_bnb
  rmsprop_bnb_8bit rmsprop_bnb_32bit galore_adamw galore_adamw_8bit galore_adafactor
  galore_adamw_layerwise galore_adamw_8bit_layerwise galore_adafactor_layerwise lomo adalomo
  grokadamw schedule_free_radam schedule_free_adamw schedule_free_sgd apollo_adamw
  apollo_adamw_layerwise stable_adamw`.split(/\s+/);

export const trainingShape = {
  num_train_epochs: length(
    'transformers',
    positive().default(3),
    t('Passes over the data set; `max_steps` above 0 wins over it.'),
    'epochs',
  ),
  max_steps: length(
    'transformers',
    z.number().int().min(-1).default(-1),
    t('Optimizer steps after which the run ends; -1 leaves that to `num_train_epochs`.'),
    'steps',
  ),
  data_seed: length(
    'transformers',
    optional(count(0)),
    t('Decides the order of the data alone; empty means the same as `seed`.'),
  ),
  full_determinism: length(
    'transformers',
    flag(false),
    t('Slower kernels that give the same result every time, for debugging.'),
  ),
  ignore_data_skip: length(
    'transformers',
    flag(false),
    t('On resume, begin the data set anew instead of going on where it was.'),
  ),
  resume_from_checkpoint: logging(
    'transformers',
    optional(z.union([z.boolean(), text()])),
    t('Go on from a checkpoint folder, or with `true` from the last one in `output_dir`.'),
  ),
  restore_callback_states_from_checkpoint: logging(
    'transformers',
    flag(false),
    t('On resume, take the state of callbacks from the checkpoint as well.'),
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
    t('How the learning rate goes on after the warm-up.'),
  ),
  lr_scheduler_kwargs: optimizer(
    'transformers',
    optional(z.union([mapping(), text()])),
    t('What the schedule needs besides, such as `min_lr_rate` for `cosine_with_min_lr`.'),
  ),
  warmup_steps: optimizer(
    'transformers',
    atLeast(0).default(0),
    t('Steps over which the learning rate rises from 0; below 1 a share of all steps.'),
    'steps',
  ),
  optim: optimizer(
    'transformers',
    z.enum(optimizers).default('adamw_torch_fused'),
    t('The optimizer; the ones with `8bit` or `paged` keep their state small.'),
  ),
  optim_args: optimizer(
    'transformers',
    optional(text()),
    t('What an unusual optimizer needs besides, as `name=value,name=value`.'),
  ),
  optim_target_modules: optimizer(
    'transformers',
    optional(z.union([text(), texts()])),
    t('The modules that GaLore or APOLLO optimize.'),
  ),
  label_smoothing_factor: optimizer(
    'transformers',
    fraction().default(0),
    t('Label smoothing of a supervised loss; GRPO has no labels, so it stays 0.'),
  ),
  neftune_noise_alpha: optimizer(
    'transformers',
    optional(atLeast(0)),
    t('Noise added to the embeddings while training; empty means none.'),
  ),

  bf16: memory(
    'transformers',
    optional(z.boolean()),
    t('Compute in bfloat16 (Ampere cards and later); empty means yes, unless `fp16` is on.'),
  ),
  fp16: memory('transformers', flag(false), t('Compute in float16; `bf16` is the safer choice.')),
  bf16_full_eval: memory('transformers', flag(false), t('Evaluate wholly in bfloat16.')),
  fp16_full_eval: memory('transformers', flag(false), t('Evaluate wholly in float16.')),
  tf32: memory(
    'transformers',
    optional(z.boolean()),
    t('Allow TF32 matrix products on Ampere cards and later.'),
  ),
  gradient_checkpointing: memory(
    'transformers',
    flag(true),
    t('Compute activations again in the backward pass: less memory, about a fifth slower.'),
  ),
  gradient_checkpointing_kwargs: memory(
    'transformers',
    optional(z.union([mapping(), text()])),
    t('How to checkpoint, mostly `use_reentrant: false`.'),
  ),
  activation_checkpointing: memory(
    'transformers',
    optional(z.boolean()),
    t('The newer name of `gradient_checkpointing` (transformers 5).'),
  ),
  activation_checkpointing_kwargs: memory(
    'transformers',
    optional(z.union([mapping(), text()])),
    t('The newer name of `gradient_checkpointing_kwargs` (transformers 5).'),
  ),
  torch_compile: memory('transformers', flag(false), t('Compile the model with `torch.compile`.')),
  torch_compile_backend: memory(
    'transformers',
    optional(text()),
    t('Backend of `torch.compile`; setting it turns compilation on.'),
  ),
  torch_compile_mode: memory(
    'transformers',
    optional(text()),
    t('Mode of `torch.compile`; setting it turns compilation on.'),
  ),
  use_liger_kernel: memory(
    'transformers',
    flag(false),
    t('Fused Liger kernels: less memory for long completions and large vocabularies.'),
  ),
  liger_kernel_config: memory(
    'transformers',
    optional(mapping()),
    t('Which of the Liger kernels to use; empty means those made for the model.'),
  ),
  use_cache: memory(
    'transformers',
    flag(false),
    t('Keep keys and values in training passes too; of no use to GRPO.'),
  ),
  torch_empty_cache_steps: memory(
    'transformers',
    optional(count(1)),
    t('Give unused device memory back this often: slower, and sometimes enough to fit.'),
    'steps',
  ),
  auto_find_batch_size: memory(
    'transformers',
    flag(false),
    t('Halve the batch when memory runs out; GRPO refuses it, as prompt groups would break.'),
  ),
  use_cpu: memory('transformers', flag(false), t('Train on the CPU even where there is a GPU.')),
  skip_memory_metrics: memory(
    'transformers',
    flag(true),
    t('Leave memory figures out of the metrics; measuring them costs time.'),
  ),
} as const;
