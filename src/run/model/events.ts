import { z } from 'zod';

/**
 * `events.jsonl`: one JSON object a line, append-only. Each has `seq` (from 0, without gaps),
 * `time` (ISO 8601) and `type`. A reader keeps what it does not know as `unknown`.
 */

const metrics = z.record(z.string(), z.number());
const value = z.union([z.string(), z.number(), z.boolean(), z.null()]);

export const commandNames = ['stop', 'pause', 'resume', 'step', 'set', 'checkpoint'] as const;
export type CommandName = (typeof commandNames)[number];

const bodies = [
  z.object({
    type: z.literal('run_started'),
    /** Set when the run goes on from a checkpoint: the last step that still counts. */
    resumed_from_step: z.number().int().nonnegative().nullable(),
    /**
     * Bytes of `rollouts.arrows` that belong to steps the crash lost and the resumed run repeats:
     * `[from, to)`. They stay in the file, and no view shows them.
     */
    superseded: z.tuple([z.number(), z.number()]).nullable(),
  }),
  z.object({ type: z.literal('run_paused') }),
  z.object({ type: z.literal('run_resumed') }),
  z.object({
    type: z.literal('run_finished'),
    reason: z.enum(['max_steps', 'max_generated_tokens', 'stopped']),
  }),
  /** `message`: a plain sentence. `next`: what to do. */
  z.object({ type: z.literal('run_failed'), message: z.string(), next: z.string() }),
  z.object({
    type: z.literal('step'),
    step: z.number().int(),
    metrics,
  }),
  /** `step` 0 is the base model. Metrics: `eval/accuracy` (greedy), `eval/pass@1`, `eval/pass@k`. */
  z.object({ type: z.literal('evaluation'), step: z.number().int(), metrics }),
  z.object({ type: z.literal('checkpoint'), step: z.number().int(), path: z.string() }),
  z.object({
    type: z.literal('command'),
    id: z.string(),
    command: z.enum(commandNames),
    outcome: z.enum(['applied', 'refused']),
    message: z.string(),
    /** For `set`: key → old and new value. */
    changes: z.record(z.string(), z.object({ old: value, new: value })).optional(),
  }),
  z.object({
    type: z.literal('warning'),
    code: z.string(),
    message: z.string(),
    /** The recipe key to blame, where there is one. */
    key: z.string().optional(),
  }),
] as const;

export const eventBody = z.discriminatedUnion('type', bodies);
/** What an engine says; the writer adds `seq` and `time`. */
export type EventBody = z.infer<typeof eventBody>;

const envelope = z.object({ seq: z.number().int().nonnegative(), time: z.string() });
export type RunEvent = z.infer<typeof envelope> & EventBody;
/** An event of a type this version does not know: kept and shown, never interpreted. */
export type UnknownEvent = z.infer<typeof envelope> & { type: 'unknown'; original: string };

/** Reads one line of `events.jsonl`; throws a plain `Error` when it isn't an event at all. */
export function parseEvent(line: string): RunEvent | UnknownEvent {
  const json: unknown = JSON.parse(line);
  const head = envelope.extend({ type: z.string() }).safeParse(json);
  if (!head.success) throw new Error('not an event: `seq`, `time` or `type` is missing');
  const body = eventBody.safeParse(json);
  const { seq, time } = head.data;
  if (!body.success) return { seq, time, type: 'unknown', original: head.data.type };
  return { seq, time, ...body.data };
}
