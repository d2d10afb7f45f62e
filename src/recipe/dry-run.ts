import { valueText } from './edit.ts';
import { infoOf, typeOf } from './engines.ts';
import { recipeSchema } from './keys.ts';
import { readSettings } from './parse.ts';
import { strategyOf } from './strategy.ts';

/** Steps of a dry run: enough to see where rollouts are cut, few enough to take seconds. */
const STEPS = 5;
/** Completions a step; the tiny model samples some thousands of tokens a second. */
const COMPLETIONS = 32;

/** Keys whose values mean the same to the tiny model. */
const groups: readonly string[] = ['Token-adaptive strategy', 'Objective'];
const alsoKept: readonly string[] = ['num_generations', 'num_iterations', 'temperature'];

/**
 * A recipe for the built-in engine with the strategy and the objective of any other recipe: a few
 * steps on the tiny model, before GPU hours are spent. Null while the text can't be read.
 *
 * @param name what the recipe is called, for the comment on top
 */
export function dryRunRecipe(source: string, name: string): string | null {
  const strategy = strategyOf(source);
  if (strategy === null) return null;
  const written = new Map(readSettings(source).settings.map(({ key, value }) => [key, value]));
  const kept = Object.keys(recipeSchema.shape).filter((key) => {
    const info = infoOf('built-in', key);
    const same = groups.includes(info?.group ?? '') || alsoKept.includes(key);
    return same && written.has(key) && typeOf('built-in', key)?.safeParse(written.get(key)).success;
  });
  const prompts = Math.max(2, Math.floor(COMPLETIONS / strategy.num_generations));
  const lines = kept.map((key) => `${key}: ${valueText(written.get(key))}`);
  const title = name.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '·');
  return `# Dry run of ${title}: its strategy and objective on the built-in tiny model.
engine: built-in
model_name_or_path: base
dataset_name: arithmetic
reward_funcs: [accuracy, format]
reward_weights: [1.0, 0.1]
max_completion_length: 80
per_device_train_batch_size: ${prompts * strategy.num_generations}
learning_rate: 1.0e-4
max_steps: ${STEPS}
eval_num_prompts: 0

# From the recipe itself.
${lines.join('\n')}${lines.length > 0 ? '\n' : ''}`;
}
