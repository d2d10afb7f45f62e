import type { MetricRow, Tail } from './protocol.ts';

/**
 * What changed from the rows `sent` to the rows `now`: everything from the first that differs. Rows
 * are compared by identity, so `now` must keep the objects of rows that did not change.
 */
export function tailOf(sent: readonly MetricRow[], now: readonly MetricRow[]): Tail {
  let from = 0;
  while (from < sent.length && from < now.length && sent[from] === now[from]) from += 1;
  return { from, rows: now.slice(from) };
}

/** The rows after a tail was applied. */
export function applyTail(rows: readonly MetricRow[], tail: Tail): MetricRow[] {
  return [...rows.slice(0, tail.from), ...tail.rows];
}
