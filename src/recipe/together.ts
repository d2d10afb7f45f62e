import { t } from '@vscode/l10n';
import type { Contradiction } from './check.ts';

/** Contradictions that both engines share. */

interface StrategyValues {
  use_token_adaptive: boolean;
  max_resamples_per_prefix: number;
  num_roots: number | null;
  num_generations: number;
}

export function strategyContradictions(values: StrategyValues): Contradiction[] {
  const { use_token_adaptive, max_resamples_per_prefix, num_roots, num_generations } = values;
  if (!use_token_adaptive) return [];
  const found: Contradiction[] = [];
  if (max_resamples_per_prefix === 0) {
    const set = (key: string, value: unknown) => ({
      title: t('Set `{0}: {1}`', key, String(value)),
      changes: [{ kind: 'set', key, value } as const],
    });
    found.push({
      keys: ['max_resamples_per_prefix', 'use_token_adaptive'],
      message: t(
        '`max_resamples_per_prefix` is 0 while `use_token_adaptive` is on: rollouts would be cut and never go on.',
      ),
      suggestion: t('Allow at least 1, or set `use_token_adaptive: false`.'),
      fixes: [set('max_resamples_per_prefix', 3), set('use_token_adaptive', false)],
    });
  }
  if (num_roots !== null && num_roots > num_generations) {
    found.push({
      keys: ['num_roots', 'num_generations'],
      message: t(
        '`num_roots` ({0}) is more than `num_generations` ({1}).',
        num_roots,
        num_generations,
      ),
      suggestion: t('It can be 2 to {0}.', num_generations),
      fixes: [
        {
          title: t('Set `num_roots` to {0}', num_generations),
          changes: [{ kind: 'set', key: 'num_roots', value: num_generations }],
        },
      ],
    });
  }
  return found;
}

export function rewardContradictions(values: {
  reward_funcs: readonly string[];
  reward_weights: readonly number[] | null;
  /** TRL puts it before the functions. */
  reward_model_name_or_path?: string | null;
}): Contradiction[] {
  const { reward_funcs, reward_weights, reward_model_name_or_path: model = null } = values;
  const found: Contradiction[] = [];
  const count = reward_funcs.length + (model === null ? 0 : 1);
  if (reward_weights && reward_weights.length !== count) {
    found.push({
      keys: ['reward_weights', 'reward_funcs'],
      message: t(
        '`reward_weights` has {0} values for {1} reward functions.',
        reward_weights.length,
        count,
      ),
      suggestion: t('Give one weight for each of `reward_funcs`, or leave it empty.'),
      fixes: [
        {
          title: t('Remove `reward_weights` (each weighs 1)'),
          changes: [{ kind: 'remove', key: 'reward_weights' }],
        },
      ],
    });
  }
  if (new Set(reward_funcs).size !== reward_funcs.length) {
    found.push({
      keys: ['reward_funcs'],
      message: t('`reward_funcs` names a function twice.'),
      suggestion: t('Use its weight instead.'),
    });
  }
  return found;
}
