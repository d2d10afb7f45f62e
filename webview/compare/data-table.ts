import { t } from '@vscode/l10n';
import { html, type TemplateResult } from 'lit-html';
import { describeAxis } from '../../src/compare/curves.ts';
import type { Axis } from '../../src/compare/model.ts';
import type { ChartSpec } from './catalog.ts';
import type { Drawn } from './chart.ts';
import { placeText, valueText } from './format.ts';
import { endOf, readingAt, type Curves, type Reading } from './plot.ts';

/** Rows of a chart's table: enough to see how it goes, few enough to listen to. */
const ROWS = 20;

/** A chart's numbers as a table, at places that both sides share. */
export function dataTable(
  spec: ChartSpec,
  { sides, pricing }: Drawn,
  curves: Curves,
  axis: Axis,
): TemplateResult {
  const end = endOf(curves);
  const exact = curves.flatMap(({ x }) => x);
  const own = [...new Set(exact)].sort((a, b) => a - b);
  const places =
    own.length <= ROWS ? own : Array.from({ length: ROWS }, (_, i) => (end * (i + 1)) / ROWS);
  const cell = (reading: Reading | null) => {
    if (reading === null) return '–';
    const mean = valueText(reading.mean, spec.percent);
    if (reading.low === null || reading.high === null) return mean;
    return t(
      '{0} ({1} to {2})',
      mean,
      valueText(reading.low, spec.percent),
      valueText(reading.high, spec.percent),
    );
  };
  return html`<table>
    <caption>
      ${t('{0}; in brackets the 95% interval over seeds', spec.title)}
    </caption>
    <thead>
      <tr>
        <th scope="col">${describeAxis(axis, pricing)}</th>
        ${sides.map(({ name }) => html`<th scope="col">${name}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${places.map(
        (x) =>
          html`<tr>
            <th scope="row">${placeText(x, axis, pricing)}</th>
            ${curves.map((curve) => html`<td>${cell(readingAt(curve, x))}</td>`)}
          </tr>`,
      )}
    </tbody>
  </table>`;
}
