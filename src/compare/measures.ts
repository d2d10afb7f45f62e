import { t } from '@vscode/l10n';
import { amount } from './amounts.ts';
import { costAt, hasPrice, valueAt } from './curves.ts';
import type { ComparedRun, Point, Pricing, Row, Sides } from './model.ts';
import { mean } from './statistics.ts';

/** What one run says about one row of the table. */
export interface Measured {
  value: number | null;
  /** Not reached within this much. */
  beyond: number | null;
}

/** A row of the table before both sides are put into it. */
export interface Measure extends Pick<Row, 'id' | 'label' | 'meaning' | 'unit' | 'better'> {
  of: (run: ComparedRun) => Measured;
}

const ACCURACY = 'eval/accuracy';
const nothing: Measured = { value: null, beyond: null };
const known = (value: number | null | undefined): Measured => ({
  value: value ?? null,
  beyond: null,
});

/** Every row a table of these runs has, in order. */
export function measuresOf(sides: Sides, targets: readonly number[], pricing: Pricing): Measure[] {
  const runs = sides.flatMap((side) => side.runs);
  return [
    ...outcomes(runs),
    ...targets.map((target) => tokensTo(target, pricing)),
    ...prices(pricing),
    ...strategyRates(),
    ...training(),
    ...totals(pricing),
    ...benchmarks(runs),
  ];
}

