import { t } from '@vscode/l10n';
import {
  Chart,
  Decimation,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  type ChartDataset,
  type Plugin,
} from 'chart.js';
import { color } from 'chart.js/helpers';
import { drawCursor, keyMove, plainOptions, scalesOf } from '../shared/plot.ts';
import type { Theme } from '../shared/theme.ts';
import type { ChartSpec } from './catalog.ts';
import {
  format,
  formatStep,
  nearestIndex,
  pointAt,
  rangeOf,
  runningMean,
  summaryOf,
  windowOf,
} from './model.ts';
import type { Axis, Point, Series } from './model.ts';

Chart.register(Decimation, LinearScale, LineController, LineElement, PointElement);

/** Fewer points than this are drawn as dots too: a line of two points hides that they are two. */
const DOTS_BELOW = 15;
/** How much of its colour a curve keeps behind its running mean. */
const FAINT = 0.35;
/** The same for all charts, so that their plots line up. */
const AXIS_WIDTH = 34;
const axisNumber = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 2 });
const compact = (value: number): string => axisNumber.format(value);

/**
 * One chart: a caption with the latest value, or the one under the cursor, and the picture. The
 * picture is a slider to the keyboard and to screen readers: arrow keys walk over the points, and
 * each point is read out.
 */
export class Panel {
  readonly element = document.createElement('figure');
  readonly #spec: ChartSpec;
  readonly #onCursor: (x: number | null) => void;
  readonly #values = document.createElement('span');
  readonly #plot = document.createElement('div');
  readonly #summary = document.createElement('p');
  readonly #empty = document.createElement('p');
  readonly #chart: Chart<'line', Point[]>;
  #series: readonly Series[] = [];
  #axis: Axis = 'step';
  #end = 1;
  #theme: Theme;
  #cursor: number | null = null;

