import { readFile, readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { PlainError, messageOf } from '../common/errors.ts';
import type { Model } from './model.ts';

/** Where a run stands: with the weights and the optimizer's state, all it takes to go on exactly. */
const trainerState = z.object({
  version: z.literal(1),
  /** Optimizer steps done. */
  step: z.number().int().nonnegative(),
  /** Training problems drawn so far: the index of the next one. */
  problems: z.number().int().nonnegative(),
  /** Segments generated so far. */
  segments: z.number().int().nonnegative(),
  tokens: z.object({
    generated: z.number().int().nonnegative(),
    reused: z.number().int().nonnegative(),
    trained: z.number().int().nonnegative(),
    evaluated: z.number().int().nonnegative(),
  }),
  /** Recipe values that a command changed while the run went on. */
  changes: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  /** Bytes of `rollouts.arrows` that belong to the steps so far. */
  rollouts_bytes: z.number().int().nonnegative(),
});
export type TrainerState = z.infer<typeof trainerState>;

export const freshState: TrainerState = {
  version: 1,
  step: 0,
  problems: 0,
  segments: 0,
  tokens: { generated: 0, reused: 0, trained: 0, evaluated: 0 },
  changes: {},
  rollouts_bytes: 0,
};

const STATE = 'trainer_state.json';

const checkpointsFolder = (runDirectory: string): string => join(runDirectory, 'checkpoints');

/**
 * Writes `checkpoints/step-N`, all of it or nothing, then removes the oldest beyond `limit`.
 *
 * @throws PlainError where it can't be written
 */
export async function writeCheckpoint(
  runDirectory: string,
  state: TrainerState,
  model: Pick<Model, 'save'>,
  limit: number | null,
): Promise<string> {
  const path = join(checkpointsFolder(runDirectory), `step-${state.step}`);
  await model.save(path, { [STATE]: `${JSON.stringify(state, null, 2)}\n` });
  if (limit !== null) await removeOldest(runDirectory, limit);
  return path;
}

/** The checkpoints of a run, oldest first. */
export async function listCheckpoints(
  runDirectory: string,
): Promise<{ step: number; path: string }[]> {
  const folder = checkpointsFolder(runDirectory);
  const names = await readdir(folder).catch(() => []);
  return names
    .flatMap((name) => {
      const step = /^step-(\d+)$/.exec(name)?.[1];
      return step === undefined ? [] : [{ step: Number(step), path: join(folder, name) }];
    })
    .sort((a, b) => a.step - b.step);
}

/** @throws PlainError where the folder isn't a checkpoint of a run */
export async function readState(checkpoint: string): Promise<TrainerState> {
  const path = join(checkpoint, STATE);
  try {
    return trainerState.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    throw new PlainError(
      `${checkpoint} is not a checkpoint that a run can go on from: ${reason(cause)}.`,
      'Name a folder `checkpoints/step-N` of a run, or start a new run from its model with `--model_name_or_path`.',
      { cause },
    );
  }
}

function reason(cause: unknown): string {
  if (cause instanceof z.ZodError) {
    const issue = cause.issues[0];
    return `${STATE} is damaged (${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''})`;
  }
  if (cause instanceof SyntaxError) return `${STATE} is damaged`;
  return /ENOENT|ENOTDIR/.test(messageOf(cause)) ? `it has no ${STATE}` : messageOf(cause);
}

/** Puts aside checkpoints beyond `step`, which a run goes on from, and removes what a crash left. */
export async function clearAfter(runDirectory: string, step: number): Promise<void> {
  for (const later of await listCheckpoints(runDirectory)) {
    if (later.step <= step) continue;
    const name = `superseded-${basename(later.path)}-${Date.now()}`;
    await rename(later.path, join(checkpointsFolder(runDirectory), name));
  }
  const names = await readdir(checkpointsFolder(runDirectory)).catch(() => []);
  for (const name of names.filter((each) => /^step-\d+\.(?:new|old)/.test(each))) {
    await rm(join(checkpointsFolder(runDirectory), name), { recursive: true, force: true });
  }
}

async function removeOldest(runDirectory: string, limit: number): Promise<void> {
  const all = await listCheckpoints(runDirectory);
  for (const { path } of all.slice(0, Math.max(0, all.length - limit))) {
    // Half removed it must not look like a checkpoint. What can't be removed just stays.
    const dying = `${path}.old`;
    await rename(path, dying)
      .then(() => rm(dying, { recursive: true, force: true, maxRetries: 3 }))
      .catch(() => undefined);
  }
}
