import { z } from 'zod';
import type { ProtocolOf } from '../channel.ts';

/**
 * What the charts' webview and the extension host say to each other, both directions.
 *
 * After `open` the host sends the whole state, and again whenever another run is shown; then only
 * rows that are new, at most a few times a second and only while the view can be seen.
 */

const metrics = z.record(z.string(), z.number());
const row = z.object({ step: z.number().int(), metrics });
export type MetricRow = z.infer<typeof row>;

/** Rows in ascending steps; `from` is the index of the first: it and all later rows are replaced. */
const tail = z.object({ from: z.number().int().nonnegative(), rows: z.array(row) });
export type Tail = z.infer<typeof tail>;

const message = { message: z.string(), next: z.string() };

export const chartsState = z.discriminatedUnion('kind', [
  /** There is no run to show. */
  z.object({ kind: z.literal('none') }),
  z.object({ kind: z.literal('loading'), name: z.string() }),
  z.object({ kind: z.literal('failed'), name: z.string(), ...message }),
  z.object({
    kind: z.literal('run'),
    /** Tells runs apart. */
    directory: z.string(),
    name: z.string(),
    /** `running`, `paused`, … in words. */
    state: z.string(),
    alive: z.boolean(),
    max_steps: z.number().int().nonnegative(),
    steps: z.array(row),
    evaluations: z.array(row),
  }),
]);
export type ChartsState = z.infer<typeof chartsState>;

const growth = z.object({
  directory: z.string(),
  state: z.string(),
  alive: z.boolean(),
  steps: tail,
  evaluations: tail,
});
export type Growth = z.infer<typeof growth>;

const nothing = z.object({});

/** What the webview may ask. */
export const schemas = { open: nothing, show_log: nothing };
/** What the host answers. */
export const results = { open: z.null(), show_log: z.null() };
/** What the host tells unasked. */
export const events = { state: chartsState, grew: growth };

export type Protocol = ProtocolOf<typeof schemas, typeof results, typeof events>;
