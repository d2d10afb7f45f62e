import { t } from '@vscode/l10n';
import type { Change } from '../findings.ts';

/** What became of a key that older recipes have. */
interface Obsolete {
  /** Why it fails, or will; a plain sentence. */
  message: string;
  /** What to do, a plain sentence. */
  suggestion: string;
  /** Still taken by the versions this knows, with a warning. */
  deprecated?: true;
  /** The change that does it. */
  change: (value: unknown) => Change;
}

type Origin = 'TRL' | 'transformers';

const renamed = (name: string, to: string, origin: Origin): [string, Obsolete] => [
  name,
  {
    message: t('{0} has no `{1}` any more.', origin, name),
    suggestion: t('Its name is `{0}` now.', to),
    change: () => ({ kind: 'rename', key: name, to }),
  },
];

const removed = (name: string, origin: Origin, suggestion: string): [string, Obsolete] => [
  name,
  {
    message: t('{0} has no `{1}` any more.', origin, name),
    suggestion,
    change: () => ({ kind: 'remove', key: name }),
  },
];

const deprecated = (name: string, to: string): [string, Obsolete] => [
  name,
  {
    message: t('`{0}` goes away with TRL 2.', name),
    suggestion: t('Its name is `{0}` now.', to),
    deprecated: true,
    change: () => ({ kind: 'rename', key: name, to }),
  },
];

/** For keys that only mattered when they were on. */
const whenTrue = (
  name: string,
  origin: Origin,
  suggestion: string,
  to: string,
  value: unknown,
): [string, Obsolete] => [
  name,
  {
    message: t('{0} has no `{1}` any more.', origin, name),
    suggestion,
    change: (was) =>
      was === true ? { kind: 'rename', key: name, to, value } : { kind: 'remove', key: name },
  },
];

/**
 * Keys that were there once: every field that a tagged version of TRL's GRPOConfig, ModelConfig
 * and ScriptArguments had and 1.13 lacks, and those of transformers 4's TrainingArguments that
 * transformers 5 lacks.
 */
const obsolete = new Map<string, Obsolete>([
  renamed('torch_dtype', 'dtype', 'TRL'),
  removed(
    'max_prompt_length',
    'TRL',
    t('It cuts no prompts any more: leave the key out and filter long prompts from the data.'),
  ),
  removed('vllm_device', 'TRL', t('Leave it out: `vllm_mode` says where vLLM runs.')),
  removed('vllm_dtype', 'TRL', t('Leave it out: vLLM takes `dtype`.')),
  removed('vllm_enable_prefix_caching', 'TRL', t('Leave it out: vLLM caches prefixes by itself.')),
  renamed('vllm_max_model_len', 'vllm_max_model_length', 'TRL'),
  renamed('vllm_guided_decoding_regex', 'vllm_structured_outputs_regex', 'TRL'),
  renamed('wandb_log_unique_prompts', 'log_unique_prompts', 'TRL'),
  renamed('use_liger_loss', 'use_liger_kernel', 'TRL'),
  renamed('config', 'dataset_config', 'TRL'),
  [
    'gradient_checkpointing_use_reentrant',
    {
      message: t('TRL has no `gradient_checkpointing_use_reentrant` any more.'),
      suggestion: t('Write it into `gradient_checkpointing_kwargs`.'),
      change: (value) => ({
        kind: 'rename',
        key: 'gradient_checkpointing_use_reentrant',
        to: 'gradient_checkpointing_kwargs',
        value: { use_reentrant: value },
      }),
    },
  ],
  deprecated('use_transformers_paged', 'use_transformers_continuous_batching'),
  deprecated('vllm_importance_sampling_cap', 'vllm_importance_sampling_clip_max'),

  [
    'warmup_ratio',
    {
      message: t('transformers has no `warmup_ratio` any more.'),
      suggestion: t('`warmup_steps` takes a share of all steps now.'),
      change: () => ({ kind: 'rename', key: 'warmup_ratio', to: 'warmup_steps' }),
    },
  ],
  removed(
    'overwrite_output_dir',
    'transformers',
    t('Leave it out: nothing in `output_dir` is deleted any more.'),
  ),
  removed(
    'logging_dir',
    'transformers',
    t('Leave it out, and set TENSORBOARD_LOGGING_DIR in the environment where you need it.'),
  ),
  removed(
    'save_safetensors',
    'transformers',
    t('Leave it out: checkpoints are always safetensors.'),
  ),
  removed('group_by_length', 'transformers', t('Leave it out: GRPO never sorted by length.')),
  removed('include_tokens_per_second', 'transformers', t('Leave it out.')),
  whenTrue(
    'include_inputs_for_metrics',
    'transformers',
    t('Write `include_for_metrics: [inputs]`.'),
    'include_for_metrics',
    ['inputs'],
  ),
  whenTrue('adafactor', 'transformers', t('Write `optim: adafactor`.'), 'optim', 'adafactor'),
  renamed('evaluation_strategy', 'eval_strategy', 'transformers'),
  renamed('no_cuda', 'use_cpu', 'transformers'),
  renamed('per_gpu_train_batch_size', 'per_device_train_batch_size', 'transformers'),
  renamed('per_gpu_eval_batch_size', 'per_device_eval_batch_size', 'transformers'),
  renamed('push_to_hub_model_id', 'hub_model_id', 'transformers'),
  renamed('push_to_hub_token', 'hub_token', 'transformers'),
  removed('push_to_hub_organization', 'transformers', t('Name the owner in `hub_model_id`.')),
  renamed('torchdynamo', 'torch_compile_backend', 'transformers'),
  removed('use_mps_device', 'transformers', t('Leave it out: the device is found by itself.')),
  removed('use_ipex', 'transformers', t('Leave it out.')),
  removed('jit_mode_eval', 'transformers', t('Leave it out.')),
  removed('ray_scope', 'transformers', t('Leave it out.')),
  removed('past_index', 'transformers', t('Leave it out.')),
  removed('mp_parameters', 'transformers', t('Leave it out.')),
  removed('tpu_num_cores', 'transformers', t('Leave it out.')),
  removed('tpu_metrics_debug', 'transformers', t('Leave it out.')),
  removed('use_legacy_prediction_loop', 'transformers', t('Leave it out.')),
  removed('fp16_backend', 'transformers', t('Leave it out: `fp16` and `bf16` are enough.')),
  removed('half_precision_backend', 'transformers', t('Leave it out: `bf16` is enough.')),
  removed('fp16_opt_level', 'transformers', t('Leave it out: `fp16` and `bf16` are enough.')),
  removed('fsdp_min_num_params', 'transformers', t('Write it into `fsdp_config`.')),
  removed('fsdp_transformer_layer_cls_to_wrap', 'transformers', t('Write it into `fsdp_config`.')),
]);

export const obsoleteKeyNames: readonly string[] = [...obsolete.keys()];

/** What became of a key of older recipes; null when it isn't one of them. */
export function obsoleteKey(name: string): Obsolete | null {
  return obsolete.get(name) ?? null;
}
