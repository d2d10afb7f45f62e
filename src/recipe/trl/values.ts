import { t } from '@vscode/l10n';
import { z } from 'zod';
import type { Fix } from '../findings.ts';

/** The resolved values that are looked at together. */
export const view = z.object({
  use_token_adaptive: z.boolean(),
  max_resamples_per_prefix: z.number(),
  num_roots: z.number().nullable(),
  num_generations: z.number(),
  num_generations_eval: z.number().nullable(),
  eval_strategy: z.string(),
  per_device_eval_batch_size: z.number(),
  per_device_train_batch_size: z.number(),
  gradient_accumulation_steps: z.number(),
  generation_batch_size: z.number().nullable(),
  steps_per_generation: z.number().nullable(),
  reward_funcs: z.array(z.string()),
  reward_weights: z.array(z.number()).nullable(),
  reward_model_name_or_path: z.string().nullable(),
  auto_find_batch_size: z.boolean(),
  bf16: z.boolean().nullable(),
  fp16: z.boolean(),
  use_peft: z.boolean(),
  load_in_4bit: z.boolean(),
  load_in_8bit: z.boolean(),
  use_vllm: z.boolean(),
  capture_top_k: z.number(),
  temperature: z.number(),
  adaptive_temperature_scale: z.number(),
  vllm_max_model_length: z.number().nullable(),
  vllm_importance_sampling_correction: z.boolean(),
  vllm_importance_sampling_mode: z.string(),
  vllm_importance_sampling_clip_min: z.number().nullable(),
  vllm_importance_sampling_clip_max: z.number().nullable(),
  max_completion_length: z.number().nullable(),
  log_completions: z.boolean(),
  log_completions_hub_repo: z.string().nullable(),
  loss_type: z.string(),
  importance_sampling_level: z.string(),
  beta: z.number(),
  sync_ref_model: z.boolean(),
  use_liger_kernel: z.boolean(),
  off_policy_mask_threshold: z.number().nullable(),
  top_entropy_quantile: z.number(),
  entropy_coef: z.number(),
  use_adaptive_entropy: z.boolean(),
});
export type View = z.infer<typeof view>;
/** All keys that are in the recipe, known or not. */
export type Written = Readonly<Record<string, unknown>>;

export const set = (key: string, value: unknown): Fix => ({
  title: t('Set `{0}: {1}`', key, String(value)),
  changes: [{ kind: 'set', key, value }],
});
export const remove = (key: string): Fix => ({
  title: t('Remove `{0}`', key),
  changes: [{ kind: 'remove', key }],
});
