import { z } from 'zod';

/** Version of the run directory's layout. A reader refuses a newer one with a plain sentence. */
export const SCHEMA_VERSION = 1;

/**
 * What the engine last said of itself. A run that says `starting`, `running` or `paused` while its
 * process is gone has crashed; that is the reader's conclusion (`RunStatus`), never written here.
 */
export const runStates = [
  'starting',
  'running',
  'paused',
  'finished',
  'stopped',
  'failed',
] as const;

/** A recipe, resolved and flat: key to value. */
export const recipeValues = z.record(
  z.string(),
  z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.unknown())]),
);
export type RecipeValues = z.infer<typeof recipeValues>;

/** `http://127.0.0.1:PORT` and its like; a recorded run must not have us call anybody else. */
const LOOPBACK = /^http:\/\/(?:127\.0\.0\.1|localhost|\[::1\]):\d{1,5}\/?$/;

/** `run.json`: what a run is. Rewritten atomically; readable by its owner only (it holds a token). */
export const manifestSchema = z.object({
  schema_version: z.literal(SCHEMA_VERSION),
  run_id: z.string().min(1),
  name: z.string(),
  engine: z.object({ name: z.string(), version: z.string() }),
  strategy: z.enum(['adaptive', 'baseline']),
  recipe: recipeValues,
  model: z.string(),
  seed: z.number().int(),
  git_commit: z.string().nullable(),
  host: z.string(),
  /** Positive: to the system, 0 and below mean groups of processes, or all there are. */
  pid: z.number().int().positive(),
  /** ISO 8601. */
  started_at: z.string(),
  state: z.enum(runStates),
  max_steps: z.number().int().nonnegative(),
  /** Where the stream is served while the engine lives: on this machine, whoever wrote the file. */
  endpoint: z.object({ url: z.string().regex(LOOPBACK), token: z.string() }).nullable(),
  /** What part of the rollouts is recorded. `groups_per_step` null: every prompt group. */
  capture: z.object({
    top_k: z.number().int().nonnegative(),
    below: z.number(),
    groups_per_step: z.number().int().positive().nullable(),
  }),
});
export type Manifest = z.infer<typeof manifestSchema>;
