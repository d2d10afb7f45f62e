import type { Measure } from './measures/index.ts';
import { measuresOf } from './measures/index.ts';
import type { Cell, ComparedRun, Difference, Pricing, Row, Sides, Verdict } from './model.ts';
import { mean, meanInterval, pairedInterval, welchInterval } from './statistics.ts';
import { sentenceOf } from './verdict.ts';

/** The table of a comparison: a row a measure, both sides, and whether they differ by more than noise. */
export function tableOf(sides: Sides, targets: readonly number[], pricing: Pricing): Row[] {
  return measuresOf(sides, targets, pricing).flatMap((measure) => {
    const row = rowOf(measure, sides, pricing);
    // What neither side knows says nothing.
    const empty = row.sides.every(({ values }) =>
      values.every(({ value, beyond }) => value === null && beyond === null),
    );
    return empty ? [] : [row];
  });
}

function rowOf(measure: Measure, sides: Sides, pricing: Pricing): Row {
  const { id, label, meaning, unit, better, of } = measure;
  const [first, second] = [cellOf(sides[0].runs, of), cellOf(sides[1].runs, of)];
  const cells: [Cell, Cell] = [first, second];
  const delta = first.mean === null || second.mean === null ? null : second.mean - first.mean;
  const difference = delta === null ? null : differenceOf(first, second);
  const row = { id, label, meaning, unit, better, sides: cells, delta, difference };
  const verdict = verdictOf(row);
  const names = [sides[0].name, sides[1].name] as const;
  return { ...row, verdict, sentence: sentenceOf({ ...row, verdict }, names, pricing) };
}

function cellOf(runs: readonly ComparedRun[], of: Measure['of']): Cell {
  const values = runs.map((run) => ({ seed: run.seed, ...of(run) }));
  const known = values.flatMap(({ value }) => value ?? []);
  // A mean over those alone that got there would praise a side for the runs that didn't.
  const censored = values.some(({ beyond }) => beyond !== null);
  const interval = censored ? null : meanInterval(known);
  return {
    mean: censored || known.length === 0 ? null : mean(known),
    margin: interval === null ? null : interval.high - interval.mean,
    values,
  };
}

/**
 * The difference over seeds. Paired where every seed of the smaller side is there once on the
 * other side too: the same seed draws the same prompts on both. Else Welch's, for two samples.
 */
function differenceOf(first: Cell, second: Cell): Difference | null {
  const pairs = pairsOf(first, second);
  if (pairs !== null) {
    const interval = pairedInterval(
      pairs.map(([a]) => a),
      pairs.map(([, b]) => b),
    );
    return interval && { ...interval, method: 'paired', seeds: pairs.length };
  }
  const [a, b] = [first, second].map(({ values }) => values.flatMap(({ value }) => value ?? []));
  if (a === undefined || b === undefined) return null;
  const interval = welchInterval(a, b);
  return interval && { ...interval, method: 'welch', seeds: Math.min(a.length, b.length) };
}

/** Values of both sides by seed; null where the seeds don't match. */
function pairsOf(first: Cell, second: Cell): [number, number][] | null {
  const [a, b] = [bySeed(first), bySeed(second)];
  if (a === null || b === null) return null;
  const shared = [...a].flatMap(([seed, value]): [number, number][] => {
    const other = b.get(seed);
    return other === undefined ? [] : [[value, other]];
  });
  return shared.length > 0 && shared.length === Math.min(a.size, b.size) ? shared : null;
}

/** Null where a seed is there twice: nobody could say which belongs to which. */
function bySeed({ values }: Cell): Map<number, number> | null {
  const known = values.flatMap(({ seed, value }): [number, number][] =>
    value === null ? [] : [[seed, value]],
  );
  const map = new Map(known);
  return map.size === known.length ? map : null;
}

function verdictOf({ difference, better }: Pick<Row, 'difference' | 'better'>): Verdict {
  if (difference === null) return 'unknown';
  const { low, high, mean: delta } = difference;
  if (low <= 0 && high >= 0) return 'noise';
  // Without any spread (a coarse measure, few seeds) nobody can say what noise would be.
  if (low === high) return 'unknown';
  if (better === 'neither') return 'differs';
  return delta > 0 === (better === 'higher') ? 'second' : 'first';
}
