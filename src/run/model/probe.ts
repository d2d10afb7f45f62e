import { z } from 'zod';

/**
 * A probe is a continuation that a person asked for: it joins the tree it forks from, is never
 * trained on, and is no part of any figure of the run. Probes lie in `probes.arrows` beside
 * `rollouts.arrows`, with the same columns and these two more:
 *
 * - `origin`: JSON, `ProbeOrigin`.
 * - `token_texts`: JSON, token id → text, of tokens that are not of the run's own vocabulary. Their
 *   ids are negative (see `foreignTokenId`), so that nobody takes them for one of the run's.
 */

/** The first id of a probe: far above what an engine counts to, within the 32 bits of the column. */
export const FIRST_PROBE_ID = 2 ** 30;
export const LAST_PROBE_ID = 2 ** 31 - 1;

/** Where `max_prob` and `entropy` come from; see `uncertaintyOfTop` for the bound. */
const uncertaintyKinds = ['exact', 'lower_bound', 'none'] as const;
/** Which temperature `logprob` is at: that of sampling, as in every other row, or 1. */
const logprobKinds = ['sampled', 'temperature_1', 'none'] as const;
/** Why a probe has no reward. */
const unscoredReasons = [
  /** Nothing of the run is there to ask: it can't be reached, or it is another trainer's. */
  'no_endpoint',
  /** The run's endpoint doesn't score. */
  'no_route',
  /** The run has no such prompt, or a changed data set. */
  'unknown_prompt',
  /** No reward function had an opinion on it. */
  'no_opinion',
  /** Scoring failed; the log says why. */
  'failed',
] as const;

/** Who was asked for a probe, and how much of what it says is known. */
export const probeOrigin = z.object({
  /** The run's live policy, a checkpoint of it, or some other server. */
  source: z.enum(['live', 'checkpoint', 'server']),
  /** The checkpoint's or the server's name; '' for the live policy. */
  name: z.string(),
  model: z.string(),
  /** The token that was chosen by a person, the first of the probe; null where none was. */
  forced: z.object({ text: z.string() }).nullable(),
  uncertainty: z.enum(uncertaintyKinds),
  logprob: z.enum(logprobKinds),
  /** Null where it has a reward. */
  unscored: z.enum(unscoredReasons).nullable(),
  /** ISO 8601. */
  time: z.string(),
});
export type ProbeOrigin = z.infer<typeof probeOrigin>;

/** Reads the column `origin`; null where there is none, or one of a version to come. */
export function parseOrigin(json: string | null | undefined): ProbeOrigin | null {
  const parsed = probeOrigin.safeParse(jsonOf(json));
  return parsed.success ? parsed.data : null;
}

const texts = z.record(z.string().regex(/^-?\d{1,10}$/), z.string());

/** Reads the column `token_texts`; what isn't well-formed has no texts. */
export function parseTokenTexts(json: string): ReadonlyMap<number, string> {
  const parsed = texts.safeParse(jsonOf(json));
  const entries = Object.entries(parsed.success ? parsed.data : {});
  return new Map(entries.map(([id, text]) => [Number(id), text]));
}

function jsonOf(text: string | null | undefined): unknown {
  if (text === null || text === undefined || text === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * A name for a token of another vocabulary, of which only the text is known: −1 − FNV-1a of its
 * UTF-16 units, in 31 bits. The same text has the same id in every probe.
 */
export function foreignTokenId(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return -1 - (hash >>> 1);
}
