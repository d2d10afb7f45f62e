import { t } from '@vscode/l10n';
import type { Contradiction } from '../check.ts';
import { remove, set, type View, type Written } from './values.ts';

/** As many alternatives as vLLM gives unless it is told otherwise. */
const VLLM_TOP = 20;
/** vLLM samples no hotter. */
const VLLM_HOTTEST = 2;

type Choice = string | number | boolean | null | undefined;

/**
 * What a tree's advantages, weights and behaviour log probabilities are defined for: with the
 * strategy, the trainer refuses all else (`training/config.py`; a test holds the two together).
 */
const allowed: Readonly<Record<string, readonly Choice[]>> = {
  loss_type: ['grpo', 'bnpo', 'dr_grpo', 'dapo'],
  importance_sampling_level: ['token'],
  multi_objective_aggregation: ['sum_then_normalize'],
  top_p: [1],
  top_k: [0, null],
  min_p: [null, 0],
  repetition_penalty: [1],
  generation_kwargs: [null, '{}'],
  mask_truncated_completions: [false],
  use_liger_kernel: [false],
  vllm_structured_outputs_regex: [null],
  // An old name, so it has no default here.
  use_transformers_paged: [false, undefined],
};

/** What doesn't go together with the strategy. */
export function refusedWithStrategy(
  values: View,
  resolved: Written,
  written: Written,
): Contradiction[] {
  if (!values.use_token_adaptive) return [];
  const found = Object.entries(allowed).flatMap(([key, choices]): Contradiction[] => {
    const value = plain(Object.hasOwn(resolved, key) ? resolved[key] : written[key]);
    if (choices.some((choice) => choice === value)) return [];
    const known = choices.filter((choice) => choice !== null && choice !== undefined);
    const nothing = known.length === 0;
    const usual = nothing || key === 'generation_kwargs' ? remove(key) : set(key, known[0]);
    return [
      {
        keys: [key, 'use_token_adaptive'],
        message: t("`{0}: {1}` doesn't go together with `use_token_adaptive`.", key, String(value)),
        suggestion:
          key === 'mask_truncated_completions'
            ? t('Set it to false; `prefix_credit: mask` says the same for cut rollouts alone.')
            : nothing
              ? t('Leave `{0}` out, or set `use_token_adaptive: false`.', key)
              : t(
                  'Set `{0}` to {1}, or set `use_token_adaptive: false`.',
                  key,
                  known.map((choice) => `\`${String(choice)}\``).join(', '),
                ),
        fixes: [usual, set('use_token_adaptive', false)],
      },
    ];
  });
  return [...found, ...alternatives(values), ...tooHot(values)];
}

/** Resamples hotter than vLLM samples. */
function tooHot(values: View): Contradiction[] {
  const { temperature, adaptive_temperature_scale: scale, max_resamples_per_prefix: most } = values;
  const last = temperature * scale ** most;
  if (!values.use_vllm || Math.max(temperature, last) <= VLLM_HOTTEST) return [];
  return [
    {
      keys: ['adaptive_temperature_scale', 'max_resamples_per_prefix', 'temperature', 'use_vllm'],
      message: t(
        'Resample {0} of a prefix would sample at a temperature of {1}; vLLM takes at most {2}.',
        most,
        last.toFixed(2),
        VLLM_HOTTEST,
      ),
      suggestion: t(
        'Lower `adaptive_temperature_scale`, `max_resamples_per_prefix` or `temperature`.',
      ),
      fixes: [],
    },
  ];
}

/** A mapping as the text it could be written as. */
const plain = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? JSON.stringify(value) : value;

/** More alternatives than vLLM tells. */
function alternatives({ use_vllm, capture_top_k }: View): Contradiction[] {
  if (!use_vllm || capture_top_k <= VLLM_TOP) return [];
  return [
    {
      keys: ['capture_top_k', 'use_vllm', 'use_token_adaptive'],
      message: t(
        '`capture_top_k` is {0}; vLLM tells at most {1} alternatives.',
        capture_top_k,
        VLLM_TOP,
      ),
      suggestion: t('Set it to {0} or less.', VLLM_TOP),
      fixes: [set('capture_top_k', VLLM_TOP)],
    },
  ];
}
