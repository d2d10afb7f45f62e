import { t } from '@vscode/l10n';
import { Chart, type Plugin } from 'chart.js';
import { html, render } from 'lit-html';
import { curveOf } from '../../src/compare/curves.ts';
import type { Axis, Pricing, Sides } from '../../src/compare/model.ts';
import { iconButton } from '../shared/controls.ts';
import { drawCursor, keyMove, plainOptions } from '../shared/plot.ts';
import type { Theme } from '../shared/theme.ts';
import type { ChartSpec } from './catalog.ts';
import { drawMark, nearest } from './cursor.ts';
import { dataTable } from './data-table.ts';
import { placeText, valueText } from './format.ts';
import { swatch } from './sides.ts';
import {
  datasetsOf,
  lastReading,
  rangeOf,
  readingAt,
  axesOf,
  type Curves,
  type Reading,
  type XY,
} from './plot.ts';

/** The same for all charts, so that their plots line up. */
const AXIS_WIDTH = 40;

/** What is drawn of a comparison. */
export interface Drawn {
  sides: Sides;
  pricing: Pricing;
}

export interface ChartLook {
  axis: Axis;
  /** 0: every step as it is; towards 1 smoother. */
  smoothing: number;
}

/** Both sides' curves of a chart. */
export const curvesOf = ({ sides, pricing }: Drawn, spec: ChartSpec, look: ChartLook): Curves => {
  const smoothing = spec.noisy ? look.smoothing : 0;
  const [first, second] = sides.map((side) =>
    curveOf(side, spec.metric, look.axis, pricing, smoothing),
  );
  if (first === undefined || second === undefined) throw new Error('A comparison has two sides.');
  return [first, second];
};

/**
 * One chart: a caption with both sides' latest values, or those under the cursor, and the picture.
 * The picture is a slider to the keyboard and to screen readers; its numbers are also there as a
 * table.
 */
export class ComparedChart {
  readonly element = document.createElement('figure');
  readonly #spec: ChartSpec;
  readonly #onCursor: (x: number | null) => void;
  readonly #onSave: () => void;
  readonly #caption = document.createElement('figcaption');
  readonly #plot = document.createElement('div');
  readonly #table = document.createElement('div');
  readonly #empty = document.createElement('p');
  readonly #chart: Chart<'line', XY[]>;
  #theme: Theme;
  #drawn: Drawn | null = null;
  #curves: Curves | null = null;
  #look: ChartLook = { axis: 'generated_tokens', smoothing: 0 };
  #end = 1;
  #cursor: number | null = null;
  #asTable = false;

  /** `onCursor`: where the pointer or the keyboard is, on the x axis. */
  constructor(
    spec: ChartSpec,
    theme: Theme,
    onCursor: (x: number | null) => void,
    onSave: () => void,
  ) {
    this.#spec = spec;
    this.#theme = theme;
    this.#onCursor = onCursor;
    this.#onSave = onSave;
    const canvas = document.createElement('canvas');
    canvas.setAttribute('aria-hidden', 'true');
    this.#plot.className = 'plot';
    this.#plot.setAttribute('role', 'slider');
    this.#plot.setAttribute('aria-label', spec.title);
    this.#plot.append(canvas);
    this.#table.className = 'data-table';
    // It scrolls: by keyboard too.
    this.#table.tabIndex = 0;
    this.#table.setAttribute('role', 'region');
    this.#table.setAttribute('aria-label', t('Numbers of {0}', spec.title));
    this.#empty.className = 'empty';
    this.element.className = 'chart';
    this.element.dataset.chart = spec.id;
    this.element.append(this.#caption, this.#plot, this.#table, this.#empty);
    this.#listen();
    this.#chart = new Chart<'line', XY[]>(canvas, {
      type: 'line',
      data: { datasets: [] },
      plugins: [this.#cursorLine()],
      options: {
        ...plainOptions,
        layout: { padding: { top: 6, right: 10 } },
        plugins: { legend: { display: false }, title: { display: false } },
      },
    });
  }

  /** `end`: where the axis of all charts ends, so that a moment lies at one place in all. */
  setData(drawn: Drawn, curves: Curves, look: ChartLook, end: number): void {
    this.#drawn = drawn;
    this.#curves = curves;
    this.#look = look;
    this.#end = end;
    this.#draw();
  }

  setTheme(theme: Theme): void {
    this.#theme = theme;
    this.#draw();
  }

