import { idsOf, textOf, type Rollout } from './rollout.ts';

/**
 * The first position at which two completions have another token; null where they are the same. The
 * same id may be another text in another vocabulary, so both count.
 */
export function firstDifference(left: Rollout, right: Rollout): number | null {
  const [a, b] = [idsOf(left), idsOf(right)];
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    if (a[i] !== b[i] || textOf(left, i, i + 1) !== textOf(right, i, i + 1)) return i;
  }
  return a.length === b.length ? null : shared;
}
