import { t } from '@vscode/l10n';
import { amount, amountWithin, change, range } from './amounts.ts';
import type { Cell, Comparison, Pricing, Row, Verdict } from './model.ts';

/** The cells of the table as a person reads them: in the view, in Markdown and on a terminal. */

/** The table row by row: label, a cell a side, difference, interval, verdict. */
export function tableCells({ sides, table, pricing }: Comparison): string[][] {
  const names = [sides[0].name, sides[1].name] as const;
  return table.map((row) => [
    row.label,
    ...row.sides.map((cell) => cellText(cell, row, pricing)),
    deltaText(row, pricing),
    intervalText(row, pricing),
    verdictText(row.verdict, names),
  ]);
}

/** `72.7 ± 1.9 %`, `2 of 5 within 250,000 tokens`, `–` where nothing is known. */
export function cellText({ mean, margin, values }: Cell, { unit }: Row, pricing: Pricing): string {
  if (mean !== null) {
    return margin === null
      ? amount(mean, unit, pricing)
      : amountWithin(mean, margin, unit, pricing);
  }
  const beyond = values.flatMap((value) => value.beyond ?? []);
  if (beyond.length === 0) return '–';
  const within = amount(Math.max(...beyond), unit, pricing);
  const reached = values.length - beyond.length;
  return reached === 0
    ? t('not within {0}', within)
    : t('{0} of {1} within {2}', reached, values.length, within);
}

/** The difference of the means; of the pairs where it was told from them. Empty where unknown. */
export function deltaText({ delta, difference, unit }: Row, pricing: Pricing): string {
  const value = difference?.mean ?? delta;
  return value === null ? '' : change(value, unit, pricing);
}

/** The 95 % interval of the difference; empty where there is none. */
export function intervalText({ difference, unit }: Row, pricing: Pricing): string {
  return difference === null ? '' : range(difference.low, difference.high, unit, pricing);
}

/** A word or two for a narrow column; the row's sentence says it in full. */
export function verdictText(verdict: Verdict, names: readonly [string, string]): string {
  switch (verdict) {
    case 'second':
      return t('yes: {0} better', names[1]);
    case 'first':
      return t('yes: {0} better', names[0]);
    case 'differs':
      return t('yes');
    case 'noise':
      return t('no');
    case 'unknown':
      return t('can’t be told');
  }
}
