import { t } from '@vscode/l10n';
import { html, nothing, type TemplateResult } from 'lit-html';
import { amount } from '../../src/compare/amounts.ts';
import type { Cell, Pricing, Row } from '../../src/compare/model.ts';
import { cellText, deltaText, intervalText } from '../../src/compare/words.ts';
import { swatch } from './sides.ts';

/** What the charts show as well, and what only explains the rest: shown to whoever asks for it. */
const minor: ReadonlySet<string> = new Set([
  'reward',
  'entropy',
  'completions/mean_length',
  'adaptive/total_rollouts',
  'tokens/generated',
  'tokens/reused',
  'tokens/trained',
  'tokens/evaluated',
  'seconds',
]);

export const isMinor = ({ id }: Row): boolean => minor.has(id);

/** The table of figures: both sides, their difference, its interval, and what to make of it. */
export function figures(
  table: readonly Row[],
  names: readonly [string, string],
  pricing: Pricing,
): TemplateResult {
  // Roles, because on a narrow page the rows are no table rows to the layout.
  return html`<table class="figures" role="table">
    <caption class="visually-hidden">
      ${t('Figures of both sides; a difference is {0} minus {1}', names[1], names[0])}
    </caption>
    <thead role="rowgroup">
      <tr role="row">
        <th role="columnheader" scope="col">${t('Figure')}</th>
        ${names.map(
          (name, side) =>
            html`<th role="columnheader" scope="col" class="number">${swatch(side)}${name}</th>`,
        )}
        <th role="columnheader" scope="col" class="number">${t('Difference')}</th>
        <th role="columnheader" scope="col" class="number">${t('95% interval')}</th>
        <th role="columnheader" scope="col">${t('More than noise?')}</th>
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${table.map((row) => figure(row, pricing))}
    </tbody>
  </table>`;
}

function figure(row: Row, pricing: Pricing): TemplateResult {
  const { id, label, meaning, sides, verdict, sentence } = row;
  const better = verdict === 'first' ? 0 : verdict === 'second' ? 1 : null;
  return html`<tr role="row" data-row=${id}>
    <th role="rowheader" scope="row" title=${meaning}>${label}</th>
    ${sides.map(
      (cell) =>
        html`<td role="cell" class="number" title=${seedsText(cell, row, pricing)}>
          ${cellText(cell, row, pricing)}
        </td>`,
    )}
    <td role="cell" class="number">${deltaText(row, pricing) || '–'}</td>
    <td role="cell" class="number">${intervalText(row, pricing) || '–'}</td>
    <td role="cell" class="verdict ${verdict}">
      ${better === null ? nothing : swatch(better)}${sentence}
    </td>
  </tr>`;
}

/** The value of every seed, a line each. */
function seedsText({ values }: Cell, { unit }: Row, pricing: Pricing): string {
  return values
    .map(({ seed, value, beyond }) => {
      if (value !== null) return t('seed {0}: {1}', seed, amount(value, unit, pricing));
      if (beyond === null) return t('seed {0}: not known', seed);
      return t('seed {0}: more than {1}', seed, amount(beyond, unit, pricing));
    })
    .join('\n');
}
