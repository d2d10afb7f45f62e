import { resolve } from './check.ts';
import { engineOf, type Engine } from './engines.ts';
import { hasErrors } from './findings.ts';
import { parseRecipe, readSettings } from './parse.ts';

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

/** Of these, what an engine can change: TRL builds the temperature into the model's forward pass. */
export function changeableIn(engine: Engine): readonly ChangeableKey[] {
  return changeableKeys.filter((key) => engine === 'built-in' || key !== 'temperature');
}

export interface LiveChange {
  key: ChangeableKey;
  from: string | number | boolean;
  to: string | number | boolean;
}

/**
 * How a recipe differs from what a run trains by at the moment, as far as that can be changed while
 * it goes on; null while there is something wrong with the recipe, or it is for another engine.
 *
 * @param running the resolved recipe in the run's manifest
 */
export function liveChanges(
  source: string,
  running: Readonly<Record<string, unknown>>,
): LiveChange[] | null {
  const { engine, findings } = parseRecipe(source);
  const now = Object.entries(running).map(([key, value]) => ({ key, value }));
  if (hasErrors(findings) || engine !== engineOf(now)) return null;
  const { settings } = readSettings(source);
  const recipe = resolve(
    engine,
    Object.fromEntries(settings.map(({ key, value }) => [key, value])),
  );
  return changeableIn(engine).flatMap((key) => {
    const from = running[key];
    const to = recipe[key];
    const plain = isPlain(from) && isPlain(to);
    return !plain || typeof from !== typeof to || from === to ? [] : [{ key, from, to }];
  });
}

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
