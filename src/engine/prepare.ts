import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PlainError, messageOf } from '../common/errors.ts';
import { settingsOf, type Setting } from '../recipe/check.ts';
import { formatFinding, hasErrors, type Finding } from '../recipe/findings.ts';
import { builtInTasks, type Recipe } from '../recipe/keys.ts';
import { parseRecipe } from '../recipe/parse.ts';
import { MANIFEST, RECIPE, codeOf } from '../run/files.ts';
import { readManifest } from '../run/manifest-file.ts';
import { nameOfRecipe, newDirectoryName } from '../run/names.ts';
import { freshState, listCheckpoints, readState, type TrainerState } from './checkpoints.ts';

/** What is known before anything heavy begins. */
export interface Preparation {
  recipe: Recipe;
  /** The recipe file, byte for byte. */
  recipeBytes: Uint8Array;
  name: string;
  /** Keys that are not used, and the like. */
  warnings: readonly Finding[];
  /** Absolute. */
  directory: string;
  start: Start;
}

export type Start =
  | { kind: 'new' }
  /** `checkpoint` null: the run goes on before it wrote any, that is, from its beginning. */
  | { kind: 'resume'; checkpoint: string | null; state: TrainerState }
  /** A new run directory that begins where another run's checkpoint stands. */
  | { kind: 'branch'; checkpoint: string; state: TrainerState };

/** The recipe or the command line is wrong: the sentences for a person, one finding each. */
export class RecipeError extends PlainError {
  constructor(lines: readonly string[], next: string) {
    super(lines.join('\n'), next);
    this.name = 'RecipeError';
  }
}

/**
 * Reads the recipe and finds out where the run lives and where it begins.
 *
 * @param settings of the command line; they have the last word
 * @param now names a new run directory
 * @throws RecipeError, or a PlainError where the run to go on with can't be found
 */
export async function prepareRun(
  recipePath: string,
  settings: readonly Setting[],
  now: Date,
): Promise<Preparation> {
  const { bytes: recipeBytes, source } = await readRecipe(recipePath);
  const first = checked(source, settings, recipePath);
  const { directory, start, known, name } = await findStart(first.recipe, recipePath, now);
  // What a run was launched with and what a command changed goes on to hold; the command line
  // still wins.
  const { recipe, warnings } =
    known.length === 0 ? first : checked(source, [...known, ...settings], recipePath);
  return {
    recipe: settled(recipe, dirname(recipePath)),
    recipeBytes,
    name: recipe.run_name ?? name,
    warnings,
    directory,
    start,
  };
}

function checked(source: string, settings: readonly Setting[], path: string) {
  const { engine, recipe, findings } = parseRecipe(source, settings);
  if (engine === 'trl') {
    throw new RecipeError(
      [`${basename(path)} is a recipe for TRL, and this is the built-in engine.`],
      'Say `engine: built-in` to train here, with a `model_name_or_path` that is a folder or `base`.',
    );
  }
  if (recipe === null || hasErrors(findings)) {
    throw new RecipeError(
      findings.map((finding) => formatFinding(finding, basename(path))),
      'Correct the recipe and start again.',
    );
  }
  return { recipe, warnings: findings };
}

/**
 * A recipe's file, byte for byte and as text.
 *
 * @throws RecipeError where it can't be read, or is no text
 */
export async function readRecipe(path: string): Promise<{ bytes: Uint8Array; source: string }> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    const missing = codeOf(cause) === 'ENOENT';
    const words = missing
      ? `There is no recipe ${path}.`
      : `The recipe ${path} can't be read: ${messageOf(cause)}`;
    throw new RecipeError([words], 'Name a recipe such as recipes/adaptive_grpo.yaml.');
  });
  try {
    return { bytes, source: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    throw new RecipeError([`The recipe ${path} is not a text in UTF-8.`], 'Save it as UTF-8.');
  }
}

async function findStart(
  recipe: Recipe,
  recipePath: string,
  now: Date,
): Promise<{ directory: string; start: Start; known: Setting[]; name: string }> {
  const name = nameOfRecipe(recipePath);
  const from = recipe.resume_from_checkpoint;
  const given = recipe.output_dir === null ? null : resolve(recipe.output_dir);
  if (from === null || from === false) {
    const directory = given ?? resolve('runs', newDirectoryName(recipePath, now));
    if (existsSync(join(directory, MANIFEST))) {
      throw new PlainError(
        `There is a run in ${directory} already.`,
        'Choose another --output_dir, or go on with that run: --resume_from_checkpoint true.',
      );
    }
    return { directory, start: { kind: 'new' }, known: [], name };
  }

  const checkpoint = from === true ? null : resolve(from);
  const home = checkpoint === null ? given : (given ?? resolve(checkpoint, '..', '..'));
  if (home === null) {
    throw new PlainError(
      '`--resume_from_checkpoint true` does not say which run to go on with.',
      'Name its directory with --output_dir, or the checkpoint instead of `true`.',
    );
  }
  if (checkpoint !== null && resolve(checkpoint, '..', '..') !== home) {
    const state = { ...(await readState(checkpoint)), rollouts_bytes: 0 };
    if (existsSync(join(home, MANIFEST))) {
      throw new PlainError(
        `There is a run in ${home} already.`,
        'Choose another --output_dir for what begins at this checkpoint.',
      );
    }
    const known = settingsOf(state.changes);
    return { directory: home, start: { kind: 'branch', checkpoint, state }, known, name };
  }
  const manifest = await readManifest(home);
  const newest = checkpoint ?? (await listCheckpoints(home)).at(-1)?.path ?? null;
  const state = newest === null ? structuredClone(freshState) : await readState(newest);
  // The run's own copy of the recipe lacks what the command line added, and lies elsewhere.
  const own = resolve(recipePath) === join(home, RECIPE);
  const launched = own ? manifest.recipe : {};
  // The sums of gradients depend on the number of threads, in the last digits.
  const threads = recipe.threads === 0 ? manifest.recipe.threads : recipe.threads;
  const known = settingsOf({
    ...launched,
    ...(threads === undefined ? {} : { threads }),
    ...state.changes,
  });
  const resumed: Start = { kind: 'resume', checkpoint: newest, state };
  return { directory: home, start: resumed, known, name: manifest.name };
}

/** More than this do a model of this size no good. */
const MAX_THREADS = 8;

/** The recipe as it holds on this machine: a run must not depend on where it was started. */
function settled(recipe: Recipe, folder: string): Recipe {
  const { model_name_or_path: model, dataset_name: dataset } = recipe;
  const tasks: readonly string[] = builtInTasks;
  return {
    ...recipe,
    model_name_or_path: model === 'base' ? model : nearTo(model, folder),
    dataset_name: tasks.includes(dataset) ? dataset : nearTo(dataset, folder),
    threads: recipe.threads === 0 ? Math.min(availableParallelism(), MAX_THREADS) : recipe.threads,
  };
}

/** Paths count from the current folder, as in TRL, or from the recipe's. */
function nearTo(path: string, folder: string): string {
  const candidates = [resolve(path), resolve(folder, path)];
  return candidates.find((each) => existsSync(each)) ?? resolve(path);
}

/** The folder of the model that is shipped: beside the bundle, or at the root of the sources. */
export function baseModelFolder(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const candidates = [join(here, '..', 'media', 'base'), join(here, '..', '..', 'media', 'base')];
  return candidates.find((each) => existsSync(each)) ?? join(here, '..', 'media', 'base');
}
