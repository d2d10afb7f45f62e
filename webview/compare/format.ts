import { t } from '@vscode/l10n';
import type { Axis, Pricing } from '../../src/compare/model.ts';

/** Numbers as a person reads them. */

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 2 });

/** A value of a curve: `0.63`, `31%`. */
export function valueText(value: number, percent: boolean): string {
  if (percent) return `${trimmed((100 * value).toFixed(1))}%`;
  const size = Math.abs(value);
  if (size >= 1000) return compact.format(value);
  if (size >= 100 || value === 0) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  return size >= 0.01 ? trimmed(value.toFixed(3)) : value.toExponential(1);
}

/** Without the zeros that end its decimals. */
const trimmed = (text: string): string => text.replace(/\.?0+$/u, '');

/** A place on the horizontal axis, short enough for a tick: `150K`, `12m`, `$0.40`. */
export function axisText(x: number, axis: Axis, pricing: Pricing): string {
  if (axis === 'seconds') return durationText(x);
  if (axis === 'cost') return `${pricing.currency}${compact.format(x)}`;
  return compact.format(x);
}

/** The same in words, for readouts: `150K tokens`, `step 20`. */
export function placeText(x: number, axis: Axis, pricing: Pricing): string {
  switch (axis) {
    case 'generated_tokens':
      return t('{0} tokens', compact.format(x));
    case 'step':
      return t('step {0}', Math.round(x));
    case 'seconds':
    case 'cost':
      return axisText(x, axis, pricing);
  }
}

function durationText(seconds: number): string {
  if (seconds < 120) return `${compact.format(seconds)}s`;
  const minutes = seconds / 60;
  if (minutes < 120) return `${compact.format(minutes)}m`;
  return `${compact.format(minutes / 60)}h`;
}
