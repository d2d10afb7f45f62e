import type { ChartArea, ChartOptions } from 'chart.js';
import type { Theme } from './theme.ts';
import { ticksOf, type Range } from './ticks.ts';

/** What line charts have in common: options, scales, and the cursor. */

/** Data comes ready, nothing moves by itself, and the page listens to pointer and keys. */
export const plainOptions = {
  animation: false,
  parsing: false,
  normalized: true,
  maintainAspectRatio: false,
  events: [],
} satisfies ChartOptions<'line'>;

type AxisOptions = NonNullable<NonNullable<ChartOptions<'line'>['scales']>[string]>;

export interface ScalesLook {
  theme: Theme;
  /** Of the vertical axis, in pixels: the same for all charts, so that their plots line up. */
  axisWidth: number;
  x: {
    /** Of the horizontal axis, in pixels. */
    tickLength: number;
    maxTicks: number;
    /** Whether there is nothing between whole numbers. */
    whole: boolean;
    write: (value: number) => string;
  };
  y: { write: (value: number) => string };
}

/** Both axes: from 0 to `end`, and over `range`. */
export function scalesOf(
  range: Range,
  end: number,
  { theme, axisWidth, x, y }: ScalesLook,
): { x: AxisOptions; y: AxisOptions } {
  const { font: family, fontSize: size, muted: color, axis, grid } = theme;
  const font = { family, size };
  const values = ticksOf(range).map((value) => ({ value }));
  return {
    x: {
      type: 'linear',
      min: 0,
      max: end,
      grid: { color: axis, tickLength: x.tickLength, drawOnChartArea: false },
      border: { color: axis },
      ticks: {
        color,
        font,
        maxRotation: 0,
        includeBounds: false,
        maxTicksLimit: x.maxTicks,
        ...(x.whole ? { precision: 0 } : {}),
        callback: (value: number | string) => x.write(Number(value)),
      },
    },
    y: {
      type: 'linear',
      ...range,
      grid: { color: grid ?? axis, tickLength: 3, drawOnChartArea: grid !== null },
      border: { display: false },
      ticks: {
        color,
        font,
        autoSkip: false,
        callback: (value: number | string) => y.write(Number(value)),
      },
      afterBuildTicks: (scale) => (scale.ticks = values),
      afterFit: (scale) => (scale.width = axisWidth),
    },
  };
}

/** The line down the plot where the cursor stands. */
export function drawCursor(
  ctx: CanvasRenderingContext2D,
  { top, bottom }: ChartArea,
  left: number,
  color: string,
): void {
  ctx.strokeStyle = color;
  ctx.lineWidth = 1;
  ctx.beginPath();
  ctx.moveTo(left, top);
  ctx.lineTo(left, bottom);
  ctx.stroke();
}

/** Where a key leads from the place `now` of `count`, as in a slider; null: it is no such key. */
export function keyMove(key: string, now: number, count: number): number | null {
  const page = Math.max(1, Math.round(count / 10));
  const moves: Record<string, number> = {
    ArrowLeft: now - 1,
    ArrowDown: now - 1,
    ArrowRight: now + 1,
    ArrowUp: now + 1,
    PageDown: now - page,
    PageUp: now + page,
    Home: 0,
    End: count - 1,
  };
  const next = moves[key];
  return next === undefined ? null : Math.max(0, Math.min(count - 1, next));
}
