import { t } from '@vscode/l10n';
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

/** Where a row lies on the axis; null where it doesn't say. Token counts are those of the run so far. */
function placeOf({ step, metrics }: MetricRow, axis: Axis): number | null {
  return axis === 'step' ? step : (metrics['tokens/generated'] ?? null);
}

/**
 * The series of one chart. A row without the metric has no point, and neither has one that lies
 * before the last: an axis goes forward.
 */
export function seriesOf(
  spec: ChartSpec,
  rows: { steps: readonly MetricRow[]; evaluations: readonly MetricRow[] },
  axis: Axis,
): Series[] {
  return spec.series.map(({ metric, label }) => {
    const points: Point[] = [];
    let total = 0;
    for (const row of rows[spec.source]) {
      const x = placeOf(row, axis);
      const value = row.metrics[metric];
      if (x === null || value === undefined || !Number.isFinite(value)) continue;
      const y = spec.counted === 'so far' ? value - total : value;
      total = value;
      if (x >= (points.at(-1)?.x ?? -Infinity)) points.push({ x, y, step: row.step });
    }
    return { label, points };
  });
}

/** A curve of more points than this is drawn faintly, with its running mean in front. */
const SMOOTHED_FROM = 40;

/** Points a running mean is taken over, an odd number; 1: the curve is clear as it is. */
export const windowOf = (points: number): number =>
  points < SMOOTHED_FROM ? 1 : 2 * Math.round(points / 40) + 3;

/** The mean over `width` points around each; at both ends over those there are. */
export function runningMean(points: readonly Point[], width: number): Point[] {
  const half = (width - 1) / 2;
  let sum = 0;
  let from = 0;
  let to = 0;
  return points.map((point, i) => {
    for (; to < points.length && to <= i + half; to++) sum += points[to]?.y ?? 0;
    for (; from < i - half; from++) sum -= points[from]?.y ?? 0;
    return { ...point, y: sum / (to - from) };
  });
}

/** Where the vertical axis begins and ends: a little beyond the values. */
export function rangeOf(
  series: readonly Series[],
  fromZero: boolean,
): { min: number; max: number } {
  const values = series.flatMap(({ points }) => points.map(({ y }) => y));
  const lowest = values.reduce((least, value) => Math.min(least, value), Infinity);
  const highest = values.reduce((most, value) => Math.max(most, value), -Infinity);
  if (values.length === 0) return { min: 0, max: 1 };
  const bottom = fromZero ? Math.min(0, lowest) : lowest;
  // A flat line lies in the middle of something.
  const room = highest > bottom ? 0.06 * (highest - bottom) : Math.abs(highest) || 1;
  return { min: fromZero && lowest >= 0 ? 0 : bottom - room, max: highest + room };
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
  axis === 'step' ? t('step {0}', x) : t('{0} tokens', compact.format(x));

/** What the picture shows, in a sentence: the latest value and how it came there. */
export function summaryOf(spec: ChartSpec, series: readonly Series[]): string {
  const parts = series.flatMap(({ label, points }) => {
    const first = points[0];
    const last = points.at(-1);
    if (first === undefined || last === undefined) return [];
    const say = ({ y, step }: Point) => t('{0} at step {1}', format(y, spec.format), step);
    const name = series.length > 1 ? `${label}: ` : '';
    if (first === last) return [`${name}${say(last)}`];
    const highest = points.reduce((best, point) => (point.y > best.y ? point : best));
    const lowest = points.reduce((best, point) => (point.y < best.y ? point : best));
    const course = t(
      'latest {0}, from {1}; highest {2}, lowest {3}',
      say(last),
      say(first),
      say(highest),
      say(lowest),
    );
    return [name + course];
  });
  const unit = spec.unit === '' ? '' : ` (${spec.unit})`;
  return `${spec.title}${unit}. ${parts.length === 0 ? t('No values') : parts.join('. ')}.`;
}