function outcomes(runs: readonly ComparedRun[]): Measure[] {
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
  return [
    row(
      'final_accuracy',
      ACCURACY,
      t('Final accuracy, greedy'),
      t('Share of held-out prompts answered right by the last evaluation, greedily.'),
    ),
    ...(equal === null ? [] : [accuracyAt(equal)]),
    row(
      'final_pass@1',
      'eval/pass@1',
      t('Final accuracy, sampled'),
      t('The same at the temperature of the recipe, a mean over samples (pass@1).'),
    ),
    row(
      'final_pass@k',
      'eval/pass@k',
      t('Final accuracy, best of k'),
      t('Share of held-out prompts with at least one right answer among k samples (pass@k).'),
    ),
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

function accuracySeries(run: ComparedRun) {
  const points = run.evaluations.filter(
    ({ generated_tokens, metrics }) => generated_tokens !== null && ACCURACY in metrics,
  );
  return {
    seed: run.seed,
    x: points.map(({ generated_tokens }) => generated_tokens ?? 0),
    y: points.map(({ metrics }) => metrics[ACCURACY] ?? 0),
  };
}

function tokensTo(target: number, pricing: Pricing): Measure {
  return {
    id: `tokens_to/${target}`,
    label: t('Tokens to {0} accuracy', amount(target, 'fraction', pricing)),
    meaning: t(
      'Generated tokens until held-out accuracy, greedy, first reached it; read off the straight line between two evaluations.',
    ),
    unit: 'tokens',
    better: 'lower',
    of: (run) => reach(run, target),
  };
}

function reach(run: ComparedRun, target: number): Measured {
  const { x, y } = accuracySeries(run);
  const at = y.findIndex((accuracy) => accuracy >= target);
  const [x1, y1, x0, y0] = [x[at], y[at], x[at - 1], y[at - 1]];
  if (at < 0) return { value: null, beyond: x.at(-1) ?? null };
  if (x1 === undefined || y1 === undefined) return nothing;
  if (x0 === undefined || y0 === undefined || y1 === y0) return known(x1);
  return known(x0 + ((x1 - x0) * (target - y0)) / (y1 - y0));
}

function prices(pricing: Pricing): Measure[] {
  const perPoint = (spent: (point: Point) => number | null) => (run: ComparedRun) => {
    const points = run.evaluations.filter(({ metrics }) => ACCURACY in metrics);
    const [begin, end] = [points[0], points.at(-1)];
    const cost = end === undefined ? null : spent(end);
    const gain = 100 * ((end?.metrics[ACCURACY] ?? 0) - (begin?.metrics[ACCURACY] ?? 0));
    // Where nothing was gained, no price is high enough.
    return gain > 0 && cost !== null ? known(cost / gain) : nothing;
  };
  const tokens: Measure = {
    id: 'tokens_per_point',
    label: t('Tokens for a point of accuracy'),
    meaning: t(
      'Generated tokens over the points of held-out accuracy, greedy, that the run gained; nothing where it gained none.',
    ),
    unit: 'tokens',
    better: 'lower',
    of: perPoint(({ generated_tokens }) => generated_tokens),
  };
  if (!hasPrice(pricing)) return [tokens];
  return [
    tokens,
    {
      ...tokens,
      id: 'cost_per_point',
      label: t('Cost for a point of accuracy'),
      meaning: t('The same in money, at the price in the settings.'),
      unit: 'cost',
      of: perPoint((point) => costAt(point, pricing)),
    },
  ];
}

/** Mean over all steps that have the metric. */
const meanOfSteps = (metric: string) => (run: ComparedRun) => {
  const values = run.steps.flatMap(({ metrics }) => metrics[metric] ?? []);
  return known(values.length === 0 ? null : mean(values));
};

function strategyRates(): Measure[] {
  return [
    {
      id: 'adaptive/truncation_rate',
      label: t('Truncation rate'),
      meaning: t('Share of segments that were cut where the policy was unsure, a mean over steps.'),
      unit: 'fraction',
      better: 'neither',
      of: meanOfSteps('adaptive/truncation_rate'),
    },
    {
      id: 'adaptive/resample_rate',
      label: t('Resample rate'),
      meaning: t('Share of segments that go on from a kept prefix, a mean over steps.'),
      unit: 'fraction',
      better: 'neither',
      of: meanOfSteps('adaptive/resample_rate'),
    },
    {
      id: 'adaptive/avg_failure_point',
      label: t('Average failure point'),
      meaning: t('Tokens before the unsure one in a cut segment, a mean over steps.'),
      unit: 'tokens',
      better: 'neither',
      of: meanOfSteps('adaptive/avg_failure_point'),
    },
    {
      id: 'adaptive/rescue_rate',
      label: t('Rescue rate'),
      meaning: t(
        'Share of resamples that came out right where the first continuation of their prefix was wrong, a mean over steps.',
      ),
      unit: 'fraction',
      better: 'neither',
      of: meanOfSteps('adaptive/rescue_rate'),
    },
  ];
}

/** The last tenth of a run's steps. */
const ENDING = 0.1;

/** Mean over the last steps that have the metric. */
const meanOfLast = (metric: string) => (run: ComparedRun) => {
  const values = run.steps.flatMap(({ metrics }) => metrics[metric] ?? []);
  const last = values.slice(-Math.max(1, Math.round(ENDING * values.length)));
  return known(last.length === 0 ? null : mean(last));
};

function training(): Measure[] {
  return [
    {
      id: 'reward',
      label: t('Final reward'),
      meaning: t('Mean reward of the training prompts over the last tenth of the steps.'),
      unit: 'reward',
      better: 'higher',
      of: meanOfLast('reward'),
    },
    {
      id: 'entropy',
      label: t('Final entropy'),
      meaning: t('Mean entropy of a token of training over the last tenth of the steps.'),
      unit: 'nats',
      better: 'neither',
      of: meanOfLast('entropy'),
    },
    {
      id: 'completions/mean_length',
      label: t('Final completion length'),
      meaning: t('Mean length of an answered completion over the last tenth of the steps.'),
      unit: 'tokens',
      better: 'neither',
      of: meanOfLast('completions/mean_length'),
    },
  ];
}

function totals(pricing: Pricing): Measure[] {
  const last = (metric: string) => (run: ComparedRun) =>
    known(run.steps.findLast((point) => metric in point.metrics)?.metrics[metric]);
  const tokens = (id: string, label: string, meaning: string): Measure => ({
    id,
    label,
    meaning,
    unit: 'tokens',
    better: 'neither',
    of: last(id),
  });
  const cost: Measure = {
    id: 'cost',
    label: t('Cost'),
    meaning: t('Of the training steps, at the price in the settings.'),
    unit: 'cost',
    better: 'lower',
    of: ({ steps }) => {
      const end = steps.at(-1);
      return known(end === undefined ? null : costAt(end, pricing));
    },
  };
  return [
    {
      id: 'adaptive/total_rollouts',
      label: t('Total rollouts'),
      meaning: t('Segments sampled in the whole run.'),
      unit: 'segments',
      better: 'neither',
      of: last('adaptive/total_rollouts'),
    },
    {
      ...tokens(
        'tokens/generated',
        t('Tokens generated'),
        t('Sampled for training; the budget counts these.'),
      ),
      of: ({ steps }) => known(steps.at(-1)?.generated_tokens),
    },
    tokens(
      'tokens/reused',
      t('Tokens reused'),
      t('Of kept prefixes, which were not sampled again.'),
    ),
    tokens('tokens/trained', t('Tokens trained'), t('That entered the loss.')),
    {
      id: 'seconds',
      label: t('Training time'),
      meaning: t(
        'Sum of the steps, without evaluation and pauses; it depends on what else the machine did.',
      ),
      unit: 'seconds',
      better: 'lower',
      of: ({ steps }) => known(steps.at(-1)?.seconds),
    },
    ...(hasPrice(pricing) ? [cost] : []),
  ];
}

function benchmarks(runs: readonly ComparedRun[]): Measure[] {
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

/** At most this many targets are chosen. */
const TARGETS = 4;

/**
 * Round accuracies between where the runs began and the best mean they ended at: the ones whose
 * price in tokens is worth telling. Empty where nothing was gained or nothing was evaluated.
 */
export function chooseTargets(sides: Sides): number[] {
  const curves = sides.map((side) => side.runs.map((run) => accuracySeries(run).y));
  const starts = curves.flat().flatMap((y) => y[0] ?? []);
  const ends = curves.map((side) => side.flatMap((y) => y.at(-1) ?? []));
  const from = Math.max(0, ...starts);
  const to = Math.max(0, ...ends.filter((values) => values.length > 0).map(mean));
  for (const step of [0.01, 0.02, 0.05, 0.1, 0.2]) {
    const first = Math.floor(from / step + 1e-9) + 1;
    const last = Math.floor(to / step + 1e-9);
    const count = last - first + 1;
    if (count > TARGETS) continue;
    return Array.from({ length: Math.max(0, count) }, (_, i) =>
      Number(((first + i) * step).toFixed(2)),
    );
  }
  return [];
}
