import type { Point } from '../../compare/model.ts';
import type { Tail } from './protocol.ts';

/** What changed from the points `sent` to the points `now`: everything from the first that differs. */
export function tailOf(sent: readonly Point[], now: readonly Point[]): Tail {
  let from = 0;
  while (from < sent.length && from < now.length && same(sent[from], now[from])) from += 1;
  return { from, points: now.slice(from) };
}

/** The points after a tail was applied. */
export function applyTail(points: readonly Point[], tail: Tail): Point[] {
  return [...points.slice(0, tail.from), ...tail.points];
}

/** A step that was repeated after a crash took other time: it never looks like the one before. */
function same(a: Point | undefined, b: Point | undefined): boolean {
  return (
    a?.step === b?.step &&
    a?.seconds === b?.seconds &&
    a?.generated_tokens === b?.generated_tokens &&
    a?.metrics.reward === b?.metrics.reward
  );
}
