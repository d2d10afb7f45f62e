import { t } from '@vscode/l10n';
import type { Axis, ComparedRun, ComparedSide, Point, Pricing } from './model.ts';
import { mean, meanInterval } from './statistics.ts';

/** The curves of a comparison: one metric against tokens, steps, time or cost. */

export const curveMetrics = [
  'reward',
  'eval/accuracy',
  'eval/pass@1',
  'eval/pass@k',
  'entropy',
  'completions/mean_length',
] as const;
export type CurveMetric = (typeof curveMetrics)[number];

/** What a metric is called. `percent`: its values are shares of 1. */
export function describeMetric(metric: CurveMetric): { label: string; percent: boolean } {
  switch (metric) {
    case 'reward':
      return { label: t('Reward'), percent: false };
    case 'eval/accuracy':
      return { label: t('Held-out accuracy, greedy'), percent: true };
    case 'eval/pass@1':
      return { label: t('Held-out accuracy, sampled (pass@1)'), percent: true };
    case 'eval/pass@k':
      return { label: t('Held-out accuracy, best of k (pass@k)'), percent: true };
    case 'entropy':
      return { label: t('Entropy (nats a token)'), percent: false };
    case 'completions/mean_length':
      return { label: t('Completion length (tokens)'), percent: false };
  }
}

export function describeAxis(axis: Axis, pricing: Pricing): string {
  switch (axis) {
    case 'generated_tokens':
      return t('Generated tokens');
    case 'step':
      return t('Optimizer steps');
    case 'seconds':
      return t('Training time (seconds)');
    case 'cost':
      return t('Cost ({0})', pricing.currency.trim());
  }
}

/** Whether there is a price to draw against. */
export function hasPrice({ per_hour, per_million_tokens }: Pricing): boolean {
  return (per_hour ?? 0) > 0 || (per_million_tokens ?? 0) > 0;
}

/** What training cost until this point; null where nothing has a price, or tokens aren't counted. */
export function costAt(point: Point, pricing: Pricing): number | null {
  if (!hasPrice(pricing)) return null;
  const perToken = (pricing.per_million_tokens ?? 0) / 1e6;
  if (perToken > 0 && point.generated_tokens === null) return null;
  return (
    ((pricing.per_hour ?? 0) * point.seconds) / 3600 + perToken * (point.generated_tokens ?? 0)
  );
}

export function positionOf(point: Point, axis: Axis, pricing: Pricing): number | null {
  return axis === 'cost' ? costAt(point, pricing) : point[axis];
}

/** Values of one run, by ascending `x`. */
export interface Series {
  seed: number;
  x: readonly number[];
  y: readonly number[];
}

/** A metric of one run against an axis; points that lack either are left out. */
export function seriesOf(
  run: ComparedRun,
  metric: CurveMetric,
  axis: Axis,
  pricing: Pricing,
): Series {
  const points = metric.startsWith('eval/') ? run.evaluations : run.steps;
  const x: number[] = [];
  const y: number[] = [];
  for (const point of points) {
    const position = positionOf(point, axis, pricing);
    const value = point.metrics[metric];
    if (position === null || value === undefined) continue;
    // Two points at one place (no tokens sampled in between): the later one counts.
    if (x.at(-1) === position) y[y.length - 1] = value;
    else {
      x.push(position);
      y.push(value);
    }
  }
  return { seed: run.seed, x, y };
}

/**
 * An exponential moving average that starts unbiased: `weight` 0 leaves the values as they are,
 * towards 1 it gets smoother.
 */
export function smoothed(series: Series, weight: number): Series {
  let total = 0;
  let weights = 0;
  const y = series.y.map((value) => {
    total = weight * total + (1 - weight) * value;
    weights = weight * weights + (1 - weight);
    return total / weights;
  });
  return { ...series, y };
}

/** The value at `x` on the straight lines between a series' points; null outside of them. */
export function valueAt({ x, y }: Series, at: number): number | null {
  const next = firstIndex(x.length, (i) => (x[i] ?? NaN) >= at);
  const [x1, y1] = [x[next], y[next]];
  if (x1 === undefined || y1 === undefined) return null;
  if (x1 === at) return y1;
  const [x0, y0] = [x[next - 1], y[next - 1]];
  if (x0 === undefined || y0 === undefined) return null;
  return y0 + ((y1 - y0) * (at - x0)) / (x1 - x0);
}

/** The first index that fulfils a condition which all later ones fulfil too; `count` if none. */
function firstIndex(count: number, holds: (index: number) => boolean): number {
  let from = 0;
  let to = count;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (holds(middle)) to = middle;
    else from = middle + 1;
  }
  return from;
}

/** A side's curve: its runs, their mean, and how far other seeds could lie. */
export interface Curve {
  runs: readonly Series[];
  /** Where the mean is told: from where all counted runs have begun to where the first ends. */
  x: readonly number[];
  mean: readonly number[];
  /** Ends of the 95 % t-interval of the mean over seeds; null where there is one seed only. */
  band: { low: readonly number[]; high: readonly number[] } | null;
  /** Runs that the mean is over. */
  seeds: number;
  /** Seeds of runs that ended far too early to count: their lines are there, the mean is without. */
  left_out: readonly number[];
}

/** Points of the common grid. */
const GRID = 121;
/** A run that ends before this share of the longest one would cut the mean of all others short. */
const LONG_ENOUGH = 0.8;

export function curveOf(
  side: ComparedSide,
  metric: CurveMetric,
  axis: Axis,
  pricing: Pricing,
  smoothing = 0,
): Curve {
  const runs = side.runs
    .map((run) => smoothed(seriesOf(run, metric, axis, pricing), smoothing))
    .filter(({ x }) => x.length > 0);
  const longest = Math.max(...runs.map(end));
  const whole = runs.filter((run) => end(run) >= LONG_ENOUGH * longest);
  const left_out = runs.filter((run) => !whole.includes(run)).map(({ seed }) => seed);
  const x = gridOf(whole);
  const values = x.map((at) => whole.flatMap((run) => valueAt(run, at) ?? []));
  const intervals = values.flatMap((each) => meanInterval(each) ?? []);
  return {
    runs,
    x,
    mean: values.map(mean),
    band:
      whole.length < 2
        ? null
        : { low: intervals.map(({ low }) => low), high: intervals.map(({ high }) => high) },
    seeds: whole.length,
    left_out,
  };
}

const end = ({ x }: Series): number => x.at(-1) ?? -Infinity;

function gridOf(runs: readonly Series[]): number[] {
  const [only, ...others] = runs;
  if (only === undefined) return [];
  // One run needs no grid: its own points are exact.
  if (others.length === 0) return [...only.x];
  const from = Math.max(...runs.map(({ x }) => x[0] ?? 0));
  const to = Math.min(...runs.map(end));
  if (from > to) return [];
  if (from === to) return [from];
  // The last point is exactly the end: a rounded one beyond it would have no values.
  return Array.from({ length: GRID }, (_, i) =>
    i === GRID - 1 ? to : from + ((to - from) * i) / (GRID - 1),
  );
}
