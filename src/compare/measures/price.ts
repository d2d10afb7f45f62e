import { t } from '@vscode/l10n';
import { amount } from '../amounts.ts';
import { costAt, hasPrice } from '../curves.ts';
import type { ComparedRun, Point, Pricing, Sides } from '../model.ts';
import { mean } from '../statistics.ts';
import {
  ACCURACY,
  accuracySeries,
  known,
  nothing,
  type Measure,
  type Measured,
} from './measure.ts';

/** What it took to get there. */
export function tokensTo(target: number, pricing: Pricing): Measure {
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

export function prices(pricing: Pricing): Measure[] {
  const perPoint = (spent: (point: Point) => number | null) => (run: ComparedRun) => {
    const points = run.evaluations.filter(({ metrics }) => ACCURACY in metrics);
    const [begin, end] = [points[0], points.at(-1)];
    const cost = end === undefined || end === begin ? null : spent(end);
    if (cost === null) return nothing;
    const gain = 100 * ((end?.metrics[ACCURACY] ?? 0) - (begin?.metrics[ACCURACY] ?? 0));
    // Where nothing was gained, no price is high enough.
    return gain > 0 ? known(cost / gain) : { value: null, beyond: cost };
  };
  const tokens: Measure = {
    id: 'tokens_per_point',
    label: t('Tokens for a point of accuracy'),
    meaning: t(
      'Generated tokens over the points of held-out accuracy, greedy, that the run gained; without a mean where one of them gained none.',
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
