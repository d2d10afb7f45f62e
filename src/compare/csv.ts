import { costAt } from './curves.ts';
import type { ComparedRun, ComparedSide, Comparison } from './model.ts';

const columns = [
  'side',
  'run_id',
  'seed',
  'kind',
  'step',
  'generated_tokens',
  'seconds',
  'cost',
  'metric',
  'value',
] as const;
type Line = Record<(typeof columns)[number], string | number | null>;

/**
 * All values of a comparison in long format, one a line, for pandas or R. `kind`: `step`,
 * `evaluation`, `benchmark`, or `result` for a row of the table (one a seed; `beyond` in the
 * metric's name where it was not reached within the value).
 */
export function csvOf(comparison: Comparison): string {
  const lines = [
    ...comparison.sides.flatMap((side) =>
      side.runs.flatMap((run) => runLines(side, run, comparison)),
    ),
    ...comparison.table.flatMap((row) =>
      row.sides.flatMap((cell, i) =>
        cell.values.flatMap(({ seed, value, beyond }, at): Line[] => {
          if (value === null && beyond === null) return [];
          const side = comparison.sides[i];
          const metric = value === null ? `${row.id} (beyond)` : row.id;
          return [
            {
              ...empty,
              side: side?.name ?? '',
              run_id: side?.runs[at]?.run_id ?? '',
              seed,
              kind: 'result',
              metric,
              value: value ?? beyond,
            },
          ];
        }),
      ),
    ),
  ];
  return [columns, ...lines.map((line) => columns.map((column) => line[column]))]
    .map((cells) => `${cells.map(cell).join(',')}\r\n`)
    .join('');
}

const empty: Line = {
  side: '',
  run_id: '',
  seed: null,
  kind: '',
  step: null,
  generated_tokens: null,
  seconds: null,
  cost: null,
  metric: '',
  value: null,
};

function runLines(side: ComparedSide, run: ComparedRun, { pricing }: Comparison): Line[] {
  const head = { ...empty, side: side.name, run_id: run.run_id, seed: run.seed };
  const points = [
    ...run.steps.map((point) => ({ kind: 'step', point })),
    ...run.evaluations.map((point) => ({ kind: 'evaluation', point })),
  ];
  return [
    ...points.flatMap(({ kind, point }) => {
      const { step, generated_tokens, seconds, metrics } = point;
      const cost = costAt(point, pricing);
      const at = { ...head, kind, step, generated_tokens, seconds, cost };
      return Object.entries(metrics).map(([metric, value]) => ({ ...at, metric, value }));
    }),
    ...run.benchmarks.flatMap(({ name, metrics }) =>
      Object.entries(metrics).map(([metric, value]) => ({
        ...head,
        kind: 'benchmark',
        metric: `${metric} (${name})`,
        value,
      })),
    ),
  ];
}

/** RFC 4180; a text that a spreadsheet would run as a formula gets a `'` in front. */
function cell(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