  /** `onCursor`: where the pointer or the keyboard is, on the x axis. */
  constructor(spec: ChartSpec, theme: Theme, onCursor: (x: number | null) => void) {
    this.#spec = spec;
    this.#theme = theme;
    this.#onCursor = onCursor;

    const title = document.createElement('span');
    title.className = 'title';
    title.textContent = spec.title;
    title.title = spec.description;
    this.#values.className = 'values';
    const caption = document.createElement('figcaption');
    caption.append(title, this.#values);

    this.#summary.className = 'visually-hidden';
    this.#summary.id = `summary-${spec.id}`;
    this.#empty.className = 'empty';
    this.#empty.textContent = t('No values');
    const canvas = document.createElement('canvas');
    canvas.setAttribute('aria-hidden', 'true');
    this.#plot.className = 'plot';
    this.#plot.setAttribute('role', 'slider');
    this.#plot.setAttribute('aria-label', spec.title);
    this.#plot.setAttribute('aria-describedby', this.#summary.id);
    this.#plot.append(canvas);

    this.element.className = 'chart';
    this.element.append(caption, this.#plot, this.#empty, this.#summary);
    this.#listen();
    this.#chart = new Chart<'line', Point[]>(canvas, {
      type: 'line',
      data: { datasets: [] },
      plugins: [this.#cursorLine()],
      options: {
        ...plainOptions,
        layout: { padding: { top: 4, right: 6 } },
        plugins: { decimation: { enabled: true, algorithm: 'min-max' } },
      },
    });
    this.setTheme(theme);
  }

  /** `end`: where the axis of all charts ends, so that a moment lies at one place in all. */
  setData(series: readonly Series[], axis: Axis, end: number): void {
    this.#series = series;
    this.#axis = axis;
    this.#end = end;
    const any = series.some(({ points }) => points.length > 0);
    this.#plot.hidden = !any;
    this.#empty.hidden = any;
    this.#summary.textContent = summaryOf(this.#spec, series);
    this.#chart.data.datasets = series.flatMap((one, i) => this.#datasets(one, i));
    this.#scale();
    this.#showValues();
    if (any) this.#chart.update('none');
  }

  setTheme(theme: Theme): void {
    this.#theme = theme;
    this.#scale();
    this.#chart.data.datasets = this.#series.flatMap((one, i) => this.#datasets(one, i));
    this.#showValues();
    this.#chart.update('none');
  }

  /** Shows the values at `x`; null: the latest. */
  setCursor(x: number | null): void {
    if (this.#cursor === x) return;
    this.#cursor = x;
    this.#showValues();
    this.#chart.draw();
  }

  dispose(): void {
    this.#chart.destroy();
    this.element.remove();
  }

  #scale(): void {
    const share = this.#spec.format === 'share';
    this.#chart.options.scales = scalesOf(rangeOf(this.#series, this.#spec.fromZero), this.#end, {
      theme: this.#theme,
      axisWidth: AXIS_WIDTH,
      x: { tickLength: 3, maxTicks: 5, whole: true, write: compact },
      y: {
        write: (value) => (share ? `${compact(100 * value)}%` : compact(value)),
      },
    });
  }

  /** The curve; where it is long, its running mean in front of it. Earlier is further in front. */
  #datasets({ label, points }: Series, i: number): ChartDataset<'line', Point[]>[] {
    const colour = this.#theme.series[i % 2] ?? this.#theme.text;
    const line = {
      label,
      borderWidth: this.#theme.lineWidth,
      borderDash: i === 0 ? [] : [4, 3],
      borderJoinStyle: 'round',
      pointHitRadius: 0,
      // Dots at the edge of the plot are whole.
      clip: 4,
    } as const;
    const width = windowOf(points.length);
    const clear = {
      ...line,
      data: width === 1 ? points : runningMean(points, width),
      borderColor: colour,
      backgroundColor: colour,
      pointRadius: points.length < DOTS_BELOW ? 2 : 0,
    };
    if (width === 1) return [clear];
    const faint = color(colour).alpha(FAINT).rgbString();
    return [
      clear,
      { ...line, data: points, borderColor: faint, borderDash: [], borderWidth: 1, pointRadius: 0 },
    ];
  }

  #showValues(): void {
    const x = this.#cursor;
    const shown = this.#series.map(({ label, points }, i) => {
      const point = x === null ? points.at(-1) : pointAt(points, x);
      const value = document.createElement('span');
      value.className = i === 0 ? 'value first' : 'value second';
      const number = point ? format(point.y, this.#spec.format) : '–';
      value.textContent = i === 0 ? number : `${label} ${number}`;
      return value;
    });
    const unit = document.createElement('span');
    unit.className = 'unit';
    unit.textContent = this.#spec.unit;
    this.#values.replaceChildren(...shown, ...(this.#spec.unit === '' ? [] : [unit]));
    this.#describeSlider();
  }

  #describeSlider(): void {
    const points = this.#longest;
    const i = this.#cursor === null ? points.length - 1 : nearestIndex(points, this.#cursor);
    const at = points[i];
    this.#plot.tabIndex = points.length > 0 ? 0 : -1;
    this.#plot.setAttribute('aria-valuemin', '0');
    this.#plot.setAttribute('aria-valuemax', String(Math.max(0, points.length - 1)));
    this.#plot.setAttribute('aria-valuenow', String(Math.max(0, i)));
    const values = this.#series.flatMap(({ label, points: own }) => {
      const point = at === undefined ? null : pointAt(own, at.x);
      if (point === null) return [];
      const name = this.#series.length > 1 ? `${label} ` : '';
      return [`${name}${format(point.y, this.#spec.format)}`];
    });
    const text =
      at === undefined ? t('no values') : t('{0} at {1}', values.join(', '), this.#where(at));
    this.#plot.setAttribute('aria-valuetext', text);
  }

  #where(point: Point): string {
    const step = formatStep(point.step, 'step');
    return this.#axis === 'step' ? step : `${step}, ${formatStep(point.x, 'tokens')}`;
  }

  get #longest(): readonly Point[] {
    return this.#series.reduce<readonly Point[]>(
      (longest, { points }) => (points.length > longest.length ? points : longest),
      [],
    );
  }

  #listen(): void {
    const plot = this.#plot;
    plot.addEventListener('pointermove', (event) => {
      const scale = this.#chart.scales.x;
      if (scale === undefined) return;
      const at = scale.getValueForPixel(event.offsetX);
      const point = at === undefined ? undefined : this.#longest[nearestIndex(this.#longest, at)];
      this.#onCursor(point?.x ?? null);
    });
    plot.addEventListener('pointerleave', () => this.#onCursor(null));
    plot.addEventListener('focus', () => this.#onCursor(this.#longest.at(-1)?.x ?? null));
    plot.addEventListener('blur', () => this.#onCursor(null));
    plot.addEventListener('keydown', (event) => {
      const points = this.#longest;
      const now = this.#cursor === null ? points.length - 1 : nearestIndex(points, this.#cursor);
      const next = keyMove(event.key, now, points.length);
      if (next === null) return;
      event.preventDefault();
      this.#onCursor(points[next]?.x ?? null);
    });
  }

  #cursorLine(): Plugin<'line'> {
    return {
      id: 'cursor',
      afterDatasetsDraw: ({ ctx, chartArea, scales }) => {
        const { x, y } = scales;
        if (this.#cursor === null || x === undefined || y === undefined) return;
        const left = x.getPixelForValue(this.#cursor);
        if (left < chartArea.left - 0.5 || left > chartArea.right + 0.5) return;
        ctx.save();
        drawCursor(ctx, chartArea, left, this.#theme.cursor);
        this.#series.forEach(({ points }, i) => {
          const point = pointAt(points, this.#cursor ?? 0);
          if (point === null) return;
          ctx.fillStyle = this.#theme.series[i % 2] ?? this.#theme.text;
          ctx.beginPath();
          ctx.arc(x.getPixelForValue(point.x), y.getPixelForValue(point.y), 3, 0, 2 * Math.PI);
          ctx.fill();
        });
        ctx.restore();
      },
    };
  }
}
