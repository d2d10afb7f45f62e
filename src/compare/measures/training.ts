import { t } from '@vscode/l10n';
import { costAt, hasPrice } from '../curves.ts';
import type { ComparedRun, Pricing } from '../model.ts';
import { mean } from '../statistics.ts';
import { known, type Measure } from './measure.ts';

/** Mean over all steps that have the metric. */
const meanOfSteps = (metric: string) => (run: ComparedRun) => {
  const values = run.steps.flatMap(({ metrics }) => metrics[metric] ?? []);
  return known(values.length === 0 ? null : mean(values));
};

/** What the strategy did. */
export function strategyRates(): Measure[] {
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

/** Where training ended. */
export function training(): Measure[] {
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

/** What was spent in all. */
export function totals(pricing: Pricing): Measure[] {
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
