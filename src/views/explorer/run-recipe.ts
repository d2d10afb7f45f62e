import { t } from '@vscode/l10n';
import { z } from 'zod';
import { PlainError } from '../../common/errors.ts';
import { applyChange, valueText } from '../../recipe/edit.ts';
import { engineOf } from '../../recipe/engines.ts';
import { changeableIn } from '../../recipe/live.ts';
import type { RecipeValues } from '../../run/model/manifest.ts';
import { fieldFor, grouped, valueOf } from '../recipe-form/model.ts';
import type { RecipeChange, RunRecipe, RunRecipeField } from './protocol.ts';
import type { RunSource } from '../model/source.ts';

/** The recipe a run trains by, as the explorer shows it and changes it. Pure. */

type RecipeSource = Pick<RunSource, 'manifest' | 'events' | 'steps'>;

/** @param controllable whether the run takes commands from here */
export function runRecipe(source: RecipeSource, controllable: boolean): RunRecipe {
  const { recipe } = source.manifest;
  const settings = Object.entries(recipe).map(([key, value]) => ({ key, value }));
  const engine = engineOf(settings);
  const liveKeys: readonly string[] = changeableIn(engine);
  const changes = lastChanges(source);
  const fields = settings.flatMap(({ key, value }) => {
    const now = { value, written: true, problem: null, shares: null };
    const found = fieldFor(engine, key, now);
    if (found === null) return [];
    const field: RunRecipeField = { ...found.field, changed: changes.get(key) ?? null };
    return [{ group: found.group, field }];
  });
  const isLive = ({ field }: { field: RunRecipeField }) =>
    controllable && liveKeys.includes(field.key);
  const order = ({ key }: RunRecipeField) => liveKeys.indexOf(key);
  return {
    live: fields
      .filter(isLive)
      .map(({ field }) => field)
      .sort((a, b) => order(a) - order(b)),
    groups: grouped(fields.filter((each) => !isLive(each))),
  };
}

/** What each key was before it was last changed, and the last step trained with that. */
function lastChanges({ events, steps }: RecipeSource): Map<string, { from: string; step: number }> {
  const changes = new Map<string, { from: string; step: number }>();
  for (const event of events) {
    if (event.type !== 'command' || event.outcome !== 'applied') continue;
    const step = steps.findLast(({ time }) => time <= event.time)?.step ?? 0;
    for (const [key, change] of Object.entries(event.changes ?? {})) {
      changes.set(key, { from: valueText(change.old), step });
    }
  }
  return changes;
}

const single = z.union([z.string(), z.number(), z.boolean(), z.null()]);
export type SingleValue = z.infer<typeof single>;

/** The value of a change; throws where it is none that a live run can take. */
export function liveValue(change: RecipeChange): SingleValue {
  const value = single.safeParse(read(change));
  if (value.success) return value.data;
  throw new PlainError(
    t('{0} takes a single value.', change.key),
    t('Write a number or a word, without brackets.'),
  );
}

function read({ key, text }: RecipeChange): unknown {
  const value = valueOf(text);
  if (value !== undefined) return value;
  throw new PlainError(
    t('{0} is not a value for {1}.', text, key),
    t('Write a number, a word, or a list such as [a, b].'),
  );
}

/** A recipe's text with the changes made, its comments and order kept. */
export function changedRecipe(source: string, changes: readonly RecipeChange[]): string {
  return changes.reduce((text, change) => {
    const next = { kind: 'set' as const, key: change.key, value: read(change) };
    return applyChange(text, next);
  }, source);
}

/** A recipe that says the same as a run's resolved one, where the run kept no text of it. */
export function recipeText(recipe: RecipeValues): string {
  return Object.entries(recipe)
    .map(([key, value]) => `${key}: ${valueText(value)}\n`)
    .join('');
}
