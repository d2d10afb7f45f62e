import { t } from '@vscode/l10n';
import { amount, change, range } from './amounts.ts';
import type { Cell, Difference, Pricing, Row } from './model.ts';

/** The plain sentence of a row: what differs, and whether that is more than noise. */
export function sentenceOf(
  row: Omit<Row, 'sentence'>,
  names: readonly [string, string],
  pricing: Pricing,
): string {
  const { sides, delta, difference, unit, verdict } = row;
  if (delta === null) return withoutMeans(row, names, pricing);
  const size = change(delta, unit, pricing);
  if (difference === null) return withoutInterval(sides, size);
  const interval = range(difference.low, difference.high, unit, pricing);
  const basis = basisOf(difference);
  // The mean of the pairs may differ from that of all runs, where a side has more of them.
  const paired = change(difference.mean, unit, pricing);
  const [first, second] = names;
  switch (verdict) {
    case 'second':
      return t(
        '{0} is better: {1} (95 %: {2}; {3}). More than noise.',
        second,
        paired,
        interval,
        basis,
      );
    case 'first':
      return t(
        '{0} is better: {1} for {2} (95 %: {3}; {4}). More than noise.',
        first,
        paired,
        second,
        interval,
        basis,
      );
    case 'differs':
      return t(
        'They differ: {0} for {1} (95 %: {2}; {3}). More than noise, and no matter of better or worse.',
        paired,
        second,
        interval,
        basis,
      );
    case 'noise':
      if (difference.low === difference.high) return t('The same on both sides for every seed.');
      return t(
        'Within noise: {0} for {1}, but the interval holds 0 (95 %: {2}; {3}).',
        paired,
        second,
        interval,
        basis,
      );
    case 'unknown':
      return t(
        '{0} for {1}, the same for every seed ({2}): without any spread nobody can tell it from noise. Run more seeds.',
        paired,
        second,
        basis,
      );
  }
}

function basisOf({ method, seeds }: Difference): string {
  return method === 'paired'
    ? t('{0} pairs of seeds', seeds)
    : t('{0} seeds or more a side', seeds);
}

const countOf = ({ values }: Cell): number => values.filter(({ value }) => value !== null).length;

function withoutInterval([first, second]: Row['sides'], size: string): string {
  const [a, b] = [countOf(first), countOf(second)];
  if (a === 1 && b === 1) {
    return t(
      '{0} with one seed a side: nobody can tell that from noise. Run at least 2 seeds, better 5.',
      size,
    );
  }
  return t(
    '{0} with {1} and {2} seeds: too few on one side to tell that from noise. Run at least 2 on both.',
    size,
    a,
    b,
  );
}

function withoutMeans(
  { sides, unit }: Omit<Row, 'sentence'>,
  names: readonly [string, string],
  pricing: Pricing,
): string {
  const missed = sides.some(({ values }) => values.some(({ beyond }) => beyond !== null));
  if (!missed) {
    const missing = sides.flatMap(({ mean }, i) => (mean === null ? [names[i] ?? ''] : []));
    return t('Not known for {0}: there is nothing to compare.', missing.join(', '));
  }
  return t(
    '{0}: {1}. {2}: {3}. A mean over those alone that got there would mislead, so there is none.',
    names[0],
    reached(sides[0], unit, pricing),
    names[1],
    reached(sides[1], unit, pricing),
  );
}

function reached({ values }: Cell, unit: Row['unit'], pricing: Pricing): string {
  const got = values.flatMap(({ value }) => value ?? []).sort((a, b) => a - b);
  const ends = values.flatMap(({ beyond }) => beyond ?? []);
  const write = (value: number) => amount(value, unit, pricing);
  if (values.length === 0) return t('no runs');
  if (ends.length === 0 && got.length === 0) return t('not known');
  if (ends.length === 0) {
    return t(
      'all {0} seeds reached it, after {1} to {2}',
      got.length,
      write(got[0] ?? 0),
      write(got.at(-1) ?? 0),
    );
  }
  const within = write(Math.max(...ends));
  if (got.length === 0) return t('not reached within {0}', within);
  return t(
    '{0} of {1} seeds reached it, the others not within {2}',
    got.length,
    values.length,
    within,
  );
}
