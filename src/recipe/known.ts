/**
 * Keys of TRL's GRPO stack (GRPOConfig, TrainingArguments, ModelConfig, ScriptArguments) and of
 * open-r1 that only the Python engine uses. The built-in engine accepts them with a warning, so
 * that a recipe made for TRL also runs here.
 */
const trlOnly = new Set(
  `accelerator_config activation_checkpointing activation_checkpointing_kwargs
  attn_implementation auto_find_batch_size average_tokens_across_devices batch_eval_metrics
  benchmarks bf16 bf16_full_eval bnb_4bit_quant_type cache_implementation callbacks
  cast_lm_head_to_fp32 chat_template chat_template_kwargs code_eval_test_batch_size code_language
  code_provider cosine_max_len cosine_max_value_correct cosine_max_value_wrong
  cosine_min_value_correct cosine_min_value_wrong data_seed dataset_config dataset_mixture
  dataset_streaming dataset_test_split dataset_train_split datasets debug deepspeed delta
  disable_dropout disable_tqdm do_eval do_predict do_train dtype e2b_router_url
  enable_jit_checkpoint entropy_coef entropy_coef_delta entropy_coef_max entropy_coef_min
  entropy_target env eval_accumulation_steps eval_delay eval_do_concat_batches eval_on_start
  eval_strategy eval_use_gather_object fp16 fp16_full_eval fsdp fsdp_config full_determinism
  generation_kwargs gradient_checkpointing gradient_checkpointing_kwargs greater_is_better
  ignore_bias_buffers ignore_data_skip importance_sampling_level include_for_metrics
  include_num_input_tokens_seen ioi_provider label_names label_smoothing_factor
  length_column_name liger_kernel_config load_best_model_at_end load_in_4bit load_in_8bit
  local_rank log_completions log_completions_hub_repo log_level log_level_replica log_multimodal
  log_on_each_node log_unique_prompts logging_dir logging_first_step logging_nan_inf_filter
  logging_strategy lr_scheduler_kwargs mask_truncated_completions max_tool_calling_iterations
  metric_for_best_model min_p model_init_kwargs model_revision morph_router_url
  multi_objective_aggregation neftune_noise_alpha num_completions_to_print num_generations_eval
  num_train_epochs off_policy_mask_threshold optim optim_args optim_target_modules
  overwrite_hub_revision pad_to_multiple_of parallel_code_exec_per_proc parallelism_config
  per_device_eval_batch_size prediction_loss_only project push_to_hub push_to_hub_revision
  ref_model_mixup_alpha ref_model_sync_steps remove_unused_columns repetition_max_penalty
  repetition_n_grams repetition_penalty restore_callback_states_from_checkpoint
  router_aux_loss_coef save_on_each_node save_only_model save_strategy shuffle_dataset
  skip_memory_metrics steps_per_generation stop_sequences streaming sync_ref_model system_prompt
  test_split_size tf32 top_entropy_quantile top_k top_p train_sampling_strategy
  trust_remote_code use_adaptive_entropy use_bias_correction_kl use_bnb_nested_quant use_cache
  use_cpu use_dora use_liger_kernel use_peft use_rslora use_transformers_continuous_batching
  use_transformers_paged use_vllm`.split(/\s+/),
);

/** Families whose members come and go between TRL's versions. */
const trlFamilies =
  /^(vllm|lora|fsdp|hub|wandb|dataloader|ddp|sapo|vespo|torch|trackio|transformers)_\w+$/;

export function isTrlOnlyKey(name: string): boolean {
  return trlOnly.has(name) || trlFamilies.test(name);
}

/** Keys of older recipes: what took their place. */
const replaced = new Map([
  ['torch_dtype', '`dtype` took its place in TRL.'],
  ['warmup_ratio', 'Use `warmup_steps`.'],
  ['max_prompt_length', 'TRL removed it; leave it out.'],
  ['overwrite_output_dir', 'TRL removed it; leave it out.'],
]);

/** What to do about a key that older recipes have; null when the key isn't one of them. */
export function replacementOf(name: string): string | null {
  return replaced.get(name) ?? null;
}
