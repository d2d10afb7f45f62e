import { t } from '@vscode/l10n';
import type { Pricing, Unit } from './model.ts';

/** How numbers of a comparison are written. */

/** `72.7 %`, `61,200 tokens`, `3 min 20 s`, `$1.27`. */
export function amount(value: number, unit: Unit, pricing: Pricing): string {
  return unit === 'seconds' ? duration(value) : dressed(bare(value, unit), unit, pricing);
}

/** `72.7 ± 1.9 %`: a mean and half the width of its interval. */
export function amountWithin(value: number, margin: number, unit: Unit, pricing: Pricing): string {
  if (unit === 'seconds') return `${duration(value)} ± ${duration(margin)}`;
  return dressed(`${bare(value, unit)} ± ${bare(margin, unit)}`, unit, pricing);
}

/** A difference: with its sign; shares in points, so that nobody takes them for ratios. */
export function change(value: number, unit: Unit, pricing: Pricing): string {
  if (unit === 'seconds') return `${sign(value)}${duration(Math.abs(value))}`;
  const size = bare(Math.abs(value), unit);
  if (unit === 'cost') return `${sign(value)}${dressed(size, unit, pricing)}`;
  return points(`${sign(value)}${size}`, unit, pricing);
}

/** Both ends of an interval of a difference: `−1.2 to +3.4 points`. */
export function range(low: number, high: number, unit: Unit, pricing: Pricing): string {
  if (unit === 'seconds' || unit === 'cost') {
    return t('{0} to {1}', change(low, unit, pricing), change(high, unit, pricing));
  }
  const end = (value: number) => `${sign(value)}${bare(Math.abs(value), unit)}`;
  return points(t('{0} to {1}', end(low), end(high)), unit, pricing);
}

function points(text: string, unit: Exclude<Unit, 'seconds'>, pricing: Pricing): string {
  return unit === 'fraction' ? t('{0} points', text) : dressed(text, unit, pricing);
}

/** A number without its unit. */
function bare(value: number, unit: Exclude<Unit, 'seconds'>): string {
  switch (unit) {
    case 'fraction':
      return fixed(100 * value, 1);
    case 'tokens':
    case 'segments':
      return count(value);
    case 'cost':
    case 'nats':
    case 'reward':
      return significant(value);
  }
}

function dressed(text: string, unit: Exclude<Unit, 'seconds'>, pricing: Pricing): string {
  switch (unit) {
    case 'fraction':
      return t('{0} %', text);
    case 'tokens':
      return t('{0} tokens', text);
    case 'segments':
      return t('{0} segments', text);
    case 'nats':
      return t('{0} nats', text);
    case 'cost':
      return `${pricing.currency}${text}`;
    case 'reward':
      return text;
  }
}

/** `17.3`, `0.0042`, `61,200`: three figures that count, and no more than a large number needs. */
function significant(value: number): string {
  if (Math.abs(value) >= 1000) return count(value);
  return value.toLocaleString('en-US', { maximumSignificantDigits: 3 });
}

export function count(value: number): string {
  const digits = Math.abs(value) < 100 && !Number.isInteger(value) ? 1 : 0;
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
}

function fixed(value: number, digits: number): string {
  return value.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** The minus is a real one, not a hyphen; nothing has no sign. */
function sign(value: number): string {
  return value < 0 ? '−' : value > 0 ? '+' : '';
}

function duration(seconds: number): string {
  if (seconds < 60) return t('{0} s', fixed(seconds, 1));
  const whole = Math.round(seconds);
  if (whole < 3600) return t('{0} min {1} s', Math.floor(whole / 60), whole % 60);
  const minutes = Math.round(whole / 60);
  return t('{0} h {1} min', Math.floor(minutes / 60), minutes % 60);
}
