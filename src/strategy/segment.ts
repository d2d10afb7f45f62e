/**
 * How a segment ended. `complete`: by itself. `truncated`: cut before an unsure token.
 * `length`: it ran into `max_completion_length`. The first and the last *answered*: a path that
 * ends there is a completion.
 */
export const segmentStatuses = ['complete', 'truncated', 'length'] as const;
export type SegmentStatus = (typeof segmentStatuses)[number];

/** Why a segment was cut; `max_prob` where both conditions hold. */
export const segmentTriggers = ['max_prob', 'entropy'] as const;
export type SegmentTrigger = (typeof segmentTriggers)[number];

/** The least one has to know of a segment to reason about its tree. */
export interface TreeSegment {
  segment: number;
  parent: number | null;
  /** Tokens of the completion kept from the path through the parent; 0 on roots. */
  fork_at: number;
  /** Number of own tokens. */
  length: number;
  status: SegmentStatus;
  /** Of the completion that ends here; null where it can't be scored. */
  reward: number | null;
}
