import { t } from '@vscode/l10n';
import type { ColourMode } from './shapes.ts';

/**
 * How a token's value becomes one of a few levels, the same in strips, text and legend. The bounds
 * are fixed, so that a colour means the same in every run.
 */
export const LEVELS = 7;

export interface Scale {
  label: string;
  unit: string;
  /** Level `k` starts where the value passes `bounds[k − 1]`. */
  bounds: readonly number[];
  /** `falling`: small values stand out. `signed`: levels −7…7. */
  direction: 'rising' | 'falling' | 'signed';
}

export const scales: Record<ColourMode, Scale> = {
  entropy: {
    label: t('entropy'),
    unit: t('nats'),
    bounds: [0.05, 0.15, 0.35, 0.6, 1, 1.5, 2],
    direction: 'rising',
  },
  max_prob: {
    label: t('max prob'),
    unit: '',
    bounds: [0.99, 0.95, 0.9, 0.8, 0.7, 0.5, 0.3],
    direction: 'falling',
  },
  logprob: {
    label: t('logprob'),
    unit: t('nats'),
    bounds: [-0.01, -0.05, -0.2, -0.5, -1, -2, -4],
    direction: 'falling',
  },
  advantage: {
    label: t('advantage'),
    unit: '',
    bounds: [0.02, 0.1, 0.2, 0.35, 0.5, 0.75, 1],
    direction: 'signed',
  },
};

/** −7…7; 0 is the calm end. NaN (not measured) is 0. */
export function levelOf(mode: ColourMode, value: number): number {
  const { bounds, direction } = scales[mode];
  const magnitude = direction === 'signed' ? Math.abs(value) : value;
  let level = 0;
  for (const bound of bounds) {
    const passed = direction === 'falling' ? magnitude < bound : magnitude >= bound;
    if (!passed) break;
    level += 1;
  }
  return direction === 'signed' && value < 0 ? -level : level;
}

/** A number short enough for a row: three digits, a real minus sign, `–` where there is none. */
export function short(value: number | null | undefined, digits = 2): string {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  const text = value.toFixed(digits);
  // No negative zero.
  return Number(text) === 0 ? text.replace('-', '') : text.replace('-', '−');
}

/** With its sign, as advantages are written. */
export function signed(value: number | null | undefined, digits = 2): string {
  const text = short(value, digits);
  return typeof value === 'number' && value > 0 ? `+${text}` : text;
}

export function percent(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  return `${Math.round(value * 100)}%`;
}
