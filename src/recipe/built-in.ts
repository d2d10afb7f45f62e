import { t } from '@vscode/l10n';
import type { Contradiction } from './check.ts';
import { builtInRewards, type Recipe } from './keys.ts';
import { nearest } from './nearest.ts';
import { quote } from './quote.ts';
import { rewardContradictions, strategyContradictions } from './together.ts';

/** Values that are fine by themselves and make no sense together for the built-in engine. */
export function checkBuiltIn(recipe: Recipe): Contradiction[] {
  return [
    ...batchContradictions(recipe),
    ...strategyContradictions(recipe),
    ...rewardContradictions(recipe),
    ...unknownRewards(recipe),
    ...unusedServices(recipe),
  ];
}

/** Completions sampled in one generation round. */
export function generationBatchSize(recipe: Recipe): number {
  return (
    recipe.generation_batch_size ??
    recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps
  );
}

/** Roots a prompt gets: what the recipe says, else half of its completions and at least 2. */
export function rootsOf(recipe: Recipe): number {
  return recipe.num_roots ?? Math.max(2, Math.floor(recipe.num_generations / 2));
}

function batchContradictions(recipe: Recipe): Contradiction[] {
  const found: Contradiction[] = [];
  const { num_generations } = recipe;
  const batch = generationBatchSize(recipe);
  const stated = recipe.generation_batch_size !== null;
  if (batch % num_generations !== 0) {
    const better = Math.max(1, Math.round(batch / num_generations)) * num_generations;
    const passes = better / recipe.gradient_accumulation_steps;
    const key = stated ? 'generation_batch_size' : 'per_device_train_batch_size';
    const value = stated ? better : passes;
    const name = stated
      ? '`generation_batch_size`'
      : 'per_device_train_batch_size × gradient_accumulation_steps';
    found.push({
      keys: stated
        ? ['generation_batch_size', 'num_generations']
        : ['per_device_train_batch_size', 'gradient_accumulation_steps', 'num_generations'],
      message: t(
        '{0} is {1}, which `num_generations` ({2}) does not divide, so the last prompt would lack completions.',
        name,
        batch,
        num_generations,
      ),
      suggestion: t('{0} would do.', better),
      fixes: Number.isInteger(value)
        ? [{ title: t('Set `{0}` to {1}', key, value), changes: [{ kind: 'set', key, value }] }]
        : [],
    });
  }
  const update = recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps;
  if (batch % update !== 0) {
    found.push({
      keys: ['generation_batch_size', 'per_device_train_batch_size', 'gradient_accumulation_steps'],
      message: t(
        '`generation_batch_size` is {0}, which does not hold a whole number of optimizer steps of {1} completions (per_device_train_batch_size × gradient_accumulation_steps).',
        batch,
        update,
      ),
      suggestion: t('Make it a multiple of {0}.', update),
    });
  }
  return found;
}

function unknownRewards(recipe: Recipe): Contradiction[] {
  const known: readonly string[] = builtInRewards;
  return recipe.reward_funcs.flatMap((name, item) => {
    if (known.includes(name)) return [];
    const guess = nearest(name, known);
    const corrected = recipe.reward_funcs.map((each) => (each === name ? guess : each));
    return {
      keys: ['reward_funcs'],
      item,
      message: t('The built-in engine has no reward function {0}.', quote(name)),
      suggestion:
        guess === null ? t('It has {0}.', known.join(' and ')) : t('Did you mean `{0}`?', guess),
      fixes:
        guess === null || recipe.reward_funcs.includes(guess)
          ? []
          : [
              {
                title: t('Change it to `{0}`', guess),
                changes: [{ kind: 'set', key: 'reward_funcs', value: corrected } as const],
              },
            ],
    };
  });
}

function unusedServices({ report_to }: Recipe): Contradiction[] {
  if ([report_to].flat().every((service) => service === 'none')) return [];
  return [
    {
      severity: 'warning',
      code: 'unused_key',
      keys: ['report_to'],
      message: t(
        'The built-in engine reports to its run directory alone: `report_to` has no effect.',
      ),
      fixes: [{ title: t('Remove `report_to`'), changes: [{ kind: 'remove', key: 'report_to' }] }],
    },
  ];
}
