import { t } from '@vscode/l10n';
import type { Contradiction } from '../check.ts';
import { remove, set, type View, type Written } from './values.ts';

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
    const usual = key === 'generation_kwargs' ? remove(key) : set(key, known[0]);
    return [
      {
        keys: [key, 'use_token_adaptive'],
        message: t("`{0}: {1}` doesn't go together with `use_token_adaptive`.", key, String(value)),
        suggestion:
          key === 'mask_truncated_completions'
            ? t('Set it to false; `prefix_credit: mask` says the same for cut rollouts alone.')
            : t(
                'Set `{0}` to {1}, or set `use_token_adaptive: false`.',
                key,
                known.map((choice) => `\`${String(choice)}\``).join(', '),
              ),
        fixes: [usual, set('use_token_adaptive', false)],
      },
    ];
  });
  return [...found, ...wholeWeights(values, written)];
}

/** A mapping as the text it could be written as. */
const plain = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? JSON.stringify(value) : value;

/** Weights of whole completions let hotter resamples drop out. */
function wholeWeights(values: View, written: Written): Contradiction[] {
  const { use_vllm, vllm_importance_sampling_mode: mode } = values;
  // A recipe that knows nothing of the strategy was not written with it in mind.
  const meant = Object.hasOwn(written, 'use_token_adaptive') || written.engine === 'trl';
  const weighs = use_vllm && values.vllm_importance_sampling_correction;
  if (!meant || !weighs || !mode.startsWith('sequence')) return [];
  return [
    {
      severity: 'warning',
      keys: ['vllm_importance_sampling_mode', 'use_vllm', 'use_token_adaptive'],
      message: t(
        '`vllm_importance_sampling_mode` is `{0}`: it weighs whole completions, and hotter resamples would drop out.',
        mode,
      ),
      suggestion: t('Use `token_truncate`.'),
      fixes: [set('vllm_importance_sampling_mode', 'token_truncate')],
    },
  ];
}
