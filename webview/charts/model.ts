import type { MetricRow } from '../../src/views/charts/protocol.ts';
import type { ChartSpec } from './catalog.ts';

/** The numbers behind the charts, free of the DOM. */

export type Axis = 'step' | 'tokens';

export interface Point {
  x: number;
  y: number;
  step: number;
}

export interface Series {
  label: string;
  /** Ascending in `x`. */
  points: Point[];
}

/**
 * Where each step lies on the axis. For `tokens` that is the number of tokens generated until its
 * end; the evaluation of the base model (step 0) lies at 0.
 */
export function axisOf(steps: readonly MetricRow[], axis: Axis): (step: number) => number | null {
  if (axis === 'step') return (step) => step;
  const at = new Map<number, number>([[0, 0]]);
  let total = 0;
  for (const { step, metrics } of steps) {
    total += metrics['tokens/generated'] ?? 0;
    at.set(step, total);
  }
  return (step) => at.get(step) ?? null;
}

/** The series of one chart; a row without the metric leaves a gap in nothing: it has no point. */
export function seriesOf(
  spec: ChartSpec,
  rows: { steps: readonly MetricRow[]; evaluations: readonly MetricRow[] },
  axis: (step: number) => number | null,
): Series[] {
  return spec.series.map(({ metric, label }) => ({
    label,
    points: rows[spec.source].flatMap(({ step, metrics }) => {
      const x = axis(step);
      const y = metrics[metric];
      return x === null || y === undefined || !Number.isFinite(y) ? [] : [{ x, y, step }];
    }),
  }));
}

/** The point at `x` or the last before it; null before the first. */
export function pointAt(points: readonly Point[], x: number): Point | null {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((points[middle]?.x ?? Infinity) <= x) low = middle + 1;
    else high = middle;
  }
  return points[low - 1] ?? null;
}

/** The point nearest to `x`, by index; −1 where there is none. */
export function nearestIndex(points: readonly Point[], x: number): number {
  const before = pointAt(points, x);
  const i = before === null ? 0 : points.indexOf(before);
  const here = points[i];
  const next = points[i + 1];
  if (here === undefined) return -1;
  return next !== undefined && Math.abs(next.x - x) < Math.abs(here.x - x) ? i + 1 : i;
}

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/** A value as a person reads it: `0.63`, `31%`, `1.2M`. */
export function format(value: number, kind: ChartSpec['format']): string {
  if (kind === 'share') return `${(100 * value).toFixed(Math.abs(value) < 0.0995 ? 1 : 0)}%`;
  if (kind === 'count') return compact.format(value);
  const size = Math.abs(value);
  if (value === 0) return '0';
  if (size >= 10_000) return compact.format(value);
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  if (size >= 0.01) return value.toFixed(2);
  return value.toExponential(1);
}

export const formatStep = (x: number, axis: Axis): string =>
  axis === 'step' ? `step ${x}` : `${compact.format(x)} tokens`;

/** What the picture shows, in a sentence: the latest value and how it came there. */
export function summaryOf(spec: ChartSpec, series: readonly Series[]): string {
  const parts = series.flatMap(({ label, points }) => {
    const first = points[0];
    const last = points.at(-1);
    if (first === undefined || last === undefined) return [];
    const say = ({ y, step }: Point) => `${format(y, spec.format)} at step ${step}`;
    const name = series.length > 1 ? `${label}: ` : '';
    if (first === last) return [`${name}${say(last)}`];
    const highest = points.reduce((best, point) => (point.y > best.y ? point : best));
    const lowest = points.reduce((best, point) => (point.y < best.y ? point : best));
    return [
      `${name}latest ${say(last)}, from ${say(first)}; ` +
        `highest ${say(highest)}, lowest ${say(lowest)}`,
    ];
  });
  const unit = spec.unit === '' ? '' : ` (${spec.unit})`;
  return `${spec.title}${unit}. ${parts.length === 0 ? 'No values yet' : parts.join('. ')}.`;
}
