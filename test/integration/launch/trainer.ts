import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pythonOf } from '../../../src/launch/python/interpreters.ts';

/** The real Python trainer, and something small to train with it on the CPU. */

export const root = fileURLToPath(new URL('../../../', import.meta.url));
export const trainerPython = pythonOf(
  process.env.ADAPTIVE_GRPO_VENV ?? join(root, '.cache', 'trainer-venv'),
);
/** Why tests that need it are skipped; false: they are not. */
export const withoutTrainer = existsSync(trainerPython)
  ? false
  : `there is no ${trainerPython}; python3 trainer/check.py makes one`;

export const smallTrlRecipe = (model: string, keys: Record<string, string | number> = {}): string =>
  Object.entries({
    engine: 'trl',
    model_name_or_path: JSON.stringify(model),
    dataset_name: 'sums.jsonl',
    reward_funcs: '[format]',
    per_device_train_batch_size: 8,
    num_generations: 4,
    max_completion_length: 24,
    min_prefix_length: 3,
    learning_rate: '1.0e-4',
    lr_scheduler_type: 'constant',
    max_steps: 1000,
    save_steps: 2,
    logging_steps: 1,
    report_to: 'none',
    gradient_checkpointing: 'false',
    seed: 5,
    ...keys,
  })
    .map(([key, value]) => `${key}: ${value}\n`)
    .join('');

export const sums = Array.from({ length: 32 }, (_, i) =>
  JSON.stringify({ prompt: `${i + 11}+${i + 21}=`, answer: String(2 * i + 32) }),
).join('\n');

/** A recipe and its data in a folder; returns the recipe's path. */
export async function writeTrlRecipe(
  folder: string,
  keys: Record<string, string | number> = {},
): Promise<string> {
  const recipe = join(folder, 'sums.yaml');
  await writeFile(join(folder, 'sums.jsonl'), sums);
  await writeFile(recipe, smallTrlRecipe(join(root, 'media', 'base'), keys));
  return recipe;
}
