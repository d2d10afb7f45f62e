import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { PlainError, messageOf } from '../../src/common/errors.ts';
import { COMPARISON } from '../../src/compare/file.ts';
import { loadRun, readComparison } from '../../src/compare/load.ts';
import type { Benchmark, ComparedRun } from '../../src/compare/model.ts';
import type { Pair } from '../../src/compare/pair.ts';
import { listCheckpoints } from '../../src/engine/checkpoints.ts';
import { evaluate } from '../../src/engine/evaluation.ts';
import { openModel, type Model } from '../../src/engine/model.ts';
import { prepareRun } from '../../src/engine/prepare.ts';
import { openProblems } from '../../src/engine/problems.ts';
import type { Problem, Task } from '../../src/engine/tasks/index.ts';
import { settingsOf, type Setting } from '../../src/recipe/check.ts';
import { builtInTasks, recipeSchema, type Recipe } from '../../src/recipe/keys.ts';
import type { Trainer } from '../trainers.ts';
import type { Place } from './places.ts';
import { lastCheckpoint, tryCheckpoint, wrongName } from './python-benchmarks.ts';

/** How many prompts of a set are tried at most. */
const MOST = 500;

/** Tries the runs' final checkpoints on held-out sets, and keeps what is known of earlier times. */
export class Benchmarks {
  #names: readonly string[];
  readonly #trainer: Trainer;
  /** By run and set. */
  readonly #known = new Map<string, Benchmark>();

  /** @param trainer which engine trains the runs, and how it is asked */
  constructor(names: readonly string[], trainer: Trainer) {
    this.#names = names;
    this.#trainer = trainer;
  }

  /** Recalls what `comparison.json` in the folder says; a damaged or missing one says nothing. */
  async recall(folder: string): Promise<void> {
    const earlier = await readComparison(join(folder, COMPARISON)).catch(() => null);
    for (const run of earlier?.sides.flatMap((side) => side.runs) ?? []) {
      for (const each of run.benchmarks) this.#known.set(keyOf(run, each.name), each);
    }
  }

  /** Says at once, before hours are spent, which sets can't be used, and leaves those out. */
  async check(
    pair: Pair,
    recipePath: string,
    settings: readonly Setting[],
    say: (line: string) => void,
  ): Promise<void> {
    if (this.#names.length === 0) return;
    if (pair.engine === 'trl') {
      this.#names = this.#names.filter((name) => {
        const wrong = wrongName(name);
        if (wrong !== null) say(`! ${name} is left out: ${wrong}`);
        return wrong === null;
      });
      return;
    }
    // Where nothing lies yet: only what the recipe's paths mean is asked for.
    const nowhere = settingsOf({ output_dir: join(recipePath, 'nowhere') });
    const { recipe } = await prepareRun(recipePath, [...settings, ...nowhere], new Date());
    const model = await openModel({ ...recipe, beta: 0 }, null);
    const usable: string[] = [];
    for (const name of this.#names) {
      try {
        await open(model, recipe, name);
        usable.push(name);
      } catch (error) {
        const next = error instanceof PlainError ? ` ${error.next}` : '';
        say(`! ${name} is left out: ${messageOf(error)}${next}`);
      }
    }
    this.#names = usable;
    await model.pool.stop();
  }

  of(run: ComparedRun): Benchmark[] {
    return this.#names.flatMap((name) => this.#known.get(keyOf(run, name)) ?? []);
  }

  /** Tries a finished run on every set that it wasn't tried on yet; says what can't be tried. */
  async try(place: Place, say: (line: string) => void, stopped: () => boolean): Promise<void> {
    const run = await loadRun(place.directory, place.directory);
    const missing = this.#names.filter((name) => !this.#known.has(keyOf(run, name)));
    if (missing.length === 0 || run.state !== 'finished') return;
    const title = `${place.side} seed ${place.seed}`;
    const trl = run.engine === 'trl';
    const checkpoint = trl
      ? lastCheckpoint(place.directory)
      : ((await listCheckpoints(place.directory)).at(-1)?.path ?? null);
    if (checkpoint === null) {
      say(`${title}: its final checkpoint is gone, so it can't be tried on ${missing.join(', ')}.`);
      return;
    }
    const said: Told = {
      found: (found) => {
        this.#known.set(keyOf(run, found.name), found);
        const share = (100 * (found.metrics['eval/accuracy'] ?? 0)).toFixed(1);
        say(`${title}: ${share} % of the ${found.prompts} prompts of ${found.name}`);
      },
      failed: (name, error) => {
        const next = error instanceof PlainError ? ` ${error.next}` : '';
        say(`${title} can't be tried on ${name}: ${messageOf(error)}${next}`);
      },
      stopped,
    };
    if (trl) await askPython(this.#trainer, checkpoint, run, missing, said);
    else await measureAll(checkpoint, recipeSchema.parse(run.recipe), missing, said);
  }
}

