import { idsOf, textOf, type Rollout } from './rollout.ts';

/**
 * The first position at which two completions have another token; null where they are the same. The
 * same id may be another text in another vocabulary, so both count. Ids below 0 are of a vocabulary
 * that the run doesn't have (see `foreignTokenId`): then the text alone tells.
 */
export function firstDifference(left: Rollout, right: Rollout): number | null {
  const [a, b] = [idsOf(left), idsOf(right)];
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const [one, other] = [a[i] ?? 0, b[i] ?? 0];
    const foreign = one < 0 || other < 0;
    if ((!foreign && one !== other) || textOf(left, i, i + 1) !== textOf(right, i, i + 1)) return i;
  }
  return a.length === b.length ? null : shared;
}
