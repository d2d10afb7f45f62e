import { dirname } from 'node:path';
import { PlainError, messageOf } from '../common/errors.ts';
import type { ReadyLine } from '../run/model/stream.ts';
import { RunServer, type Routes } from '../run/server.ts';
import { RunWriter } from '../run/writer.ts';
import { clearAfter, freshState, type TrainerState } from './checkpoints.ts';
import { completionRoutes } from './completions.ts';
import { Control } from './control.ts';
import { freshManifest, gitCommit } from './manifest.ts';
import { openModel, type Model } from './model.ts';
import type { Preparation } from './prepare.ts';
import { openProblems } from './problems.ts';
import type { Progress } from './progress.ts';
import { Recorder } from './recorder.ts';
import { openScorer } from './rewards/index.ts';
import { KnownProblems, rewardRoutes } from './rewards/route.ts';
import { Trainer, type EndReason } from './trainer.ts';

/** A run that is under way. */
export interface StartedRun {
  /** Where it can be reached; null without a server. */
  ready: ReadyLine | null;
  /** Asks it to end after this step, with a checkpoint. */
  interrupt: () => void;
  /** Ends the run as failed, for an error that nobody caught. Resolves when that is written. */
  fail: (error: unknown) => Promise<void>;
  /** Settles when everything is written and closed; rejects with what made the run fail. */
  finished: Promise<EndReason>;
}

/**
 * Opens the model, the run directory and, with `serve`, the server, and begins to train.
 * Rejects with a `PlainError` where it can't begin; then nothing is left open.
 *
 * @param log the engine's own words, for `trainer.log`
 */
export async function startRun(
  preparation: Preparation,
  options: { serve: boolean; progress: Progress; log: (line: string) => void },
): Promise<StartedRun> {
  const { recipe, name, directory, warnings, start } = preparation;
  const { log, progress } = options;
  const model = await openModel(recipe, start.kind === 'new' ? null : start.checkpoint);
  const control = new Control();
  let recorder: Recorder | null = null;
  let server: RunServer | null = null;
  try {
    const problems = new KnownProblems(
      await openProblems(recipe, model.tokenizer),
      recipe.seed,
      start.kind === 'new' ? 0 : start.state.problems,
    );
    const task = problems.noted;
    const scorer = openScorer(task, recipe.reward_funcs, recipe.reward_weights);
    const writer = await openWriter(preparation);
    recorder = new Recorder(writer, log);
    const state = await resumedState(preparation, writer);
    if (options.serve) {
      server = await serve(writer, control, {
        ...completionRoutes(model, name, control),
        ...rewardRoutes(problems, scorer, model.tokenizer, model.limits.vocabulary),
      });
    }
    const { manifest } = writer;
    await writer.updateManifest({
      ...freshManifest(preparation, manifest.git_commit),
      run_id: manifest.run_id,
      started_at: manifest.started_at,
      state: 'running',
      endpoint: server === null ? null : { url: server.url, token: server.token },
    });
    await recorder.say({
      type: 'run_started',
      resumed_from_step: start.kind === 'new' ? null : state.step,
      superseded: superseded(start.kind, state, writer.size.rollouts),
    });
    for (const { code, message, suggestion, key } of warnings) {
      const text = suggestion === null ? message : `${message} ${suggestion}`;
      await recorder.say({
        type: 'warning',
        code,
        message: text,
        ...(key === null ? {} : { key }),
      });
      progress.line(text);
    }
    const trainer = new Trainer(
      { model, task, scorer, recorder, control, progress },
      recipe,
      state,
      start.kind === 'resume' && start.checkpoint !== null,
    );
    const open: Open = { recorder, server, control, model, log };
    const ready =
      server === null
        ? null
        : {
            type: 'ready' as const,
            url: server.url,
            token: server.token,
            run_directory: directory,
            pid: process.pid,
          };
    return {
      ready,
      interrupt: () => control.interrupt(),
      fail: (error) => sayFailed(error, open),
      finished: finish(trainer, open),
    };
  } catch (error) {
    await server?.close();
    await recorder?.close();
    await model.pool.stop();
    throw error;
  }
}

interface Open {
  recorder: Recorder;
  server: RunServer | null;
  control: Control;
  model: Model;
  log: (line: string) => void;
}

/** Trains to the end, whatever end that is, says which it was, and closes everything. */
async function finish(trainer: Trainer, open: Open): Promise<EndReason> {
  const { recorder, server, control, model } = open;
  try {
    const reason = await trainer.run();
    // What came too late is refused before the log says that the run is over.
    await control.close();
    await recorder.say({ type: 'run_finished', reason });
    const state = reason === 'stopped' ? 'stopped' : 'finished';
    await recorder.manifest({ state, endpoint: null });
    return reason;
  } catch (error) {
    await sayFailed(error, open);
    throw error;
  } finally {
    await server?.close();
    await recorder.close();
    await model.pool.stop();
  }
}

async function sayFailed(error: unknown, { recorder, control, log }: Open): Promise<void> {
  const { message, next } = plain(error);
  log(`${message} ${next}\n${error instanceof Error ? (error.stack ?? '') : ''}`);
  await control.close();
  await recorder.say({ type: 'run_failed', message, next });
  await recorder.manifest({ state: 'failed', endpoint: null });
}

/** What a person reads about anything that was thrown. */
export function plain(error: unknown): { message: string; next: string } {
  if (error instanceof PlainError) return { message: error.message, next: error.next };
  return {
    message: `The engine failed: ${messageOf(error)}`,
    next: 'See trainer.log in the run directory; the run can go on with --resume_from_checkpoint true.',
  };
}

async function openWriter(preparation: Preparation): Promise<RunWriter> {
  const { directory, recipeBytes, start, recipe } = preparation;
  if (start.kind === 'resume') return RunWriter.resume(directory);
  const commit = await gitCommit(dirname(recipe.output_dir ?? directory));
  return RunWriter.create(directory, freshManifest(preparation, commit), recipeBytes);
}

async function serve(writer: RunWriter, control: Control, routes: Routes): Promise<RunServer> {
  const server = await RunServer.start(writer.directory, {
    onCommand: (command) => control.submit(command),
    routes,
  });
  writer.onDidWrite(() => server.notify());
  return server;
}

/** Where the run begins. */
async function resumedState(
  { start, directory }: Preparation,
  writer: RunWriter,
): Promise<TrainerState> {
  if (start.kind === 'new') return freshState;
  if (start.kind === 'branch') return start.state;
  await clearAfter(directory, start.state.step);
  const rollouts_bytes = Math.min(start.state.rollouts_bytes, writer.size.rollouts);
  return { ...start.state, rollouts_bytes };
}

/** The rollouts that the steps from here on repeat. */
function superseded(
  kind: Preparation['start']['kind'],
  state: TrainerState,
  size: number,
): [number, number] | null {
  return kind === 'resume' && state.rollouts_bytes < size ? [state.rollouts_bytes, size] : null;
}
