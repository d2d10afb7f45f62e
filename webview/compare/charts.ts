import type { Theme } from '../shared/theme.ts';
import { catalog } from './catalog.ts';
import { ComparedChart, curvesOf, type ChartLook, type Drawn } from './chart.ts';
import type { ChartSpec } from './catalog.ts';
import { endOf } from './plot.ts';

/** The charts on top. A cursor over one shows in all, so that one reads a moment across them. */
export class Charts {
  readonly element = document.createElement('div');
  readonly #charts: readonly ComparedChart[];

  /** `onSave`: somebody wants this chart as a picture. `onCursor`: where one reads; null: nowhere. */
  constructor(
    theme: Theme,
    onCursor: (x: number | null) => void,
    onSave: (spec: ChartSpec) => void,
  ) {
    this.element.className = 'charts';
    this.#charts = catalog.map(
      (spec) =>
        new ComparedChart(
          spec,
          theme,
          (x) => {
            for (const chart of this.#charts) chart.setCursor(x);
            onCursor(x);
          },
          () => onSave(spec),
        ),
    );
    this.element.append(...this.#charts.map(({ element }) => element));
  }

  setTheme(theme: Theme): void {
    for (const chart of this.#charts) chart.setTheme(theme);
  }

  setData(drawn: Drawn, look: ChartLook): void {
    const curves = catalog.map((spec) => curvesOf(drawn, spec, look));
    const end = Math.max(...curves.map(endOf));
    this.#charts.forEach((chart, i) => {
      const both = curves[i];
      if (both !== undefined) chart.setData(drawn, both, look, end);
    });
  }
}
