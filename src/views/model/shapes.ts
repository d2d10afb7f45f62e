import * as z from 'zod';
import { probeOrigin } from '../../run/model/probe.ts';
import { segmentKinds, segmentStatuses, segmentTriggers } from '../../run/model/segment.ts';

/** What views show of rollouts, in the shapes that front ends are sent. */

export const index = z.number().int().nonnegative();
export const segmentId = z.number().int();
/** VS Code sends messages as JSON, where NaN and infinities become null. */
export const measure = z.number().nullable();

/** What tokens are coloured by. */
export const colourModes = ['entropy', 'max_prob', 'logprob', 'advantage'] as const;
export type ColourMode = (typeof colourModes)[number];
/** Names a prompt, and so its tree. */
export const promptKey = z.object({ step: index, prompt_id: z.string() });
export type PromptKey = z.infer<typeof promptKey>;

export function sameKey(a: PromptKey | null, b: PromptKey | null): boolean {
  return a?.step === b?.step && a?.prompt_id === b?.prompt_id;
}

/** Something to show: a prompt, and perhaps a segment of it and a token of its path. */
export const revealTarget = promptKey.extend({
  segment_id: segmentId.nullable(),
  position: index.nullable(),
});
export type RevealTarget = z.infer<typeof revealTarget>;

/** One row of the rollouts tree, a segment; rows come parents first, in display order. */
export const treeRow = z.object({
  segment_id: segmentId,
  parent_id: segmentId.nullable(),
  /** 1 for a root. */
  depth: index,
  /** Among its siblings, from 1; and how many they are. */
  position: index,
  siblings: index,
  children: index,
  /** `root 1`, `try 2`, `probe 1`. */
  label: z.string(),
  kind: z.enum(segmentKinds),
  status: z.enum(segmentStatuses),
  trigger: z.enum(segmentTriggers).nullable(),
  failure_point: index.nullable(),
  failure_max_prob: measure,
  failure_entropy: measure,
  fork_at: index,
  length: index,
  attempt: index,
  temperature: measure,
  reward: measure,
  value: measure,
  /** Whether the completion that ends here is right; null where none ends or none was judged. */
  right: z.boolean().nullable(),
  rewards: z.record(z.string(), z.number()).nullable(),
  trained: z.boolean(),
  /** On probes. */
  origin: probeOrigin.optional(),
});
export type TreeRow = z.infer<typeof treeRow>;

/** How a segment's own tokens look, a level a cell. A cell keeps its most telling token. */
export const strip = z.object({
  segment_id: segmentId,
  /** −7…7 a cell, see `scale.ts`; cell 0 holds the token at `fork_at`. */
  levels: z.instanceof(Int8Array),
  /** Position along the path of the token that gave the cell its level. */
  positions: z.instanceof(Uint32Array),
  /** Mean over own tokens; null where it has none. */
  advantage: measure,
});
export type Strip = z.infer<typeof strip>;

const pathPart = z.object({
  segment_id: segmentId,
  label: z.string(),
  /** Positions `[from, to)` of the path. */
  from: index,
  to: index,
  temperature: measure,
  attempt: index,
  kind: z.enum(segmentKinds),
});
export type PathPart = z.infer<typeof pathPart>;

/** A branch that leaves the path at a mark, or the part that goes on there. */
const branch = z.object({
  segment_id: segmentId,
  label: z.string(),
  /** Judged, cut for uncertainty, or how it ended where nobody judged it. */
  outcome: z.enum(['right', 'wrong', 'cut', 'length', 'complete']),
  reward: measure,
  taken: z.boolean(),
});
export type Branch = z.infer<typeof branch>;

const alternative = z.object({
  token_id: z.number().int(),
  /** Null where nothing in the run says what the token reads. */
  text: z.string().nullable(),
  probability: measure,
  sampled: z.boolean(),
});
export type Alternative = z.infer<typeof alternative>;

/** A place between two tokens: before position `at`. */
const pathMark = z.object({
  at: index,
  failure: z
    .object({
      trigger: z.enum(segmentTriggers).nullable(),
      max_prob: measure,
      entropy: measure,
      alternatives: z.array(alternative),
      sentence: z.string(),
    })
    .nullable(),
  branches: z.array(branch),
});
export type PathMark = z.infer<typeof pathMark>;

/** The path from a root to the end of one segment. Typed arrays hold a value a token. */
export const pathView = z.object({
  segment_id: segmentId,
  text: z.string(),
  /** Where each token ends in `text`, in UTF-16 units. */
  ends: z.instanceof(Uint32Array),
  entropy: z.instanceof(Float32Array),
  max_prob: z.instanceof(Float32Array),
  logprob: z.instanceof(Float32Array),
  advantage: z.instanceof(Float32Array),
  parts: z.array(pathPart),
  marks: z.array(pathMark),
  status: z.enum(segmentStatuses),
});
export type PathView = z.infer<typeof pathView>;

export const tokenDetail = z.object({
  position: index,
  token_id: z.number().int(),
  text: z.string(),
  /** What the tokenizer calls a token that has no text of its own; null where it has, or nobody knows. */
  name: z.string().nullable(),
  entropy: measure,
  max_prob: measure,
  logprob: measure,
  advantage: measure,
  /** `1`, `2`, …, or `> 5` where it is not among the recorded alternatives, or `unknown`. */
  rank: z.string(),
  temperature: measure,
  attempt: index,
  label: z.string(),
  /** Probability under the trained policy over that of the sampling one, where recorded. */
  ratio: measure,
  /** Log probability under the reference policy, where recorded. */
  ref_logprob: measure,
  alternatives: z.array(alternative),
  /** Why there are none, or how much probability the others share. */
  alternatives_note: z.string(),
  /** Why it triggered or not. */
  sentence: z.string(),
});
export type TokenDetail = z.infer<typeof tokenDetail>;
