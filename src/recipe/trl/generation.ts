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

const fast = groupOf('vLLM and fast generation');

/** Keys of vLLM and of what else samples faster than plain `generate`, read from TRL 1.13. */
export const generationShape = {
  use_vllm: fast('TRL', flag(false), t('Generate with vLLM.')),
  vllm_mode: fast(
    'TRL',
    z.enum(['colocate', 'server']).default('colocate'),
    t('Where vLLM runs: on the training GPUs, or as a server started with `trl vllm-serve`.'),
  ),
  vllm_model_impl: fast(
    'TRL',
    z.enum(['vllm', 'transformers']).default('vllm'),
    t("Whose implementation of the model vLLM runs: its own, or transformers'."),
  ),
  vllm_enable_sleep_mode: fast(
    'TRL',
    flag(false),
    t('Take vLLM off the GPU while the optimizer works: more room, some delay.'),
  ),
  vllm_structured_outputs_regex: fast(
    'TRL',
    optional(text()),
    t('Completions must match this regular expression.'),
  ),
  vllm_server_base_url: fast(
    'TRL',
    optional(text()),
    t('Address of the vLLM server; wins over host and port.'),
  ),
  vllm_server_host: fast('TRL', text().default('0.0.0.0'), t('Host of the vLLM server.')),
  vllm_server_port: fast('TRL', count(1).max(65535).default(8000), t('Port of the vLLM server.')),
  vllm_server_timeout: fast(
    'TRL',
    atLeast(0).default(240),
    t('How long to wait for the vLLM server.'),
    'seconds',
  ),
  vllm_group_port: fast(
    'TRL',
    count(1).max(65535).default(51216),
    t('Port over which new weights go to the server.'),
  ),
  vllm_gpu_memory_utilization: fast(
    'TRL',
    fraction().default(0.3),
    t('Share of the GPU that vLLM takes (colocate).'),
    'share',
  ),
  vllm_max_model_length: fast(
    'TRL',
    optional(count(1)),
    t('Longest prompt and completion together; empty means what the model allows.'),
    'tokens',
  ),
  vllm_tensor_parallel_size: fast(
    'TRL',
    count(1).default(1),
    t('GPUs that share one vLLM (colocate).'),
    'GPUs',
  ),
  vllm_chunk_length: fast(
    'ours',
    count(1).default(16),
    t(
      'How far a vLLM server generates before the trainer looks where to cut: what lies behind the cut is lost, and every chunk is a request (server).',
    ),
    'tokens',
  ),
  vllm_importance_sampling_correction: fast(
    'TRL',
    flag(true),
    t('Weigh tokens by how far vLLM and the trainer disagree on their probability.'),
  ),
  vllm_importance_sampling_mode: fast(
    'TRL',
    z
      .enum(['token_truncate', 'token_mask', 'sequence_truncate', 'sequence_mask'])
      .default('sequence_mask'),
    t(
      'Whether those weights are per token or per completion, and capped or dropped when too large.',
    ),
  ),
  vllm_importance_sampling_clip_max: fast(
    'TRL',
    positive().nullable().default(3),
    t('Upper bound of those weights.'),
    'ratio',
  ),
  vllm_importance_sampling_clip_min: fast(
    'TRL',
    optional(atLeast(0)),
    t('Lower bound of those weights.'),
    'ratio',
  ),
  use_transformers_continuous_batching: fast(
    'TRL',
    flag(false),
    t("Generate with transformers' own continuous batching."),
  ),
  transformers_continuous_batching_config: fast(
    'TRL',
    optional(z.union([mapping(), text()])),
    t('Settings of that.'),
  ),
};
