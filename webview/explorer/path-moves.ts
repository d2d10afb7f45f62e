import type { PathLayout } from './path-layout.ts';

/** Where keys lead among the stops of a path. */

/** The index a key leads to from index `at` (−1: nowhere yet); null for a key that leads nowhere. */
export function moveBy(
  key: string,
  layout: PathLayout,
  at: number,
  pageSize: number,
): number | null {
  const last = layout.stops.length - 1;
  const targets: Record<string, () => number> = {
    ArrowRight: () => at + 1,
    ArrowLeft: () => at - 1,
    Home: () => 0,
    End: () => last,
    ArrowDown: () => vertical(layout, at, 1),
    ArrowUp: () => vertical(layout, at, -1),
    PageDown: () => vertical(layout, at, pageSize),
    PageUp: () => vertical(layout, at, -pageSize),
  };
  const target = targets[key];
  return target === undefined ? null : Math.max(0, Math.min(last, target()));
}

/** The stop some lines below (or above) that begins closest to the same place on its line. */
function vertical({ stops, stopLines }: PathLayout, at: number, lines: number): number {
  const line = stopLines[Math.max(0, at)] ?? 0;
  const firstOf = (index: number): number => {
    let low = 0;
    let high = stops.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((stopLines[middle] ?? 0) < index) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const column = Math.max(0, at) - firstOf(line);
  const first = firstOf(Math.max(stopLines[0] ?? 0, line + lines));
  if (first >= stops.length) return stops.length - 1;
  const end = firstOf((stopLines[first] ?? 0) + 1) - 1;
  return Math.min(first + column, end);
}

/** The next (1) or previous (−1) failure point; null where there is none any more. */
export function nextFailure(
  { failures }: PathLayout,
  position: number | null,
  direction: 1 | -1,
): number | null {
  const at = position ?? (direction === 1 ? -1 : Infinity);
  const next =
    direction === 1 ? failures.find((stop) => stop > at) : failures.findLast((stop) => stop < at);
  return next ?? null;
}
