import { z } from 'zod';
import { describeKey } from './describe.ts';
import type { Finding, Place } from './findings.ts';
import {
  builtInRewards,
  isRecipeKey,
  recipeKeyNames,
  recipeSchema,
  recipeShape,
  type Recipe,
  type RecipeKeyName,
} from './keys.ts';
import { isTrlOnlyKey, replacementOf } from './known.ts';
import { nearest } from './nearest.ts';

/** What was written for one key, wherever it was written. */
export interface Setting {
  key: string;
  value: unknown;
  /** Where the key stands. */
  keyPlace: Place;
  /** Where the value stands. */
  valuePlace: Place;
}

/** Checks settings one by one and together; the later of two settings of a key counts. */
export function checkSettings(settings: readonly Setting[]): {
  recipe: Recipe | null;
  findings: Finding[];
} {
  const findings: Finding[] = [];
  const values = new Map<RecipeKeyName, Setting>();
  const unused: Setting[] = [];
  for (const setting of settings) {
    const { key } = setting;
    if (isRecipeKey(key)) {
      const finding = checkValue(key, setting);
      if (finding) findings.push(finding);
      values.set(key, setting);
    } else if (isTrlOnlyKey(key) || replacementOf(key) !== null) {
      unused.push(setting);
    } else {
      findings.push(unknownKey(setting));
    }
  }
  if (findings.length > 0) return { recipe: null, findings };

  const recipe = recipeSchema.parse(
    Object.fromEntries([...values].map(([key, setting]) => [key, setting.value])),
  );
  if (recipe.engine === 'built-in') findings.push(...unused.map(unusedKey));
  const contradictions = contradictionsIn(recipe).map(({ keys, message, suggestion }): Finding => {
    // Blame the key that was written last: that is the one a person has just touched.
    const written = keys.flatMap((key) => values.get(key) ?? []);
    const order = (setting: Setting) => settings.indexOf(setting);
    const blamed = written.sort((a, b) => order(b) - order(a))[0];
    return {
      severity: 'error',
      code: 'contradiction',
      place: blamed?.valuePlace ?? { kind: 'file', line: 1, column: 1, length: 1 },
      key: blamed?.key ?? keys[0] ?? null,
      message,
      suggestion,
    };
  });
  findings.push(...contradictions);
  return { recipe: contradictions.length > 0 ? null : recipe, findings };
}

/** The recipe with some values changed, checked as a whole; null when they are refused. */
export function changeRecipe(
  recipe: Recipe,
  changes: Readonly<Record<string, unknown>>,
): { recipe: Recipe | null; findings: Finding[] } {
  return checkSettings(settingsOf({ ...recipe, ...changes }));
}

/** Values that stand in no file, as settings. */
export function settingsOf(values: Readonly<Record<string, unknown>>): Setting[] {
  return Object.entries(values).map(([key, value]) => {
    const place: Place = { kind: 'argument', argument: key };
    return { key, value, keyPlace: place, valuePlace: place };
  });
}

function unknownKey({ key, keyPlace }: Setting): Finding {
  const guess = nearest(key, recipeKeyNames);
  return {
    severity: 'error',
    code: 'unknown_key',
    place: keyPlace,
    key,
    message: `There is no key ${quote(key)}.`,
    suggestion: guess === null ? null : `Did you mean \`${guess}\`?`,
  };
}

function unusedKey({ key, keyPlace }: Setting): Finding {
  return {
    severity: 'warning',
    code: 'unused_key',
    place: keyPlace,
    key,
    message: `The built-in engine does not use ${quote(key)}.`,
    suggestion: replacementOf(key),
  };
}

/** What is wrong with one value by itself; null when it is fine. */
export function checkValue(key: RecipeKeyName, { value, valuePlace }: Setting): Finding | null {
  if (recipeShape[key].safeParse(value).success) return null;
  const { expects, choices } = describeKey(key);
  const given = value === null ? 'it is empty' : `it is ${quote(value)}`;
  return {
    severity: 'error',
    code: 'wrong_value',
    place: valuePlace,
    key,
    message: `\`${key}\` must be ${expects}, but ${given}.`,
    suggestion: suggestValue(key, value, choices),
  };
}

