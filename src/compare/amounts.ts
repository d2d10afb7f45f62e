import { t } from '@vscode/l10n';
import type { Pricing, Unit } from './model.ts';

/** How numbers of a comparison are written. */

/** `72.7 %`, `61,200 tokens`, `3 min 20 s`, `$1.27`. */
export function amount(value: number, unit: Unit, pricing: Pricing): string {
  switch (unit) {
    case 'fraction':
      return t('{0} %', fixed(100 * value, 1));
    case 'tokens':
      return t('{0} tokens', count(value));
    case 'segments':
      return t('{0} segments', count(value));
    case 'seconds':
      return duration(value);
    case 'cost':
      return `${pricing.currency}${significant(value)}`;
    case 'nats':
      return t('{0} nats', significant(value));
    case 'reward':
      return significant(value);
  }
}

/** A difference: with its sign; shares in points, so that nobody takes them for ratios. */
export function change(value: number, unit: Unit, pricing: Pricing): string {
  const size = Math.abs(value);
  const text =
    unit === 'fraction' ? t('{0} points', fixed(100 * size, 1)) : amount(size, unit, pricing);
  return `${sign(value)}${text}`;
}

/** Both ends of an interval of a difference, e.g. `−1.2 to +3.4 points`. */
export function range(low: number, high: number, unit: Unit, pricing: Pricing): string {
  if (unit === 'fraction') {
    const [from, to] = [low, high].map((each) => `${sign(each)}${fixed(100 * Math.abs(each), 1)}`);
    return t('{0} to {1} points', from ?? '', to ?? '');
  }
  return t('{0} to {1}', change(low, unit, pricing), change(high, unit, pricing));
}

/** `17.3`, `0.0042`, `61,200`: three figures that count, and no more than a large number needs. */
function significant(value: number): string {
  if (Math.abs(value) >= 1000) return count(value);
  return value.toLocaleString('en-US', { maximumSignificantDigits: 3 });
}

function count(value: number): string {
  const digits = Math.abs(value) < 100 && !Number.isInteger(value) ? 1 : 0;
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
}

function fixed(value: number, digits: number): string {
  return value.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** The minus is a real one, not a hyphen. */
function sign(value: number): string {
  return value < 0 ? '−' : '+';
}

function duration(seconds: number): string {
  if (seconds < 60) return t('{0} s', fixed(seconds, 1));
  const whole = Math.round(seconds);
  if (whole < 3600) return t('{0} min {1} s', Math.floor(whole / 60), whole % 60);
  const minutes = Math.round(whole / 60);
  return t('{0} h {1} min', Math.floor(minutes / 60), minutes % 60);
}
