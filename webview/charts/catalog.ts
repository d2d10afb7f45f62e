import { t } from '@vscode/l10n';

/** Which charts there are, in their order. Every other metric of a run gets a plain one after them. */

export interface SeriesSpec {
  metric: string;
  /** Only said where a chart has more than one series. */
  label: string;
}

export interface ChartSpec {
  id: string;
  title: string;
  /** What the numbers are, said after them; '' for plain numbers. */
  unit: string;
  source: 'steps' | 'evaluations';
  series: SeriesSpec[];
  /** `so far`: the metric adds up over the run, and the chart shows what each step added. */
  counted: 'each step' | 'so far';
  /** How a value is written. */
  format: 'number' | 'share' | 'count';
  /** Rates and scores start at zero, so that a small wobble looks small. */
  fromZero: boolean;
  /** What it means, for the tooltip and for screen readers. */
  description: string;
}

const step = {
  source: 'steps',
  unit: '',
  counted: 'each step',
  format: 'number',
  fromZero: true,
} as const;

export const catalog: readonly ChartSpec[] = [
  {
    ...step,
    id: 'reward',
    title: t('Reward'),
    series: [{ metric: 'reward', label: t('reward') }],
    description: t('Mean reward of the answered completions of a step.'),
  },
  {
    ...step,
    id: 'accuracy',
    title: t('Held-out accuracy'),
    source: 'evaluations',
    format: 'share',
    series: [
      { metric: 'eval/accuracy', label: t('greedy') },
      { metric: 'eval/pass@1', label: t('sampled') },
    ],
    description: t('Share of held-out prompts answered right, greedily and sampled.'),
  },
  {
    ...step,
    id: 'truncation_rate',
    title: t('Truncation rate'),
    format: 'share',
    series: [{ metric: 'adaptive/truncation_rate', label: t('truncated') }],
    description: t('Share of a step’s segments that were cut at an unsure token.'),
  },
  {
    ...step,
    id: 'resample_rate',
    title: t('Resample rate'),
    format: 'share',
    series: [{ metric: 'adaptive/resample_rate', label: t('resampled') }],
    description: t('Share of a step’s segments that were sampled again from a prefix.'),
  },
  {
    ...step,
    id: 'avg_failure_point',
    title: t('Failure point'),
    unit: t('tokens'),
    series: [{ metric: 'adaptive/avg_failure_point', label: t('failure point') }],
    description: t('Mean position at which the model became unsure, in tokens of the completion.'),
  },
  {
    ...step,
    id: 'entropy',
    title: t('Entropy'),
    unit: t('nats'),
    series: [{ metric: 'entropy', label: t('entropy') }],
    description: t('Mean entropy of the policy at the sampled tokens.'),
  },
  {
    ...step,
    id: 'tokens',
    title: t('Tokens a step'),
    counted: 'so far',
    format: 'count',
    series: [
      { metric: 'tokens/generated', label: t('generated') },
      { metric: 'tokens/reused', label: t('reused') },
    ],
    description: t('Tokens sampled in a step, and prefix tokens that were not sampled again.'),
  },
];

/** A chart for a metric the catalog doesn't know. */
export function plainChart(metric: string, source: ChartSpec['source']): ChartSpec {
  return {
    id: `${source}/${metric}`,
    title: metric,
    unit: metric.startsWith('time/') ? t('s') : '',
    source,
    series: [{ metric, label: metric }],
    counted: 'each step',
    format: 'number',
    fromZero: false,
    description: t('The metric {0}.', metric),
  };
}

/** The charts of a run: the catalog's, then, if wanted, one for each metric left over. */
export function chartsFor(
  metrics: { steps: ReadonlySet<string>; evaluations: ReadonlySet<string> },
  all: boolean,
): ChartSpec[] {
  if (!all) return [...catalog];
  const known = new Set(catalog.flatMap((spec) => spec.series.map(({ metric }) => metric)));
  const rest = (source: ChartSpec['source']) =>
    [...metrics[source]]
      .filter((metric) => !known.has(metric))
      .sort()
      .map((metric) => plainChart(metric, source));
  return [...catalog, ...rest('evaluations'), ...rest('steps')];
}