  /** Shows the values at `x`; null: the latest. */
  setCursor(x: number | null): void {
    if (this.#cursor === x) return;
    this.#cursor = x;
    this.#say();
    this.#chart.draw();
  }

  dispose(): void {
    this.#chart.destroy();
    this.element.remove();
  }

  #draw(): void {
    const curves = this.#curves;
    const drawn = this.#drawn;
    if (curves === null || drawn === null) return;
    const any = curves.some(({ runs }) => runs.length > 0);
    this.#plot.hidden = !any || this.#asTable;
    this.#table.hidden = !any || !this.#asTable;
    this.#empty.hidden = any;
    this.#empty.textContent = this.#whyEmpty();
    const { percent } = this.#spec;
    const { axis } = this.#look;
    this.#chart.data.datasets = datasetsOf(curves, this.#theme);
    this.#chart.options.scales = axesOf(rangeOf(curves, percent), this.#end, {
      axis,
      pricing: drawn.pricing,
      percent,
      theme: this.#theme,
      axisWidth: AXIS_WIDTH,
    });
    if (any && !this.#asTable) this.#chart.update('none');
    render(this.#asTable ? dataTable(this.#spec, drawn, curves, axis) : '', this.#table);
    this.#say();
  }

  #whyEmpty(): string {
    if (this.#look.axis === 'cost') return t('No values that have a price.');
    if (this.#spec.id === 'accuracy') return t('Neither side has evaluated held-out prompts yet.');
    return t('No values yet.');
  }

  /** The caption, and what the slider says of itself. */
  #say(): void {
    const { title, description } = this.#spec;
    const toggle = () => {
      this.#asTable = !this.#asTable;
      this.#draw();
    };
    const readings = this.#readings;
    render(
      html`<span class="title" title=${description}>${title}</span>
        <span class="values"
          >${readings.map(
            (reading, side) =>
              html`<span class="value" title=${this.#rangeText(reading)}
                >${swatch(side)}${this.#valueText(reading)}</span
              >`,
          )}</span
        >
        <span class="tools">
          ${iconButton({
            icon: 'table',
            label: this.#asTable
              ? t('Show {0} as a chart', title)
              : t('Show the numbers of {0} as a table', title),
            pressed: this.#asTable,
            onClick: toggle,
          })}
          ${iconButton({
            icon: 'save',
            label: t('Save the chart of {0} as a picture', title),
            onClick: this.#onSave,
          })}
        </span>`,
      this.#caption,
    );
    this.#describeSlider(readings);
  }

  get #readings(): readonly (Reading | null)[] {
    const x = this.#cursor;
    return (this.#curves ?? []).map((curve) =>
      x === null ? lastReading(curve) : readingAt(curve, x),
    );
  }

  #valueText(reading: Reading | null): string {
    return reading === null ? '–' : valueText(reading.mean, this.#spec.percent);
  }

  #rangeText(reading: Reading | null): string {
    if (typeof reading?.low !== 'number' || reading.high === null) return '';
    const text = (value: number) => valueText(value, this.#spec.percent);
    return t('95% interval over seeds: {0} to {1}', text(reading.low), text(reading.high));
  }

  #describeSlider(readings: readonly (Reading | null)[]): void {
    const xs = this.#places;
    const at = this.#cursor ?? xs.at(-1);
    const index = at === undefined ? 0 : nearest(xs, at);
    this.#plot.tabIndex = xs.length > 0 ? 0 : -1;
    this.#plot.setAttribute('aria-valuemin', '0');
    this.#plot.setAttribute('aria-valuemax', String(Math.max(0, xs.length - 1)));
    this.#plot.setAttribute('aria-valuenow', String(index));
    const drawn = this.#drawn;
    if (drawn === null || at === undefined) {
      this.#plot.setAttribute('aria-valuetext', t('no values'));
      return;
    }
    const parts = readings.map((reading, side) => {
      const range = this.#rangeText(reading);
      const value = `${drawn.sides[side]?.name ?? ''} ${this.#valueText(reading)}`;
      return range === '' ? value : `${value} (${range})`;
    });
    const place = placeText(at, this.#look.axis, drawn.pricing);
    this.#plot.setAttribute('aria-valuetext', `${place}: ${parts.join(', ')}`);
  }

  /** Where the keyboard walks: the points of the longer curve. */
  get #places(): readonly number[] {
    const [first, second] = this.#curves ?? [];
    const [a, b] = [first?.x ?? [], second?.x ?? []];
    return a.length >= b.length ? a : b;
  }

  #listen(): void {
    const plot = this.#plot;
    plot.addEventListener('pointermove', (event) => {
      const at = this.#chart.scales.x?.getValueForPixel(event.offsetX);
      if (at !== undefined) this.#onCursor(Math.max(0, Math.min(this.#end, at)));
    });
    plot.addEventListener('pointerleave', () => this.#onCursor(null));
    plot.addEventListener('focus', () => this.#onCursor(this.#places.at(-1) ?? null));
    plot.addEventListener('blur', () => this.#onCursor(null));
    plot.addEventListener('keydown', (event) => {
      const xs = this.#places;
      const next = keyMove(
        event.key,
        this.#cursor === null ? xs.length - 1 : nearest(xs, this.#cursor),
        xs.length,
      );
      if (next === null) return;
      event.preventDefault();
      this.#onCursor(xs[next] ?? null);
    });
  }

  #cursorLine(): Plugin<'line'> {
    return {
      id: 'cursor',
      afterDatasetsDraw: ({ ctx, chartArea, scales }) => {
        const { x, y } = scales;
        const at = this.#cursor;
        if (at === null || !x || !y) return;
        const left = x.getPixelForValue(at);
        ctx.save();
        drawCursor(ctx, chartArea, left, this.#theme.cursor);
        this.#readings.forEach((reading, side) => {
          if (reading === null) return;
          ctx.fillStyle = this.#theme.series[side] ?? this.#theme.text;
          drawMark(ctx, side, left, y.getPixelForValue(reading.mean));
        });
        ctx.restore();
      },
    };
  }
}
