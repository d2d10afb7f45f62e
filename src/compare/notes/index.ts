import { t } from '@vscode/l10n';
import type { Note, Row, Sides } from '../model.ts';
import { ends } from './ends.ts';
import { limits } from './limits.ts';
import { warning } from './note.ts';
import { seeds } from './seeds.ts';
import { setUp } from './set-up.ts';
import { spacing } from './spacing.ts';

export { sameTokens } from './set-up.ts';

/** What a person must know before believing the table: what differs besides the strategy. */
export function notesOf(sides: Sides, budget: number | null, table: readonly Row[]): Note[] {
  return [
    ...missing(sides),
    ...seeds(sides),
    ...setUp(sides),
    ...ends(sides, budget),
    ...spacing(sides),
    ...limits(sides, table),
  ];
}

function missing(sides: Sides): Note[] {
  return sides.flatMap((side) => {
    if (side.runs.length === 0) {
      return warning('no_runs', t('{0} has no runs yet: there is nothing to compare.', side.name));
    }
    const silent = side.runs.filter(({ evaluations }) => evaluations.length === 0);
    const found = side.runs.flatMap(({ name, seed, problems }) =>
      problems.map((problem) =>
        warning('problem', t('{0}, run {1}, seed {2}: {3}', side.name, name, seed, problem)),
      ),
    );
    if (silent.length === 0) return found;
    return [
      warning(
        'no_evaluations',
        t(
          '{0}: {1} of {2} runs have no evaluation, so nothing is known of their held-out accuracy. Turn it on in the recipe: `eval_num_prompts` of the built-in engine, `eval_strategy` of TRL.',
          side.name,
          silent.length,
          side.runs.length,
        ),
      ),
      ...found,
    ];
  });
}
