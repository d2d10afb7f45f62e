import { spawn } from 'node:child_process';
import { open, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { t } from '@vscode/l10n';
import { PlainError, messageOf } from '../common/errors.ts';
import { LOG } from '../run/files.ts';
import { CancelledError, EngineProcess } from './engine-process.ts';
import { openDirectory } from './run-directory.ts';
import type { LaunchOptions, LaunchedRun } from './target.ts';

/** How an engine is started: a program, and what it is given before the recipe's keys. */
export interface EngineCommand {
  file: string;
  args: readonly string[];
  environment?: Readonly<Record<string, string>>;
}

const START_TIMEOUT_MS = 60_000;

/**
 * Starts an engine on this computer, in a process group of its own that outlives us: a run belongs
 * to its directory, not to a window.
 */
export async function launchHere(
  { file, args, environment }: EngineCommand,
  options: LaunchOptions,
): Promise<LaunchedRun> {
  const { recipe, runDirectory, signal } = options;
  if (signal?.aborted === true) throw new CancelledError();
  const created = await openDirectory(runDirectory);
  const log = await openLog(runDirectory);
  try {
    const child = spawn(file, args, {
      // Detached: its own process group or console, so that closing VS Code doesn't take it along.
      detached: true,
      windowsHide: true,
      cwd: dirname(recipe),
      env: { ...process.env, ...environment, ...options.environment },
      // stdout carries the one ready line; everything said in words goes to the log.
      stdio: ['ignore', 'pipe', log.fd],
    });
    child.unref();
    const run = new EngineProcess(child, options.timeoutMs ?? START_TIMEOUT_MS, signal, true);
    if (created) removeIfCancelled(run, runDirectory, signal);
    return run;
  } finally {
    await log.close();
  }
}

/** The recipe, where the run lives, whether it goes on, and the keys that were set beside the file. */
export function recipeArguments({
  recipe,
  runDirectory,
  resume,
  overrides,
}: LaunchOptions): string[] {
  const flags = Object.entries(overrides ?? {}).flatMap(([key, value]) => [
    `--${key}`,
    String(value),
  ]);
  const going = resume === true ? ['--resume_from_checkpoint', 'true'] : [];
  return ['--serve', recipe, '--output_dir', runDirectory, ...going, ...flags];
}

async function openLog(directory: string): Promise<FileHandle> {
  try {
    return await open(join(directory, LOG), 'a');
  } catch (cause) {
    throw new PlainError(
      t("The log in {0} can't be written: {1}", directory, messageOf(cause)),
      t('Check the permissions of the folder, or make room.'),
      { cause },
    );
  }
}

/** A start that a person took back leaves nothing behind. */
function removeIfCancelled(run: LaunchedRun, directory: string, signal?: AbortSignal): void {
  run.ready.catch(async () => {
    if (signal?.aborted !== true) return;
    await run.stopped;
    await rm(directory, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
  });
}
