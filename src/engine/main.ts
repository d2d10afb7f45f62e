import type { Setting } from '../recipe/check.ts';
import { formatFinding, hasErrors } from '../recipe/findings.ts';
import type { FailedLine } from '../run/model/stream.ts';
import { parseCommandLine, usage } from './command-line.ts';
import { RecipeError, prepareRun } from './prepare.ts';
import { servePolicy } from './policy.ts';
import { openProgress } from './progress.ts';
import { plain, startRun } from './run.ts';
import { trainerLog } from './trainer-log.ts';
import type { EndReason } from './trainer.ts';

/**
 * The built-in engine, a process of its own; `usage` says how it is called. With `--serve`, stdout
 * carries one JSON line (`ReadyLine` or `FailedLine`), and everything in words goes to
 * `trainer.log`.
 */
async function main(args: readonly string[]): Promise<number> {
  const serve = args.includes('--serve') || args[0] === '--policy';
  try {
    const line = parseCommandLine(args);
    if (line.kind === 'help') {
      process.stdout.write(`${usage}\n`);
      return 0;
    }
    if (line.kind === 'policy') return await policy(line.runDirectory);
    if (line.kind === 'wrong') throw new RecipeError([line.message], usage);
    if (hasErrors(line.findings)) {
      const sentences = line.findings.map((finding) => formatFinding(finding, line.recipe));
      throw new RecipeError(sentences, usage);
    }
    return await train(line.recipe, line.settings, serve);
  } catch (error) {
    const { message, next } = plain(error);
    if (serve) {
      const failed: FailedLine = { type: 'failed', message, next };
      process.stdout.write(`${JSON.stringify(failed)}\n`);
    }
    process.stderr.write(`${message}\n${next}\n`);
    return error instanceof RecipeError ? 2 : 1;
  }
}

async function train(
  recipePath: string,
  settings: readonly Setting[],
  serve: boolean,
): Promise<number> {
  const preparation = await prepareRun(recipePath, settings, new Date());
  const { directory, recipe } = preparation;
  const log = trainerLog(directory);
  const progress = openProgress(log, serve ? null : process.stdout, recipe.logging_steps);
  const run = await startRun(preparation, { serve, progress, log });
  if (run.ready !== null) process.stdout.write(`${JSON.stringify(run.ready)}\n`);
  progress.line(`The run is in ${directory}`);
  endOnSignals(run.interrupt, progress.line, serve);
  failOnUncaught(run.fail);
  try {
    progress.line(endings[await run.finished]);
    return 0;
  } finally {
    progress.close();
  }
}

/** Until whoever asked for it is gone: what reads our output also holds our input. */
async function policy(runDirectory: string): Promise<number> {
  const served = await servePolicy(runDirectory);
  process.stdout.write(`${JSON.stringify(served.ready)}\n`);
  await new Promise<void>((resolve) => {
    process.stdin.on('end', resolve).on('error', resolve).resume();
    process.on('SIGINT', resolve).on('SIGTERM', resolve);
  });
  await served.close();
  return 0;
}

const endings: Record<EndReason, string> = {
  max_steps: 'Finished: all steps are done.',
  max_generated_tokens: 'Finished: the token budget is used up.',
  stopped: 'Stopped. It can go on with --resume_from_checkpoint true.',
};

/** A second signal within this time is the same one, sent to the whole process group. */
const SAME_SIGNAL_MS = 1500;

/** Ends the run cleanly; whoever can't wait asks twice. */
function endOnSignals(interrupt: () => void, say: (line: string) => void, serve: boolean): void {
  let first: number | null = null;
  const end = () => {
    if (first !== null && performance.now() - first < SAME_SIGNAL_MS) return;
    if (first !== null) process.exit(130);
    first = performance.now();
    say('Ending after this step, with a checkpoint. Once more to end at once.');
    interrupt();
  };
  process.on('SIGINT', end).on('SIGTERM', end);
  // A served run outlives the terminal or the window it was started from.
  process.on('SIGHUP', serve ? () => undefined : end);
}

/** An error that nobody caught leaves things in an unknown state: the run says so and ends. */
function failOnUncaught(fail: (error: unknown) => Promise<void>): void {
  let ending = false;
  const end = (error: unknown) => {
    process.stderr.write(`${plain(error).message}\n`);
    // One error seldom comes alone; the first is told, and the telling is not interrupted.
    if (ending) return;
    ending = true;
    void fail(error).finally(() => process.exit(1));
  };
  process.on('uncaughtException', end).on('unhandledRejection', end);
}

// Whoever read our output may be gone; the run is not theirs.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);
process.exitCode = await main(process.argv.slice(2));
