import { Chart, type LegendItem } from 'chart.js';
import { describeAxis } from '../../src/compare/curves.ts';
import type { Theme } from '../shared/theme.ts';
import type { ChartSpec } from './catalog.ts';
import type { ChartLook, Drawn } from './chart.ts';
import { datasetsOf, endOf, marks, rangeOf, axesOf, type Curves, type XY } from './plot.ts';

/** Pixels of a chart's picture: 16 × 10 cm at 300 dots an inch, near enough. */
const WIDTH = 1920;
const HEIGHT = 1200;
/** Of lines and letters against the page's. */
const SCALE = 3;

/** Ink on white, whatever the editor's theme. */
export const printTheme: Theme = {
  text: '#1f1f1f',
  muted: '#3b3b3b',
  axis: '#8c8c8c',
  grid: '#e3e3e3',
  cursor: '#1f1f1f',
  series: ['#0b63b6', '#a35b00'],
  font: 'Helvetica, Arial, "DejaVu Sans", sans-serif',
  fontSize: 11,
  lineWidth: 1.5,
};

/** A chart as the bytes of a PNG, in base64. `background`: a CSS colour. */
export function pictureOf(
  spec: ChartSpec,
  { sides, pricing }: Drawn,
  curves: Curves,
  look: ChartLook,
  theme: Theme,
  background: string,
): string {
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const large: Theme = { ...theme, fontSize: theme.fontSize * SCALE };
  const font = { family: theme.font, size: large.fontSize };
  const { percent } = spec;
  const scales = axesOf(rangeOf(curves, percent), endOf(curves), {
    axis: look.axis,
    pricing,
    percent,
    theme: large,
    axisWidth: 48 * SCALE,
  });
  const names = [sides[0].name, sides[1].name] as const;
  const chart = new Chart<'line', XY[]>(canvas, {
    type: 'line',
    data: { datasets: datasetsOf(curves, large, SCALE) },
    plugins: [
      {
        id: 'paper',
        beforeDraw: ({ ctx, width, height }) => {
          ctx.save();
          ctx.fillStyle = background;
          ctx.fillRect(0, 0, width, height);
          ctx.restore();
        },
      },
    ],
    options: {
      animation: false,
      parsing: false,
      normalized: true,
      responsive: false,
      devicePixelRatio: 1,
      events: [],
      layout: { padding: 14 * SCALE },
      scales: {
        x: {
          ...scales.x,
          title: {
            display: true,
            text: describeAxis(look.axis, pricing),
            color: theme.muted,
            font,
          },
        },
        y: scales.y,
      },
      plugins: {
        title: {
          display: true,
          text: spec.title,
          align: 'start',
          color: theme.text,
          font: { ...font, size: font.size * 1.2, weight: 'bold' },
        },
        legend: {
          display: true,
          align: 'start',
          labels: {
            color: theme.text,
            font,
            // The line itself: its dashes tell the sides apart where colours don't.
            usePointStyle: true,
            pointStyleWidth: 30 * SCALE,
            padding: 6 * SCALE,
            generateLabels: () => names.map((name, side) => legendItem(name, side, large)),
          },
        },
      },
    },
  });
  chart.draw();
  const data = canvas.toDataURL('image/png');
  chart.destroy();
  return data.slice(data.indexOf(',') + 1);
}

function legendItem(text: string, side: number, theme: Theme): LegendItem {
  return {
    text,
    fontColor: theme.text,
    strokeStyle: theme.series[side] ?? theme.text,
    lineWidth: (theme.lineWidth + 0.5) * SCALE,
    lineDash: (marks[side] ?? marks[0]).dash.map((length) => length * SCALE),
    pointStyle: 'line',
    datasetIndex: side,
  };
}
