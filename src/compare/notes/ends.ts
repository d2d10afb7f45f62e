import { t } from '@vscode/l10n';
import type { ComparedRun, ComparedSide, Note, Sides } from '../model.ts';
import { info, seedsOf, warning } from './note.ts';

/** Ends further apart than this are not the same budget. */
const SAME_BUDGET = 0.05;

/** Whether the runs ended, and at the same cost. */
export function ends(sides: Sides, budget: number | null): Note[] {
  const found: Note[] = [];
  for (const side of sides) {
    const unfinished = side.runs.filter(({ state }) => state !== 'finished');
    if (unfinished.length > 0) {
      const list = unfinished.map(({ seed, state }) => `${seed} (${stateName(state)})`);
      found.push(
        warning(
          'unfinished',
          t(
            '{0}: not finished are the seeds {1}. Their last figures are no final ones.',
            side.name,
            list.join(', '),
          ),
        ),
      );
    }
  }
  const apart = unequal(sides);
  if (apart !== null) {
    found.push(
      warning(
        'different_budgets',
        t(
          'The runs sampled between {0} and {1} tokens. Only equal cost is a fair comparison: read the curves against generated tokens, and the row of accuracy at equal tokens.',
          apart.least.toLocaleString('en-US'),
          apart.most.toLocaleString('en-US'),
        ),
      ),
    );
  }
  const uncounted = sides
    .flatMap((side) => side.runs)
    .filter(({ steps }) => steps.length > 0 && steps.at(-1)?.generated_tokens === null);
  if (uncounted.length > 0) {
    found.push(
      warning(
        'tokens_unknown',
        t(
          '{0} runs don’t count the tokens they generated (`tokens/generated`), so nothing of them can be told at equal cost.',
          uncounted.length,
        ),
      ),
    );
  }
  if (budget !== null && sides.flatMap(tokensOf).some((each) => each < budget)) {
    found.push(
      info(
        'budget_not_used',
        t('Some runs ended before their {0} tokens were used up.', budget.toLocaleString('en-US')),
      ),
    );
  }
  return [...found, ...schedule(sides)];
}

const tokensOf = (side: ComparedSide): number[] =>
  side.runs.flatMap(({ steps }) => steps.at(-1)?.generated_tokens ?? []);

/** The fewest and most tokens of runs that should have the same; null where they do. */
function unequal(sides: Sides): { least: number; most: number } | null {
  const [first, second] = sides;
  const all = sides.flatMap(tokensOf);
  // Budgets may differ from seed to seed, as long as both sides of a seed have the same one.
  const groups = first.runs.map(({ seed }) => {
    const same = (side: ComparedSide) => side.runs.filter((run) => run.seed === seed);
    return sides.flatMap((side) => tokensOf({ ...side, runs: same(side) }));
  });
  const matched = second.runs.every(({ seed }) => seedsOf(first).includes(seed));
  const compared = matched ? groups : [all];
  const differ = compared.some(
    (tokens) => Math.max(...tokens) > Math.min(...tokens) * (1 + SAME_BUDGET),
  );
  return differ ? { least: Math.min(...all), most: Math.max(...all) } : null;
}

function stateName(state: ComparedRun['state']): string {
  switch (state) {
    case 'crashed':
      return t('crashed');
    case 'failed':
      return t('failed');
    case 'stopped':
      return t('stopped');
    case 'finished':
      return t('finished');
    case 'paused':
      return t('paused');
    case 'starting':
    case 'running':
      return t('running');
  }
}

/** A learning rate that falls with steps falls differently where a token buys more steps. */
function schedule(sides: Sides): Note[] {
  const falls = sides.some((side) =>
    side.runs.some(
      ({ recipe }) => !String(recipe.lr_scheduler_type ?? 'constant').startsWith('constant'),
    ),
  );
  const [a, b] = sides.map((side) => side.runs.map(({ steps }) => steps.at(-1)?.step ?? 0));
  const apart = a?.join() !== b?.join();
  if (!falls || !apart) return [];
  return [
    warning(
      'learning_rate_falls',
      t(
        'The learning rate falls with steps, and the sides made different numbers of steps: they were not trained at the same rates. `lr_scheduler_type: constant_with_warmup` avoids that.',
      ),
    ),
  ];
}
