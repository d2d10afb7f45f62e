import { PlainError } from '../common/errors.ts';
import type { Recipe } from '../recipe/keys.ts';
import type { Tokenizer } from './compute/index.ts';
import { openTask, type Task } from './tasks/index.ts';

/**
 * The recipe's tasks, which the model can read.
 *
 * @throws PlainError where the data can't be read, or the model has no token for what is asked
 */
export async function openProblems(recipe: Recipe, tokenizer: Tokenizer): Promise<Task> {
  const unknownCharacter = (text: string): string | null =>
    Array.from(text).find((character) => !canWrite(tokenizer, character)) ?? null;
  const { dataset_name, dataset_prompt_column: promptColumn } = recipe;
  const task = await openTask(dataset_name, { promptColumn, unknownCharacter });
  for (const { prompt } of [task.train(recipe.seed, 0), ...task.heldOut(8)]) {
    const character = unknownCharacter(prompt);
    if (character !== null) {
      throw new PlainError(
        `The model's vocabulary has no ${JSON.stringify(character)}, which the task ${task.name} is written with.`,
        'Choose another model_name_or_path or dataset_name.',
      );
    }
  }
  return task;
}

function canWrite(tokenizer: Tokenizer, character: string): boolean {
  try {
    return tokenizer.decode(tokenizer.encode(character)).includes(character);
  } catch {
    return false;
  }
}