/** What is told of each set. */
interface Told {
  found: (benchmark: Benchmark) => void;
  failed: (name: string, error: unknown) => void;
  stopped: () => boolean;
}

async function askPython(
  { evaluate: command, environment }: Trainer,
  checkpoint: string,
  run: ComparedRun,
  names: readonly string[],
  told: Told,
): Promise<void> {
  if (command === null) return;
  for (const name of names) {
    if (told.stopped()) return;
    try {
      const found = await tryCheckpoint(
        { ...command, environment },
        { checkpoint, name, most: MOST, recipe: run.recipe },
        told.stopped,
      );
      if (found !== null) told.found(found);
    } catch (error) {
      told.failed(name, error);
    }
  }
}

async function measureAll(
  checkpoint: string,
  recipe: Recipe,
  names: readonly string[],
  told: Told,
): Promise<void> {
  const model = await openModel({ ...recipe, beta: 0 }, checkpoint);
  try {
    for (const name of names) {
      if (told.stopped()) return;
      try {
        const found = await measure(model, recipe, name, told.stopped);
        if (found !== null) told.found(found);
      } catch (error) {
        told.failed(name, error);
      }
    }
  } finally {
    await model.pool.stop();
  }
}

/** A run that goes on after its end has other weights: the steps belong to its name here. */
const keyOf = (run: ComparedRun, name: string): string =>
  JSON.stringify([run.run_id, run.steps.at(-1)?.step ?? 0, name]);

async function measure(
  model: Model,
  recipe: Recipe,
  name: string,
  stopped: () => boolean,
): Promise<Benchmark | null> {
  const { task, problems } = await open(model, recipe, name);
  const tried: Task = {
    name: task.name,
    train: (seed, index) => task.train(seed, index),
    heldOut: () => problems,
    verify: (problem, completion) => task.verify(problem, completion),
    wellFormed: (problem, completion) => task.wellFormed(problem, completion),
  };
  const result = await evaluate(model, tried, recipe, stopped);
  return result && { name, prompts: problems.length, metrics: result.metrics };
}

/** Throws a `PlainError` where there is no such set, or the model can't read it. */
async function open(
  model: Model,
  recipe: Recipe,
  name: string,
): Promise<{ task: Task; problems: readonly Problem[] }> {
  const tasks: readonly string[] = builtInTasks;
  const dataset_name = tasks.includes(name) ? name : resolve(name);
  if (dataset_name !== name && !existsSync(dataset_name)) {
    throw new PlainError(
      `There is no held-out set ${name}.`,
      'Name arithmetic, countdown or a JSONL file with `prompt` and `answer`.',
    );
  }
  const task = await openProblems({ ...recipe, dataset_name }, model.tokenizer);
  const trained = recipe.dataset_name === dataset_name;
  return { task, problems: problemsOf(task, tasks.includes(name) || trained) };
}

/**
 * The held-out part of a task the run may have trained on; of any other file all of it, first what
 * would be held out, then what would be trained on: one pass over a file begins again with its
 * first prompt.
 */
function problemsOf(task: Task, heldOutOnly: boolean): readonly Problem[] {
  const problems = [...task.heldOut(MOST)];
  if (heldOutOnly) return problems;
  const seen = new Set(problems.map(({ prompt }) => prompt));
  for (let index = 0; problems.length < MOST; index += 1) {
    const problem = task.train(0, index);
    if (seen.has(problem.prompt)) break;
    seen.add(problem.prompt);
    problems.push(problem);
  }
  return problems;
}
