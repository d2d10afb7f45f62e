import { t } from '@vscode/l10n';
import { describeMetric, type CurveMetric } from '../../src/compare/curves.ts';

/** The charts of a comparison, in their order. */
export interface ChartSpec {
  /** Also the name of its picture's file. */
  id: 'reward' | 'accuracy' | 'entropy' | 'length';
  metric: CurveMetric;
  title: string;
  /** Values are shares of 1. */
  percent: boolean;
  /** Noisy from step to step: may be smoothed. */
  noisy: boolean;
  /** What it means, for the tooltip and for screen readers. */
  description: string;
}

function chart(
  id: ChartSpec['id'],
  metric: CurveMetric,
  noisy: boolean,
  description: string,
): ChartSpec {
  const { label: title, percent } = describeMetric(metric);
  return { id, metric, title, percent, noisy, description };
}

export const catalog: readonly ChartSpec[] = [
  chart('reward', 'reward', true, t('Mean reward of the answered completions of a step.')),
  chart(
    'accuracy',
    'eval/accuracy',
    false,
    t('Share of held-out prompts answered right with the most likely tokens.'),
  ),
  chart('entropy', 'entropy', true, t('Mean entropy of the policy at the sampled tokens.')),
  chart(
    'length',
    'completions/mean_length',
    true,
    t('Mean number of tokens of the answered completions of a step.'),
  ),
];
