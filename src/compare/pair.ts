import { t } from '@vscode/l10n';
import { PlainError } from '../common/errors.ts';
import { z } from 'zod';
import { generationBatchSize, resolve, settingsOf, type Setting } from '../recipe/check.ts';
import { formatFinding, hasErrors } from '../recipe/findings.ts';
import type { Recipe } from '../recipe/keys.ts';
import { parseRecipe, readSettings } from '../recipe/parse.ts';

/** From one recipe the two sides of a comparison: without and with the strategy. */

export const sideIds = ['baseline', 'adaptive'] as const;
export type SideId = (typeof sideIds)[number];

/** Recipe keys above the file, as on the command line. */
export type Overrides = Readonly<Record<string, string | number | boolean>>;

interface Plan {
  /**
   * Generated tokens that each run may use. Null where the recipe names no budget: then the
   * baseline of a seed runs as long as the recipe says, and the other side gets as many tokens as
   * that took (`overridesOf`).
   */
  budget: number | null;
  seeds: readonly number[];
  /** How long each side may run at most. */
  limits: Readonly<Record<SideId, Overrides>>;
  /** Plain sentences about what a person should know before the hours are spent. */
  warnings: readonly string[];
}

export interface BuiltInPair extends Plan {
  engine: 'built-in';
  recipe: Recipe;
}

export interface TrlPair extends Plan {
  engine: 'trl';
}

export type Pair = BuiltInPair | TrlPair;

/**
 * Reads a recipe as a pair.
 *
 * @param settings of the command line; they have the last word
 * @param count how many seeds: the recipe's own and those after it
 * @param name of the recipe, for the sentences
 * @throws PlainError where the recipe is wrong, or has no strategy to turn on
 */
export function pairAnyRecipe(
  source: string,
  settings: readonly Setting[],
  count: number,
  name: string,
): Pair {
  if (!Number.isInteger(count) || count < 1) {
    throw new PlainError(
      t('{0} seeds are no comparison.', count),
      t('Ask for at least 1 seed; from 2 on differences can be told from noise, 5 are better.'),
    );
  }
  const on = settingsOf({ use_token_adaptive: true });
  const { engine, recipe, findings } = parseRecipe(source, [...settings, ...on]);
  const said = findings.map((finding) => formatFinding(finding, name));
  if (hasErrors(findings)) {
    throw new PlainError(said.join('\n'), t('Correct the recipe and start again.'));
  }
  const written = [...readSettings(source).settings, ...settings];
  const values = resolve(engine, Object.fromEntries(written.map(({ key, value }) => [key, value])));
  const capped = settings.some(({ key }) => key === 'max_steps');
  const plan = planOf(whatDecides.parse(values), count, capped);
  if (recipe === null) return { engine: 'trl', ...plan, warnings: [...said, ...plan.warnings] };
  const warnings = [...said, ...plan.warnings, ...evaluationWarnings(recipe)];
  return { engine: 'built-in', recipe, ...plan, warnings };
}

/** The same for those who start the built-in engine only; throws a `PlainError` for TRL's recipes. */
export function pairRecipe(
  source: string,
  settings: readonly Setting[],
  count: number,
  name: string,
): BuiltInPair {
  const pair = pairAnyRecipe(source, settings, count, name);
  if (pair.engine === 'built-in') return pair;
  throw new PlainError(
    t('{0} is a recipe for TRL, and only the built-in engine can be started from here.', name),
    t(
      'Run `./compare_strategies.sh` with it where the Python trainer is installed, and open the comparison.json that it writes.',
    ),
  );
}

/** The values that a plan follows from, of either engine's recipe. */
const whatDecides = z.object({
  seed: z.number(),
  max_steps: z.number(),
  num_train_epochs: z.number().default(1),
  max_generated_tokens: z.number().nullable().default(null),
  lr_scheduler_type: z.string(),
});

/**
 * A step of the strategy samples fewer tokens, as kept prefixes are not sampled again: within this
 * many times the steps, its budget runs out first.
 */
const MORE_STEPS = 4;

/** `capped`: who asks for the steps asks for just these, even where a budget would take more. */
function planOf(values: z.infer<typeof whatDecides>, count: number, capped: boolean): Plan {
  const { seed, max_steps, num_train_epochs, max_generated_tokens: budget } = values;
  const last = seed + count - 1;
  if (last > 0xffffffff) {
    throw new PlainError(
      t('The seeds {0} to {1} are too large.', seed, last),
      t('Set `seed` to a smaller number.'),
    );
  }
  // TRL's `max_steps: -1` leaves it to the passes over the data.
  const times = (factor: number): Overrides =>
    max_steps > 0
      ? { max_steps: max_steps * factor }
      : { num_train_epochs: num_train_epochs * factor };
  const more = budget !== null && capped ? 1 : MORE_STEPS;
  return {
    budget,
    seeds: Array.from({ length: count }, (_, i) => seed + i),
    limits: { baseline: times(budget === null ? 1 : more), adaptive: times(more) },
    warnings: scheduleWarnings(values.lr_scheduler_type),
  };
}

/**
 * The recipe keys that one run is started with, above the file.
 *
 * @param baselineTokens generated by the baseline of this seed: the other side's budget where the
 *   recipe names none; null for the baseline itself
 */
export function overridesOf(
  { budget, limits }: Pair,
  side: SideId,
  seed: number,
  baselineTokens: number | null,
): Overrides {
  const tokens = budget ?? (side === 'adaptive' ? baselineTokens : null);
  const overrides = { use_token_adaptive: side === 'adaptive', seed, ...limits[side] };
  return tokens === null ? overrides : { ...overrides, max_generated_tokens: tokens };
}

/**
 * About how many tokens the recipe's baseline would sample, for those who start both sides at
 * once: completions are taken to be two thirds as long as they may be. To two figures.
 */
export function suggestedBudget(recipe: Recipe): number {
  const tokens =
    (recipe.max_steps * generationBatchSize(recipe) * recipe.max_completion_length * 2) / 3;
  return Number(tokens.toPrecision(2));
}

function scheduleWarnings(scheduler: string): string[] {
  if (scheduler.startsWith('constant')) return [];
  return [
    t(
      '`lr_scheduler_type: {0}` lowers the learning rate with steps, and the sides make different numbers of steps with the same tokens: they will not be trained at the same rates. `constant_with_warmup` avoids that.',
      scheduler,
    ),
  ];
}

function evaluationWarnings({ eval_num_prompts, eval_steps }: Recipe): string[] {
  if (eval_num_prompts === 0) {
    return [t('`eval_num_prompts` is 0: nothing will be known of held-out accuracy.')];
  }
  if (eval_steps !== null) return [];
  return [
    t(
      '`eval_steps` is not set: accuracy is known at the start and at the end only, so tokens to a target are read off one straight line.',
    ),
  ];
}
