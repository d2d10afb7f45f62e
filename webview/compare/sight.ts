/**
 * The rows `[from, to)` worth drawing of a list of rows of one height: those in sight and some
 * around them.
 *
 * @param above pixels of the list that are scrolled out above; negative where it begins further down
 * @param height of what can be seen, in pixels
 */
export function rowsInSight(
  above: number,
  height: number,
  rowHeight: number,
  total: number,
  overscan: number,
): { from: number; to: number } {
  const first = Math.floor(above / rowHeight) - overscan;
  const last = Math.ceil((above + height) / rowHeight) + overscan;
  const from = Math.max(0, Math.min(first, total));
  return { from, to: Math.max(from, Math.min(last, total)) };
}
