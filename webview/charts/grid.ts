import type { MetricRow } from '../../src/views/charts/protocol.ts';
import type { Theme } from '../shared/theme.ts';
import { chartsFor } from './catalog.ts';
import { seriesOf } from './model.ts';
import type { Axis } from './model.ts';
import { Panel } from './panel.ts';

export interface GridData {
  steps: readonly MetricRow[];
  evaluations: readonly MetricRow[];
}

/** The small multiples. A cursor over one shows in all, so that one reads a moment across them. */
export class Grid {
  readonly element = document.createElement('div');
  readonly #panels = new Map<string, Panel>();
  readonly #onCursor: (x: number | null) => void;
  #theme: Theme;

  constructor(theme: Theme, onCursor: (x: number | null) => void) {
    this.#theme = theme;
    this.#onCursor = onCursor;
    this.element.className = 'grid';
  }

  setTheme(theme: Theme): void {
    this.#theme = theme;
    for (const panel of this.#panels.values()) panel.setTheme(theme);
  }

  setData(data: GridData, { axis, all }: { axis: Axis; all: boolean }): void {
    const specs = chartsFor(
      { steps: metricsIn(data.steps), evaluations: metricsIn(data.evaluations) },
      all,
    );
    this.#drop(new Set(specs.map(({ id }) => id)));
    const drawn = specs.map((spec) => seriesOf(spec, data, axis));
    const last = drawn.flatMap((series) => series.map(({ points }) => points.at(-1)?.x ?? 0));
    const end = Math.max(1, ...last);
    specs.forEach((spec, i) => {
      let panel = this.#panels.get(spec.id);
      if (panel === undefined) {
        panel = new Panel(spec, this.#theme, (x) => this.#setCursor(x));
        this.#panels.set(spec.id, panel);
      }
      // Moved only when it must be: an element that moves loses the focus.
      const there = this.element.children[i];
      if (there !== panel.element) this.element.insertBefore(panel.element, there ?? null);
      panel.setData(drawn[i] ?? [], axis, end);
    });
  }

  #drop(wanted: ReadonlySet<string>): void {
    for (const [id, panel] of this.#panels) {
      if (wanted.has(id)) continue;
      panel.dispose();
      this.#panels.delete(id);
    }
  }

  #setCursor(x: number | null): void {
    for (const panel of this.#panels.values()) panel.setCursor(x);
    this.#onCursor(x);
  }
}

function metricsIn(rows: readonly MetricRow[]): Set<string> {
  return new Set(rows.flatMap(({ metrics }) => Object.keys(metrics)));
}
