import { triggerAt } from '../../strategy/index.ts';
import { offsetOf, type Rollout } from './rollout.ts';

/** A place that Next and Previous Failure Point go to. */
export interface Point {
  /** The token before which the path was cut, or that was unsure. */
  position: number;
  offset: number;
}

/**
 * Where the path was cut for uncertainty. A path that never was (of a baseline, of forks after the
 * fact) has instead the tokens that would trigger under the run's own thresholds.
 */
export function failurePoints(rollout: Rollout): Point[] {
  const { view, rules } = rollout;
  const at = (position: number): Point => ({ position, offset: offsetOf(rollout, position) });
  const cut = view.marks.filter(({ failure }) => failure !== null);
  if (cut.length > 0) return cut.map((mark) => at(mark.at));
  const points: Point[] = [];
  for (let i = Math.max(0, rules.min_prefix_length); i < view.ends.length; i++) {
    const trigger = triggerAt(view.max_prob[i] ?? NaN, view.entropy[i] ?? NaN, rules);
    if (trigger !== null) points.push(at(i));
  }
  return points;
}

/** The nearest point behind (1) or before (−1) an offset; after the last comes the first. */
export function nextPoint(
  points: readonly Point[],
  offset: number,
  direction: 1 | -1,
): Point | null {
  const found =
    direction === 1
      ? (points.find((point) => point.offset > offset) ?? points[0])
      : (points.findLast((point) => point.offset < offset) ?? points.at(-1));
  return found ?? null;
}
