import { mkdir, open, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { PlainError, messageOf } from '../common/errors.ts';
import { DiskError } from '../run/append.ts';

/** Where a run stands: with the weights and the optimizer's state, all it takes to go on exactly. */
export const trainerState = z.object({
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

export const checkpointsFolder = (runDirectory: string): string =>
  join(runDirectory, 'checkpoints');

/**
 * Writes `checkpoints/step-N`, all of it or nothing: a crash leaves at most a folder whose name
 * begins with a dot, which nobody reads. Then removes the oldest beyond `limit`.
 *
 * @param model writes the model and the optimizer's state into a folder
 * @throws DiskError where it can't be written
 */
export async function writeCheckpoint(
  runDirectory: string,
  state: TrainerState,
  model: (folder: string) => Promise<void>,
  limit: number | null,
): Promise<string> {
  const folder = checkpointsFolder(runDirectory);
  const path = join(folder, `step-${state.step}`);
  const temporary = join(folder, `.step-${state.step}-${process.pid}`);
  try {
    await mkdir(temporary, { recursive: true });
    await model(temporary);
    await writeFile(join(temporary, STATE), `${JSON.stringify(state, null, 2)}\n`);
    await syncAll(temporary);
    // A checkpoint of the same step is there after a crash, or when somebody asked for one.
    const replaced = join(folder, `.step-${state.step}-old`);
    await rename(path, replaced).catch(() => undefined);
    await rename(temporary, path);
    await rm(replaced, { recursive: true, force: true, maxRetries: 3 });
  } catch (error) {
    await rm(temporary, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
    throw error instanceof PlainError ? error : new DiskError(path, error);
  }
  if (limit !== null) await removeOldest(folder, limit);
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

/** So that a power cut right after the rename can't leave a checkpoint with empty files. */
async function syncAll(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const handle = await open(join(folder, entry.name), 'r+');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

async function removeOldest(folder: string, limit: number): Promise<void> {
  const all = await listCheckpoints(join(folder, '..'));
  for (const { path } of all.slice(0, Math.max(0, all.length - limit))) {
    // Half removed it must not look like a checkpoint.
    const dying = join(folder, `.${basename(path)}-old`);
    await rename(path, dying).catch(() => undefined);
    await rm(dying, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
  }
}
