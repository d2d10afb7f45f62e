/**
 * A segment, the row of `rollouts.arrows`: a run of tokens between two forks.
 *
 * A root segment hangs on a prompt; every other has a parent and a `fork_at`. A path from a root
 * to a leaf is one completion; shared prefixes are stored once. All positions count tokens of the
 * completion along the path, from 0 at the first token after the prompt.
 *
 * The field names are the column names, in every language that reads the file.
 */

import type { SegmentStatus, SegmentTrigger } from '../../strategy/segment.ts';
import type { ProbeOrigin } from './probe.ts';

export {
  segmentStatuses,
  segmentTriggers,
  type SegmentStatus,
  type SegmentTrigger,
} from '../../strategy/segment.ts';

export const segmentKinds = ['root', 'resample', 'probe'] as const;
export type SegmentKind = (typeof segmentKinds)[number];

/** The alternatives of one token, best first. Both arrays have the same length (`capture_top_k`). */
export interface Alternatives {
  ids: Int32Array;
  /** Natural log, at temperature 1. */
  logprobs: Float32Array;
}

/** What is kept in memory for every segment: everything but the values per token. */
export interface SegmentSummary {
  step: number;
  /** Names the prompt within its data set; a tree is one `(step, prompt_id)`. */
  prompt_id: string;
  /** The prompt's text on root rows, null on all others. */
  prompt: string | null;
  /** Unique within the run; a parent's id is smaller than its children's. */
  segment_id: number;
  parent_id: number | null;
  /** Tokens of the completion kept from the path through the parent; 0 on roots. */
  fork_at: number;
  /** 0 on roots; `k = 1, 2, …` for the k-th resample of a prefix. */
  attempt: number;
  kind: SegmentKind;
  status: SegmentStatus;
  trigger: SegmentTrigger | null;
  /** Position of the token that was never sampled; null unless `truncated`. */
  failure_point: number | null;
  failure_max_prob: number | null;
  /** Nats. */
  failure_entropy: number | null;
  /** What the policy thought at the failure point (`failure_top_ids`, `failure_top_logprobs`). */
  failure_top: Alternatives | null;
  /** The temperature this segment's own tokens were sampled with. */
  temperature: number;
  /** Number of own tokens. */
  length: number;
  /** Score of each reward function for the completion that ends here; null where nothing ended. */
  rewards: Record<string, number> | null;
  /** Weighted sum of `rewards`. */
  reward: number | null;
  /** Mean reward of the completions that run through the end of this segment. */
  value: number | null;
  /** Whether its tokens entered the loss. */
  trained: boolean;
  /** On probes: who was asked, and how. */
  origin?: ProbeOrigin;
}

/** The values per token of one segment. All arrays have `length` entries unless said otherwise. */
export interface SegmentTokens {
  /** The segment's own text. Any string: model output is hostile input. */
  text: string;
  token_ids: Int32Array;
  /**
   * Where each token ends in `text`, in Unicode code points. A token that holds only part of a
   * character ends before it; the token that completes the character ends after it.
   */
  token_ends: Int32Array;
  /** Log probability under the policy that sampled it, at `temperature`. */
  logprob: Float32Array;
  /** Nats, of the policy at temperature 1. Stored in half precision. */
  entropy: Float32Array;
  /** Of the policy at temperature 1. Stored in half precision. */
  max_prob: Float32Array;
  /** Alternatives of unsure tokens, by index into this segment's tokens; see `capture_below`. */
  top: ReadonlyMap<number, Alternatives>;
  /** Stored in half precision. */
  advantage: Float32Array;
  /** Log probability under the reference policy, where `beta` > 0. */
  ref_logprob: Float32Array | null;
  /**
   * Log probability under the policy that sampled it, at the recipe's own `temperature`; null
   * where that is the segment's temperature, so that `logprob` says it.
   */
  train_logprob: Float32Array | null;
  /** On probes: the texts of tokens of another vocabulary, by their (negative) ids. */
  texts?: ReadonlyMap<number, string>;
}

/** One whole row, as a writer hands it over. */
export interface SegmentRow extends SegmentSummary {
  tokens: SegmentTokens;
}
