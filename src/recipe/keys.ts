import { t } from '@vscode/l10n';
import { z } from 'zod';
import { count, groupOf, text } from './key-info.ts';
import { recordingShape } from './keys/recording.ts';
import { strategyShape } from './keys/strategy.ts';
import { trainingShape } from './keys/training.ts';

/** Tasks of the built-in engine; any other `dataset_name` is a file. */
export const builtInTasks = ['arithmetic', 'countdown'] as const;

/** Reward functions of the built-in engine. */
export const builtInRewards = ['accuracy', 'format'] as const;

const what = groupOf('What to train');
const rewards = groupOf('Rewards');
const length = groupOf('How long');

/**
 * Every key that the built-in engine knows, as data: type and range (zod), default, unit, one
 * sentence, where the name comes from. Types, checks, completion, hovers and documentation all
 * derive from here and `keys/`; `trl/` does the same for the other engine.
 *
 * Names and defaults are TRL's where TRL has the key, so that one recipe means one thing in both
 * engines; the departures say so in their sentence.
 */
export const recipeShape = {
  engine: what(
    'ours',
    z.enum(['built-in', 'trl']).default('built-in'),
    t('Which trainer runs the recipe: the one built into the extension, or TRL in Python.'),
  ),
  model_name_or_path: what(
    'TRL',
    text().default('base'),
    t(
      'The model to start from: `base` (the small model that is shipped) or a Hugging Face folder.',
    ),
  ),
  dataset_name: what(
    'TRL',
    text().default('arithmetic'),
    t(
      'The tasks: `arithmetic`, `countdown`, or the path of a JSONL file with `prompt` and `answer`.',
    ),
  ),
  dataset_prompt_column: what(
    'open-r1',
    text().default('prompt'),
    t('The field of a JSONL data set that holds the prompt.'),
  ),

  reward_funcs: rewards(
    'open-r1',
    z.array(text()).min(1).default(['accuracy', 'format']),
    t('The functions that score a completion.'),
  ),
  reward_weights: rewards(
    'TRL',
    z.array(z.number()).nullable().default(null),
    t('The weight of each reward function, in the same order; empty means 1 for each.'),
  ),

  ...strategyShape,

  ...trainingShape,

  max_steps: length(
    'TRL',
    count(1).default(200),
    t('Optimizer steps after which the run ends (here it has a default, as there are no epochs).'),
    'steps',
  ),
  max_generated_tokens: length(
    'ours',
    count(1).nullable().default(null),
    t('Budget of sampled tokens: the run ends after the step that uses it up, or at `max_steps`.'),
    'tokens',
  ),
  seed: length(
    'TRL',
    count(0).max(0xffffffff).default(42),
    t('Everything random follows from this.'),
  ),
  threads: length(
    'ours',
    count(0).max(256).default(0),
    t('Threads the built-in engine computes with; 0 means one a core, 8 at most.'),
    'threads',
  ),

  ...recordingShape,
} as const;

export const recipeSchema = z.object(recipeShape);

/** A recipe with every key resolved. */
export type Recipe = z.output<typeof recipeSchema>;
export type RecipeKeyName = keyof Recipe;

export const recipeKeyNames: readonly string[] = Object.keys(recipeShape);

export function isRecipeKey(name: string): name is RecipeKeyName {
  return Object.hasOwn(recipeShape, name);
}
