import {
  CategoryScale,
  Chart,
  Filler,
  Legend,
  LineController,
  LineElement,
  LinearScale,
  PointElement,
  Title,
  type ChartDataset,
} from 'chart.js';
import { color } from 'chart.js/helpers';
import type { Axis, Pricing } from '../../src/compare/model.ts';
import { valueAt, type Curve, type Series } from '../../src/compare/curves.ts';
import { scalesOf } from '../shared/plot.ts';
import type { Theme } from '../shared/theme.ts';
import type { Range } from '../shared/ticks.ts';
import { axisText, valueText } from './format.ts';

/** What the charts on the page and their pictures have in common: datasets and scales. */

Chart.register(
  CategoryScale,
  Filler,
  Legend,
  LineController,
  LineElement,
  LinearScale,
  PointElement,
  Title,
);

export interface XY {
  x: number;
  y: number;
}

/** Both sides of one chart. */
export type Curves = readonly [Curve, Curve];

/** Fewer points than this are drawn as dots too: a line of two points hides that they are two. */
const DOTS_BELOW = 30;
/** How much of its colour a band has, and a single seed's line beside its mean. */
const BAND = 0.16;
const FAINT = 0.28;

/** Side by side in every sense: the first is solid with round points, the second dashed with diamonds. */
export const marks = [
  { dash: [], point: 'circle' },
  { dash: [6, 4], point: 'rectRot' },
] as const;

const pointsOf = ({ x, y }: { x: readonly number[]; y: readonly number[] }): XY[] =>
  x.map((at, i) => ({ x: at, y: y[i] ?? NaN }));

/** `scale`: of lines and points; 1 on the page. */
export function datasetsOf(curves: Curves, theme: Theme, scale = 1): ChartDataset<'line', XY[]>[] {
  return curves.flatMap((curve, side) => {
    const colour = theme.series[side] ?? theme.text;
    const faint = (alpha: number) => color(colour).alpha(alpha).rgbString();
    const mark = marks[side] ?? marks[0];
    const bare = { pointRadius: 0, pointHitRadius: 0, clip: 0 } as const;
    const band: ChartDataset<'line', XY[]>[] =
      curve.band === null
        ? []
        : [
            {
              ...bare,
              order: 9,
              data: pointsOf({ x: curve.x, y: curve.band.low }),
              borderWidth: 0,
            },
            {
              ...bare,
              order: 9,
              data: pointsOf({ x: curve.x, y: curve.band.high }),
              borderWidth: 0,
              backgroundColor: faint(BAND),
              fill: '-1',
            },
          ];
    const alone = curve.runs.length === 1;
    const seeds = alone ? [] : curve.runs.map((run) => seedLine(run, faint(FAINT), scale));
    const count = curve.runs[0]?.x.length ?? 0;
    const line: ChartDataset<'line', XY[]> = {
      data: pointsOf({ x: curve.x, y: curve.mean }),
      // Dashes over the solid line: where the sides agree, both are seen.
      order: side === 0 ? 2 : 1,
      borderColor: colour,
      backgroundColor: colour,
      borderWidth: (theme.lineWidth + 0.5) * scale,
      borderDash: mark.dash.map((length) => length * scale),
      borderJoinStyle: 'round',
      pointStyle: mark.point,
      // The mean of several seeds lies on a grid: its points are none of the runs' own.
      pointRadius: alone && count < DOTS_BELOW ? 3 * scale : 0,
      pointHitRadius: 0,
      clip: 4,
    };
    return [...band, ...seeds, line];
  });
}

function seedLine(run: Series, borderColor: string, scale: number): ChartDataset<'line', XY[]> {
  return {
    data: pointsOf(run),
    order: 5,
    borderColor,
    borderWidth: scale,
    pointRadius: 0,
    pointHitRadius: 0,
    clip: 0,
  };
}

/** Where the vertical axis begins and ends. Bands of few seeds reach far beyond: they are cut. */
export function rangeOf(curves: Curves, percent: boolean): Range {
  const values = curves.flatMap(({ runs }) => runs.flatMap(({ y }) => y)).filter(Number.isFinite);
  if (values.length === 0) return { min: 0, max: 1 };
  const lowest = values.reduce((least, value) => Math.min(least, value), Infinity);
  const highest = values.reduce((most, value) => Math.max(most, value), -Infinity);
  // A flat line lies in the middle of something.
  const room = highest > lowest ? 0.08 * (highest - lowest) : Math.abs(highest) / 10 || 1;
  const min = lowest >= 0 ? Math.max(0, lowest - room) : lowest - room;
  const max = highest + room;
  return percent ? { min, max: Math.min(1, max) } : { min, max };
}

/** Where the horizontal axis ends: at the last point of any run. */
export const endOf = (curves: Curves): number =>
  Math.max(0, ...curves.flatMap(({ runs }) => runs.map(({ x }) => x.at(-1) ?? 0))) || 1;

/** The axes, in the words of `axis`. */
export const axesOf = (
  range: Range,
  end: number,
  look: { axis: Axis; pricing: Pricing; percent: boolean; theme: Theme; axisWidth: number },
) =>
  scalesOf(range, end, {
    theme: look.theme,
    axisWidth: look.axisWidth,
    x: {
      tickLength: 4,
      maxTicks: 6,
      whole: false,
      write: (value) => axisText(value, look.axis, look.pricing),
    },
    y: { write: (value) => valueText(value, look.percent) },
  });

/** What a side's curve says at a place. */
export interface Reading {
  mean: number;
  low: number | null;
  high: number | null;
}

/** The straight lines between a curve's points, read at `x`; null outside of them. */
export function readingAt(curve: Curve, x: number): Reading | null {
  const at = (y: readonly number[]) => valueAt({ seed: 0, x: curve.x, y }, x);
  const mean = at(curve.mean);
  if (mean === null) return null;
  const { band } = curve;
  return {
    mean,
    low: band === null ? null : at(band.low),
    high: band === null ? null : at(band.high),
  };
}

/** The end of a curve. */
export function lastReading(curve: Curve): Reading | null {
  const x = curve.x.at(-1);
  return x === undefined ? null : readingAt(curve, x);
}
