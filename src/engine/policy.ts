import { join } from 'node:path';
import { PlainError } from '../common/errors.ts';
import { settingsOf } from '../recipe/check.ts';
import type { Recipe } from '../recipe/keys.ts';
import { RECIPE } from '../run/files.ts';
import type { ReadyLine } from '../run/model/stream.ts';
import { RunServer, type Routes } from '../run/server.ts';
import { completionRoutes } from './completions.ts';
import type { SafePoints } from './control.ts';
import { openModel, type Model } from './model.ts';
import { prepareRun, type Preparation } from './prepare.ts';
import { openProblems } from './problems.ts';
import { openScorer } from './rewards/index.ts';
import { KnownProblems, rewardRoutes } from './rewards/route.ts';

/** A checkpoint of a run that has ended, served. */
export interface ServedPolicy {
  ready: ReadyLine;
  close(): Promise<void>;
}

/**
 * Serves the newest checkpoint of a run: completions and rewards, nothing is trained and nothing
 * written. Rejects with a `PlainError` where the run has none, or can't be read.
 */
export async function servePolicy(runDirectory: string): Promise<ServedPolicy> {
  const own = { output_dir: runDirectory, resume_from_checkpoint: true };
  const preparation = await prepareRun(join(runDirectory, RECIPE), settingsOf(own), new Date());
  const { start, name, recipe, directory } = preparation;
  if (start.kind !== 'resume' || start.checkpoint === null) {
    throw new PlainError(
      'This run has no checkpoint, so its policy is not kept anywhere.',
      'Ask another server, or fork while the run is live.',
    );
  }
  // There is nothing to compare the policy with here.
  const model = await openModel({ ...recipe, beta: 0 }, start.checkpoint);
  try {
    const routes = {
      ...completionRoutes(model, name, new Queue()),
      ...(await rewards(preparation, recipe, model)),
    };
    const server = await RunServer.start(directory, { routes });
    const { url, token } = server;
    return {
      ready: { type: 'ready', url, token, run_directory: directory, pid: process.pid },
      close: async () => {
        await server.close();
        await model.pool.stop();
      },
    };
  } catch (error) {
    await model.pool.stop();
    throw error;
  }
}

/** None where the run's data set is gone: its policy answers all the same. */
async function rewards({ start }: Preparation, recipe: Recipe, model: Model): Promise<Routes> {
  try {
    const task = await openProblems(recipe, model.tokenizer);
    const scorer = openScorer(task, recipe.reward_funcs, recipe.reward_weights);
    const drawn = start.kind === 'new' ? 0 : start.state.problems;
    const problems = new KnownProblems(task, recipe.seed, drawn);
    return rewardRoutes(problems, scorer, model.tokenizer, model.limits.vocabulary);
  } catch (error) {
    if (!(error instanceof PlainError)) throw error;
    process.stderr.write(`Completions are not scored: ${error.message}\n`);
    return {};
  }
}

/** Nobody trains: one answer after another. */
class Queue implements SafePoints {
  #last: Promise<unknown> = Promise.resolve();

  atSafePoint<T>(job: () => Promise<T>): Promise<T> {
    const result = this.#last.then(job);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
