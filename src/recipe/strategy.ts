import { resolve } from './check.ts';
import { engineOf, typeOf } from './engines.ts';
import { isRecipeKey, recipeSchema, type Recipe } from './keys.ts';
import { readSettings } from './parse.ts';
import { rootsOf } from './built-in.ts';
import { strategyDefaults, type StrategyParameters } from '../strategy/parameters.ts';

/** The strategy a recipe asks for; null while its text can't be read at all. */
export function strategyOf(source: string): StrategyParameters | null {
  const { settings } = readSettings(source);
  if (settings.length === 0) return null;
  const values = Object.fromEntries(settings.map(({ key, value }) => [key, value]));
  return strategyParametersOf(resolve(engineOf(settings), values));
}

/**
 * The strategy among resolved values, of a recipe for either engine or of a run's manifest. What
 * is missing or makes no sense has its default.
 */
export function strategyParametersOf(
  values: Readonly<Record<string, unknown>>,
): StrategyParameters {
  const known = Object.keys(strategyDefaults).flatMap((key) => {
    const value = isRecipeKey(key) ? typeOf('built-in', key)?.safeParse(values[key]) : undefined;
    return value?.success === true ? [[key, value.data] as const] : [];
  });
  return strategyOfRecipe(recipeSchema.parse(Object.fromEntries(known)));
}

/** The strategy of a resolved recipe of the built-in engine. */
export function strategyOfRecipe(recipe: Recipe): StrategyParameters {
  return {
    use_token_adaptive: recipe.use_token_adaptive,
    uncertainty_threshold: recipe.uncertainty_threshold,
    entropy_threshold: recipe.entropy_threshold,
    min_prefix_length: recipe.min_prefix_length,
    max_resamples_per_prefix: recipe.max_resamples_per_prefix,
    adaptive_temperature_scale: recipe.adaptive_temperature_scale,
    fork_policy: recipe.fork_policy,
    prefix_credit: recipe.prefix_credit,
    tree_baseline: recipe.tree_baseline,
    importance_clip: recipe.importance_clip,
    num_generations: recipe.num_generations,
    num_roots: Math.min(rootsOf(recipe), recipe.num_generations),
    fork_spacing: recipe.fork_spacing,
    temperature: recipe.temperature,
  };
}
