import { t } from '@vscode/l10n';
import { valueAt } from '../curves.ts';
import type { ComparedRun } from '../model.ts';
import { ACCURACY, accuracySeries, known, type Measure } from './measure.ts';

/** How good the runs got. */
export function outcomes(runs: readonly ComparedRun[]): Measure[] {
  const last = (metric: string) => (run: ComparedRun) =>
    known(run.evaluations.findLast((point) => metric in point.metrics)?.metrics[metric]);
  const row = (id: string, metric: string, label: string, meaning: string): Measure => ({
    id,
    label,
    meaning,
    unit: 'fraction',
    better: 'higher',
    of: last(metric),
  });
  const equal = tokensOfAll(runs);
  const sampled = row(
    'final_pass@1',
    'eval/pass@1',
    t('Final accuracy, sampled'),
    t('The same at the temperature of the recipe, a mean over samples (pass@1).'),
  );
  const best = row(
    'final_pass@k',
    'eval/pass@k',
    t('Final accuracy, best of k'),
    t('Share of held-out prompts with at least one right answer among k samples (pass@k).'),
  );
  // The best of one sample is that sample: one row is enough.
  const several = runs.some((run) => best.of(run).value !== sampled.of(run).value);
  return [
    row(
      'final_accuracy',
      ACCURACY,
      t('Final accuracy, greedy'),
      t('Share of held-out prompts answered right by the last evaluation, greedily.'),
    ),
    ...(equal === null ? [] : [accuracyAt(equal)]),
    sampled,
    ...(several ? [best] : []),
  ];
}

/** Runs that ended further apart than this are compared where the shortest one ended, too. */
const SAME_END = 0.05;

/** The tokens after which every run was evaluated; null where all ended at about the same. */
function tokensOfAll(runs: readonly ComparedRun[]): number | null {
  const ends = runs.flatMap((run) => accuracySeries(run).x.at(-1) ?? []);
  if (ends.length < 2) return null;
  const least = Math.min(...ends);
  return least > 0 && Math.max(...ends) > least * (1 + SAME_END) ? least : null;
}

function accuracyAt(tokens: number): Measure {
  return {
    id: 'accuracy_at_equal_tokens',
    label: t('Accuracy at {0} tokens', tokens.toLocaleString('en-US')),
    meaning: t(
      'Held-out accuracy, greedy, after as many generated tokens as every run has; read off the straight line between two evaluations.',
    ),
    unit: 'fraction',
    better: 'higher',
    of: (run) => known(valueAt(accuracySeries(run), tokens)),
  };
}

/** What the final checkpoints make of other held-out sets. */
export function benchmarks(runs: readonly ComparedRun[]): Measure[] {
  const names = new Set(runs.flatMap((run) => run.benchmarks.map(({ name }) => name)));
  return [...names].map((name) => ({
    id: `benchmark/${name}`,
    label: t('Accuracy on {0}', name),
    meaning: t('Share of its prompts that the final checkpoint answers right, greedily.'),
    unit: 'fraction',
    better: 'higher',
    of: (run) => known(run.benchmarks.find((each) => each.name === name)?.metrics[ACCURACY]),
  }));
}
