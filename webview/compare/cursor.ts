/** The cursor of a chart: where it stands, and its marks. */

/** The mark of a side at a place: as its line's points are. */
export function drawMark(ctx: CanvasRenderingContext2D, side: number, x: number, y: number): void {
  ctx.beginPath();
  if (side === 0) ctx.arc(x, y, 3.5, 0, 2 * Math.PI);
  else diamond(ctx, x, y, 4.5);
  ctx.fill();
}

function diamond(ctx: CanvasRenderingContext2D, x: number, y: number, size: number): void {
  ctx.moveTo(x, y - size);
  ctx.lineTo(x + size, y);
  ctx.lineTo(x, y + size);
  ctx.lineTo(x - size, y);
  ctx.closePath();
}

/** The index of the value nearest to `at`, of ascending ones; 0 where there is none. */
export function nearest(xs: readonly number[], at: number): number {
  const next = xs.findIndex((x) => x >= at);
  if (next < 0) return Math.max(0, xs.length - 1);
  const before = xs[next - 1];
  return before !== undefined && at - before < (xs[next] ?? Infinity) - at ? next - 1 : next;
}
