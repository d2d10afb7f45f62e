import { t } from '@vscode/l10n';
import type { Note, Row, Sides } from '../model.ts';
import { info } from './note.ts';

/** Two standard errors, about 95 %. */
const TWO_SIDED = 1.96;

/** What the intervals are of, and how many there are. */
export function limits(sides: Sides, table: readonly Row[]): Note[] {
  const found: Note[] = [];
  const prompts = sides.flatMap((side) =>
    side.runs.flatMap(({ evaluations, recipe }) => {
      const count = Number(recipe.eval_num_prompts ?? NaN);
      return evaluations.length > 0 && count > 0 ? [count] : [];
    }),
  );
  const count = Math.min(...prompts);
  const accuracy = table
    .find(({ id }) => id === 'final_accuracy')
    ?.sides.flatMap(({ mean }) => mean ?? [])[0];
  if (prompts.length > 0 && accuracy !== undefined) {
    const points = 100 * TWO_SIDED * Math.sqrt((accuracy * (1 - accuracy)) / count);
    found.push(
      info(
        'held_out_sample',
        t(
          'Accuracies are over {0} held-out prompts, the same for all runs. Intervals are over seeds on those prompts; as a statement about all such prompts, one run’s accuracy is only good to ±{1} points.',
          count,
          points.toFixed(1),
        ),
      ),
    );
  }
  const tested = table.filter(({ difference }) => difference !== null).length;
  if (tested > 1) {
    found.push(
      info(
        'many_rows',
        t(
          'The table tests {0} differences, each at 95 %: about one in twenty would look real by chance alone. Decide beforehand which row counts.',
          tested,
        ),
      ),
    );
  }
  return found;
}
