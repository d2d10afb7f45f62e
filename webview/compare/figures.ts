import { t } from '@vscode/l10n';
import { html, nothing, type TemplateResult } from 'lit-html';
import { amount, change, range } from '../../src/compare/amounts.ts';
import type { Cell, Pricing, Row, Verdict } from '../../src/compare/model.ts';
import { swatch } from './sides.ts';

/** The table of figures: both sides, their difference, its interval, and what to make of it. */
export function figures(
  table: readonly Row[],
  names: readonly [string, string],
  pricing: Pricing,
): TemplateResult {
  return html`<table class="figures">
    <caption class="visually-hidden">
      ${t('Figures of both sides; a difference is {0} minus {1}', names[1], names[0])}
    </caption>
    <thead>
      <tr>
        <th scope="col">${t('Figure')}</th>
        ${names.map((name, side) => html`<th scope="col" class="number">${swatch(side)}${name}</th>`)}
        <th scope="col" class="number">${t('Difference')}</th>
        <th scope="col" class="number">${t('95% interval')}</th>
        <th scope="col">${t('More than noise?')}</th>
      </tr>
    </thead>
    <tbody>
      ${table.map((row) => figure(row, names, pricing))}
    </tbody>
  </table>`;
}

function figure(row: Row, names: readonly [string, string], pricing: Pricing): TemplateResult {
  const { id, label, meaning, unit, sides, delta, difference, verdict, sentence } = row;
  const mark = markOf(verdict, names);
  return html`<tr data-row=${id}>
    <th scope="row" title=${meaning}>${label}</th>
    ${sides.map((cell) => html`<td class="number">${cellText(cell, row, pricing)}</td>`)}
    <td class="number">${delta === null ? '–' : change(delta, unit, pricing)}</td>
    <td class="number">
      ${difference === null ? '–' : range(difference.low, difference.high, unit, pricing)}
    </td>
    <td class="verdict ${verdict}">
      <span class="mark">${mark.side === null ? nothing : swatch(mark.side)}${mark.text}</span>
      <span class="sentence">${sentence}</span>
    </td>
  </tr>`;
}

function cellText(cell: Cell, { unit }: Row, pricing: Pricing): TemplateResult | string {
  const values = cell.values
    .map(({ seed, value, beyond }) => {
      if (value !== null) return t('seed {0}: {1}', seed, amount(value, unit, pricing));
      if (beyond === null) return t('seed {0}: not known', seed);
      return t('seed {0}: more than {1}', seed, amount(beyond, unit, pricing));
    })
    .join('\n');
  const known = cell.values.filter(({ value }) => value !== null).length;
  if (cell.mean === null) {
    const missed = cell.values.some(({ beyond }) => beyond !== null);
    const text = missed ? t('reached {0} of {1}', known, cell.values.length) : '–';
    return html`<span title=${values}>${text}</span>`;
  }
  const margin = cell.margin === null ? '' : ` ± ${amount(cell.margin, unit, pricing)}`;
  return html`<span title=${values}
    >${amount(cell.mean, unit, pricing)}<span class="margin">${margin}</span></span
  >`;
}

/** Said in words beside every sentence; the shape of the side that is better stands before it. */
function markOf(
  verdict: Verdict,
  names: readonly [string, string],
): { side: number | null; text: string } {
  switch (verdict) {
    case 'first':
      return { side: 0, text: t('{0} is better', names[0]) };
    case 'second':
      return { side: 1, text: t('{0} is better', names[1]) };
    case 'differs':
      return { side: null, text: t('differs') };
    case 'noise':
      return { side: null, text: t('within noise') };
    case 'unknown':
      return { side: null, text: t('can’t tell') };
  }
}
