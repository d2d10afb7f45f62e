import { rewardDeviation, rewardMean } from './credit.ts';
import type { TreeSegment } from './segment.ts';

/** A segment as the metrics see it. */
export interface MeasuredSegment extends TreeSegment {
  attempt: number;
  failure_point: number | null;
  /** Whether the completion that ends here is right; null where nothing ended or was judged. */
  right: boolean | null;
  /** Mean reward of the completions through its end (`SegmentCredit.value`). */
  value: number | null;
}

/**
 * The strategy's metrics of one step, by the names of events, W&B and charts. A metric that has
 * nothing to count in this step is left out.
 *
 * - `adaptive/truncation_rate`, `adaptive/resample_rate`: share of the step's segments that were
 *   cut for uncertainty, that are resamples
 * - `adaptive/avg_failure_point`: mean failure point of the cut ones, in tokens
 * - `adaptive/total_rollouts`: segments so far in the run
 * - `adaptive/sibling_reward_std`: mean over forks of the standard deviation (n − 1) of the values
 *   of the branches that part there
 * - `adaptive/rescue_rate`: among resamples beside an own continuation that was wrong, the share
 *   that came out right
 * - `reward`, `reward_std`: every root counts the same; the deviation within a prompt, averaged
 *
 * @param groups the step's segments by prompt, probes left out, parents before children
 * @param rolloutsBefore segments of all earlier steps
 */
export function stepMetrics(
  groups: readonly (readonly MeasuredSegment[])[],
  rolloutsBefore: number,
): Record<string, number> {
  const all = groups.flat();
  const cut = all.filter((segment) => segment.status === 'truncated');
  const families = groups.flatMap(forkFamilies);
  const rescues = families.flatMap(rescueAttempts);
  return Object.fromEntries(
    Object.entries({
      'adaptive/truncation_rate': ratio(cut.length, all.length),
      'adaptive/resample_rate': ratio(
        all.filter((segment) => segment.parent !== null).length,
        all.length,
      ),
      'adaptive/avg_failure_point': mean(
        cut.flatMap(({ failure_point }) => (failure_point === null ? [] : [failure_point])),
      ),
      'adaptive/total_rollouts': rolloutsBefore + all.length,
      'adaptive/sibling_reward_std': mean(families.map((family) => deviation(family.values))),
      'adaptive/rescue_rate': mean(rescues.map(Number)),
      reward: mean(groups.map(rewardMean).filter((reward) => reward !== null)),
      reward_std: mean(groups.map(rewardDeviation)),
    }).filter((entry): entry is [string, number] => entry[1] !== null),
  );
}

/** The branches that part at one place. */
interface Family {
  values: number[];
  /** Whether the parent's own continuation came out right; null where that isn't known. */
  own: boolean | null;
  /** The other branches' outcomes. */
  others: boolean[];
}

function forkFamilies(segments: readonly MeasuredSegment[]): Family[] {
  const byParent = Map.groupBy(segments, (segment) => segment.parent);
  /** The outcome of the path that goes on from here by itself: through attempt 1 where it was cut. */
  const outcome = (segment: MeasuredSegment): boolean | null => {
    let end: MeasuredSegment | undefined = segment;
    while (end?.status === 'truncated') {
      end = byParent.get(end.segment)?.find((child) => child.attempt === 1);
    }
    return end?.right ?? null;
  };
  return segments.flatMap((parent) => {
    const children = byParent.get(parent.segment) ?? [];
    return [...Map.groupBy(children, (child) => child.fork_at).values()].map((branches) => {
      // A cut parent goes on through its attempt 1; a parent that ended is its own continuation.
      const others =
        parent.status === 'truncated' ? branches.filter((one) => one.attempt > 1) : branches;
      const parted = parent.status === 'truncated' ? branches : [parent, ...branches];
      return {
        values: parted.flatMap(({ value }) => (value === null ? [] : [value])),
        own: outcome(parent),
        others: others.map(outcome).filter((right) => right !== null),
      };
    });
  });
}

function rescueAttempts(family: Family): boolean[] {
  return family.own === false ? family.others : [];
}

function deviation(values: readonly number[]): number | null {
  const centre = mean(values);
  if (centre === null || values.length < 2) return null;
  return Math.sqrt(
    values.reduce((total, value) => total + (value - centre) ** 2, 0) / (values.length - 1),
  );
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

function mean(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0
    ? null
    : known.reduce((total, value) => total + value, 0) / known.length;
}