function suggestValue(key: RecipeKeyName, value: unknown, choices: readonly string[]) {
  if (typeof value === 'string') {
    const truth = { yes: 'true', on: 'true', no: 'false', off: 'false' };
    const word = z.enum(['yes', 'on', 'no', 'off']).safeParse(value.toLowerCase());
    if (word.success && recipeShape[key].safeParse(truth[word.data] === 'true').success) {
      return `Write \`${truth[word.data]}\`.`;
    }
    const number = Number(value);
    if (value.trim() !== '' && recipeShape[key].safeParse(number).success) {
      return `Write \`${number}\`, without quotes.`;
    }
    const choice = nearest(value, choices);
    if (choice !== null) return `Did you mean \`${choice}\`?`;
  }
  if (recipeShape[key].safeParse([value]).success)
    return `Write it as a list: \`[${String(value)}]\`.`;
  if (value === null) return 'Give it a value, or leave the key out.';
  return null;
}

interface Contradiction {
  keys: RecipeKeyName[];
  message: string;
  suggestion: string | null;
}

/** Values that are fine by themselves and make no sense together. */
function contradictionsIn(recipe: Recipe): Contradiction[] {
  const found: Contradiction[] = [];
  const say = (keys: RecipeKeyName[], message: string, suggestion: string | null = null) =>
    found.push({ keys, message, suggestion });
  const { num_generations, num_roots } = recipe;

  const batch = generationBatchSize(recipe);
  const batchKeys: RecipeKeyName[] =
    recipe.generation_batch_size === null
      ? ['per_device_train_batch_size', 'gradient_accumulation_steps', 'num_generations']
      : ['generation_batch_size', 'num_generations'];
  const batchName =
    recipe.generation_batch_size === null
      ? 'per_device_train_batch_size × gradient_accumulation_steps'
      : '`generation_batch_size`';
  if (batch % num_generations !== 0) {
    const better = Math.max(1, Math.round(batch / num_generations)) * num_generations;
    say(
      batchKeys,
      `${batchName} is ${batch}, which \`num_generations\` (${num_generations}) does not divide, so the last prompt would lack completions.`,
      `${better} would do.`,
    );
  }
  const update = recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps;
  if (batch % update !== 0) {
    say(
      ['generation_batch_size', 'per_device_train_batch_size', 'gradient_accumulation_steps'],
      `\`generation_batch_size\` is ${batch}, which does not hold a whole number of optimizer steps of ${update} completions (per_device_train_batch_size × gradient_accumulation_steps).`,
      `Make it a multiple of ${update}.`,
    );
  }
  if (recipe.use_token_adaptive) {
    if (recipe.max_resamples_per_prefix === 0) {
      say(
        ['max_resamples_per_prefix', 'use_token_adaptive'],
        '`max_resamples_per_prefix` is 0 while `use_token_adaptive` is on: rollouts would be cut and never go on.',
        'Allow at least 1, or set `use_token_adaptive: false`.',
      );
    }
    if (num_roots !== null && num_roots > num_generations) {
      say(
        ['num_roots', 'num_generations'],
        `\`num_roots\` (${num_roots}) is more than \`num_generations\` (${num_generations}).`,
        `It can be 2 to ${num_generations}.`,
      );
    }
  }
  if (recipe.reward_weights && recipe.reward_weights.length !== recipe.reward_funcs.length) {
    say(
      ['reward_weights', 'reward_funcs'],
      `\`reward_weights\` has ${recipe.reward_weights.length} values for ${recipe.reward_funcs.length} reward functions.`,
      'Give one weight for each of `reward_funcs`, or leave it empty.',
    );
  }
  if (new Set(recipe.reward_funcs).size !== recipe.reward_funcs.length) {
    say(['reward_funcs'], '`reward_funcs` names a function twice.', 'Use its weight instead.');
  }
  if (recipe.engine === 'built-in') {
    const known: readonly string[] = builtInRewards;
    for (const name of recipe.reward_funcs) {
      if (known.includes(name)) continue;
      const guess = nearest(name, known);
      say(
        ['reward_funcs'],
        `The built-in engine has no reward function ${quote(name)}.`,
        guess === null ? `It has ${known.join(' and ')}.` : `Did you mean \`${guess}\`?`,
      );
    }
  }
  return found;
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

/** A value as a sentence shows it: short, on one line, without control characters. */
export function quote(value: unknown): string {
  const plain =
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : JSON.stringify(value);
  const line = plain.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '·');
  return line.length > 60 ? `${line.slice(0, 57)}…` : line;
}
