import { z } from 'zod';
import type { ProtocolOf } from '../channel.ts';

/**
 * What the recipe form's webview and the extension host say to each other, both directions.
 *
 * After `open`, and whenever the file or the recorded run changes, the host sends the whole form:
 * the file is the only truth, whoever edits it. The page asks for changes of single keys and shows
 * what comes back.
 */

/** How a key is edited. A value travels as YAML text. */
const control = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('switch') }),
  z.object({ kind: z.literal('choice'), options: z.array(z.string()) }),
  z.object({
    kind: z.literal('slider'),
    min: z.number(),
    max: z.number(),
    step: z.number(),
  }),
  z.object({ kind: z.literal('text') }),
]);
export type Control = z.infer<typeof control>;

/** How often what the last run thought falls into each of equal bins over `[0, most]`. */
const shares = z.object({
  most: z.number().positive(),
  counts: z.array(z.number().int().nonnegative()),
  /** Which side of the slider's value triggers. */
  triggers: z.enum(['below', 'above']),
});
export type Shares = z.infer<typeof shares>;

export const field = z.object({
  key: z.string(),
  description: z.string(),
  /** What it takes, in words. */
  expects: z.string(),
  unit: z.string().nullable(),
  source: z.string(),
  control,
  /** What is written, as YAML; the default where nothing is. */
  text: z.string(),
  /** Whether the file says it. */
  written: z.boolean(),
  default: z.string(),
  /** What is wrong with it, a plain sentence. */
  problem: z.string().nullable(),
  shares: shares.nullable(),
});
export type Field = z.infer<typeof field>;

const group = z.object({ name: z.string(), fields: z.array(field) });
export type Group = z.infer<typeof group>;

export const formState = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('form'),
    name: z.string(),
    engine: z.enum(['built-in', 'trl']),
    groups: z.array(group),
    /** What is wrong with the recipe and belongs to none of its fields. */
    problems: z.array(z.string()),
    /** What it would have done to the last run; null where there is none. */
    answer: z.string().nullable(),
    /** The run behind `shares` and `answer`. */
    run: z.string().nullable(),
  }),
  /** The text can't be read at the moment. */
  z.object({ kind: z.literal('broken'), name: z.string(), message: z.string() }),
]);
export type FormState = z.infer<typeof formState>;

const key = z.string().min(1).max(100);
/** What the webview may ask. */
export const schemas = {
  open: z.object({}),
  /** Sets a key to a value, given as YAML of one line. */
  set: z.object({ key, text: z.string().max(10_000) }),
  /** Takes a key out of the file, so that its default counts. */
  reset: z.object({ key }),
  show_text: z.object({}),
};
/** What the host answers. */
export const results = { open: z.null(), set: z.null(), reset: z.null(), show_text: z.null() };
/** What the host tells unasked. */
export const events = { state: formState };

export type Protocol = ProtocolOf<typeof schemas, typeof results, typeof events>;
