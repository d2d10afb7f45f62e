import { spawn } from 'node:child_process';
import { mkdir, open, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { t } from '@vscode/l10n';
import { PlainError, messageOf } from '../common/errors.ts';
import { LOG } from '../run/files.ts';
import { CancelledError, EngineProcess } from './engine-process.ts';
import type { LaunchOptions, LaunchTarget, LaunchedRun } from './target.ts';

const START_TIMEOUT_MS = 60_000;

/**
 * The engine that comes with the extension, on this computer, in a process of its own. It runs on
 * the Node that runs us (VS Code's own), and outlives us: a run belongs to its directory, not to a
 * window.
 */
export class BuiltInTarget implements LaunchTarget {
  readonly name = 'this computer';
  readonly #engine: string;
  readonly #nodeArguments: readonly string[];

  /** `engine`: absolute path of the bundle, `dist/engine.js`. */
  constructor(engine: string, nodeArguments: readonly string[] = []) {
    this.#engine = engine;
    this.#nodeArguments = nodeArguments;
  }

  async launch(options: LaunchOptions): Promise<LaunchedRun> {
    const { recipe, runDirectory, signal } = options;
    if (signal?.aborted === true) throw new CancelledError();
    await this.#requireEngine();
    const created = await createDirectory(runDirectory);
    const log = await openLog(runDirectory);
    try {
      const child = spawn(process.execPath, [...this.#nodeArguments, ...this.#arguments(options)], {
        // Detached: its own process group or console, so that closing VS Code doesn't take it along.
        detached: true,
        windowsHide: true,
        cwd: dirname(recipe),
        env: { ...process.env, ...options.environment, ELECTRON_RUN_AS_NODE: '1' },
        // stdout carries the one ready line; everything said in words goes to the log.
        stdio: ['ignore', 'pipe', log.fd],
      });
      child.unref();
      const run = new EngineProcess(child, options.timeoutMs ?? START_TIMEOUT_MS, signal);
      if (created) removeIfCancelled(run, runDirectory, signal);
      return run;
    } finally {
      await log.close();
    }
  }

  #arguments({ recipe, runDirectory, resume, overrides }: LaunchOptions): string[] {
    const flags = Object.entries(overrides ?? {}).flatMap(([key, value]) => [
      `--${key}`,
      String(value),
    ]);
    const going = resume === true ? ['--resume_from_checkpoint', 'true'] : [];
    return [this.#engine, '--serve', recipe, '--output_dir', runDirectory, ...going, ...flags];
  }

  async #requireEngine(): Promise<void> {
    try {
      await stat(this.#engine);
    } catch (cause) {
      throw new PlainError(
        t('The built-in engine is missing: {0}', this.#engine),
        t('Reinstall the extension; when you work on it, run `npm run build`.'),
        { cause },
      );
    }
  }
}

/** Returns whether the directory is new. */
async function createDirectory(directory: string): Promise<boolean> {
  try {
    return (await mkdir(directory, { recursive: true })) !== undefined;
  } catch (cause) {
    throw new PlainError(
      t("The run directory {0} can't be created: {1}", directory, messageOf(cause)),
      t('Choose another folder in the setting “Adaptive GRPO: Runs Directory”, or make room.'),
      { cause },
    );
  }
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
