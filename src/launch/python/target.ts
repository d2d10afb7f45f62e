import { readFile } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { t } from '@vscode/l10n';
import { PlainError, messageOf } from '../../common/errors.ts';
import { readManifest } from '../../run/manifest-file.ts';
import { launchHere, recipeArguments } from '../engine-command.ts';
import { CancelledError } from '../engine-process.ts';
import type { LaunchOptions, LaunchTarget, LaunchedRun } from '../target.ts';
import { trainerCommand } from './command-line.ts';
import type { AccelerateConfig } from './command-line.ts';
import type { PythonFacts } from './facts.ts';
import { readGpus, visibleGpus } from './gpus.ts';
import type { PackageName } from './facts.ts';
import { packagesOf, packagesOfConfig } from './needs.ts';

/** Who knows which Python trains, and how. */
export interface PythonChoice {
  /** Rejects with a `PlainError` where there is none that can; with the signal's end, cancelled. */
  interpreter(
    recipe: string,
    packages: readonly PackageName[],
    signal?: AbortSignal,
  ): Promise<{ python: string; facts: PythonFacts }>;
  /** What a person chose to launch several processes by; null: nothing. */
  accelerateConfig(recipe: string): AccelerateConfig | null;
}

export interface PythonTargetOptions {
  /** Absolute path of the configuration for several GPUs. */
  ddpConfig: string;
  /** However little patience is asked for: a model may have to come from the Hub first. */
  leastPatienceMs?: number;
  /** Told what is started. */
  log?: (line: string) => void;
}

const LEAST_PATIENCE_MS = 60 * 60_000;

/** The Python trainer on this computer: TRL, on the GPUs there are. */
export class PythonTarget implements LaunchTarget {
  readonly name = 'Local Python';
  readonly #choice: PythonChoice;
  readonly #options: PythonTargetOptions;

  constructor(choice: PythonChoice, options: PythonTargetOptions) {
    this.#choice = choice;
    this.#options = options;
  }

  async launch(options: LaunchOptions): Promise<LaunchedRun> {
    const { recipe, signal } = options;
    const { ddpConfig, leastPatienceMs = LEAST_PATIENCE_MS, log } = this.#options;
    const source = await readRecipe(recipe);
    const chosen = this.#choice.accelerateConfig(recipe);
    const config = chosen === null ? '' : await readConfig(chosen);
    const packages = [...packagesOf(source), ...packagesOfConfig(config)];
    const found = await this.#choice.interpreter(recipe, packages, signal);
    const gpus = visibleGpus(await readGpus(signal), process.env.CUDA_VISIBLE_DEVICES);
    if (signal?.aborted === true) throw new CancelledError();
    const several = { file: ddpConfig, ours: true };
    const kept = options.resume === true ? await keptBy(options.runDirectory) : {};
    const rest = recipeArguments({ ...options, overrides: { ...kept, ...options.overrides } });
    const circumstances = { facts: found.facts, gpus: gpus.length, chosen, several };
    const command = trainerCommand(found.python, circumstances, rest);
    log?.([command.file, ...command.args].join(' '));
    const timeoutMs = Math.max(options.timeoutMs ?? 0, leastPatienceMs);
    return launchHere(command, { ...options, timeoutMs });
  }
}

async function readRecipe(recipe: string): Promise<string> {
  try {
    return await readFile(recipe, 'utf8');
  } catch (cause) {
    throw new PlainError(
      t('The recipe {0} can’t be read: {1}', recipe, messageOf(cause)),
      t('Check that it is still there.'),
      { cause },
    );
  }
}

/** Keys that may name a place beside the recipe, of which the run keeps a copy elsewhere. */
const placeKeys = ['dataset_name', 'model_name_or_path'] as const;
/** Keys that tell the two sides of a comparison apart, and are in neither's recipe. */
const sideKeys = [
  'use_token_adaptive',
  'seed',
  'max_steps',
  'num_train_epochs',
  'max_generated_tokens',
] as const;

/** What a run was launched with, and its copy of the recipe doesn't say, holds when it goes on. */
async function keptBy(runDirectory: string): Promise<Record<string, string | number | boolean>> {
  const { recipe } = await readManifest(runDirectory);
  const kept: Record<string, string | number | boolean> = {};
  for (const key of placeKeys) {
    const value = recipe[key];
    if (typeof value === 'string' && isAbsolute(value)) kept[key] = value;
  }
  for (const key of sideKeys) {
    const value = recipe[key];
    if (typeof value === 'number' || typeof value === 'boolean') kept[key] = value;
  }
  return kept;
}

async function readConfig({ file }: AccelerateConfig): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new PlainError(
      t('The accelerate configuration {0} can’t be read.', file),
      t('Change the setting “Adaptive GRPO: Accelerate Config”, or empty it.'),
      { cause },
    );
  }
}
