import { parseRecipe } from './parse.ts';

/** What may change while a run goes on, between two optimizer steps. */
export const changeableKeys = [
  'use_token_adaptive',
  'uncertainty_threshold',
  'entropy_threshold',
  'min_prefix_length',
  'max_resamples_per_prefix',
  'adaptive_temperature_scale',
  'temperature',
  'learning_rate',
] as const;
export type ChangeableKey = (typeof changeableKeys)[number];

export interface LiveChange {
  key: ChangeableKey;
  from: string | number | boolean;
  to: string | number | boolean;
}

/**
 * How a recipe differs from what a run trains by at the moment, as far as that can be changed while
 * it goes on; null while there is something wrong with the recipe.
 *
 * @param running the resolved recipe in the run's manifest
 */
export function liveChanges(
  source: string,
  running: Readonly<Record<string, unknown>>,
): LiveChange[] | null {
  const { recipe } = parseRecipe(source);
  if (recipe === null) return null;
  return changeableKeys.flatMap((key) => {
    const from = running[key];
    const to = recipe[key];
    return typeof from !== typeof to || from === to || !isPlain(from) ? [] : [{ key, from, to }];
  });
}

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
