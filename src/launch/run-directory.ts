import { mkdir, readdir, rmdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { t } from '@vscode/l10n';
import { PlainError, messageOf } from '../common/errors.ts';
import { codeOf } from '../run/files.ts';
import { newDirectoryName } from '../run/names.ts';

/** Directories of runs, before there is a run in them. */

/**
 * Makes an empty directory for a new run of `recipe`, `<recipe>-<YYYYMMDD-HHMMSS>`: who makes it has
 * it, so that two starts in one second, in this window or another, get one each. `madeParent`: the
 * folder of runs was not there before.
 *
 * @throws PlainError where it can't be made
 */
export async function reserveDirectory(
  recipe: string,
  runsDirectory: string,
): Promise<{ directory: string; madeParent: boolean }> {
  const first = resolve(runsDirectory, newDirectoryName(recipe, new Date()));
  const madeParent = await make(runsDirectory, true);
  for (let i = 1; ; i++) {
    const directory = i === 1 ? first : `${first}-${i}`;
    if (await make(directory, false)) return { directory, madeParent };
  }
}

/** Makes a run's directory where it isn't there; whether the run is the first thing in it. */
export async function openDirectory(directory: string): Promise<boolean> {
  await make(directory, true);
  return (await readdir(directory)).length === 0;
}

/** Gives back a directory in which nothing began, and perhaps the folder of runs it was alone in. */
export async function releaseDirectory(directory: string, withParent: boolean): Promise<void> {
  // One with something in it stays: the system sees to that.
  for (const each of withParent ? [directory, dirname(directory)] : [directory]) {
    await rmdir(each).catch(() => undefined);
  }
}

/** Whether it was made; false: it was there. */
async function make(directory: string, recursive: boolean): Promise<boolean> {
  try {
    return (await mkdir(directory, { recursive })) !== undefined || !recursive;
  } catch (cause) {
    if (!recursive && codeOf(cause) === 'EEXIST') return false;
    throw new PlainError(
      t("The run directory {0} can't be created: {1}", directory, messageOf(cause)),
      t('Choose another folder in the setting “Adaptive GRPO: Runs Directory”, or make room.'),
      { cause },
    );
  }
}
