/**
 * Compares the token-adaptive strategy with the plain baseline without a window
 * (`npm run -s compare -- RECIPE`, `compare_strategies.sh RECIPE`); `--help` tells the rest.
 * npm changes to the project's folder; paths on the command line count from where it was called.
 */
import { join, resolve } from 'node:path';
import { PlainError, messageOf } from '../src/common/errors.ts';
import { COMPARISON } from '../src/compare/file.ts';
import type { Comparison } from '../src/compare/model.ts';
import { pairRecipe, type Pair } from '../src/compare/pair.ts';
import { readRecipe } from '../src/engine/prepare.ts';
import { nameOfRecipe, newDirectoryName } from '../src/run/names.ts';
import { Benchmarks } from './compare/benchmarks.ts';
import { commandOf, parseCommandLine, usage, type Request } from './compare/command-line.ts';
import { placesOf } from './compare/places.ts';
import { ProgressLine } from './compare/progress.ts';
import { report, reportRecorded, tableText } from './compare/report.ts';
import { Runner } from './compare/runner.ts';
import { trainerOf, type Trainer } from './trainers.ts';

const { INIT_CWD: calledFrom, npm_lifecycle_event: npmScript } = process.env;
if (npmScript === 'compare' && calledFrom !== undefined) process.chdir(calledFrom);

async function main(args: readonly string[]): Promise<number> {
  const line = parseCommandLine(args);
  if (line.kind === 'help') {
    console.log(usage);
    return 0;
  }
  if (line.kind === 'wrong') return refuse(line.message, usage);
  const now = new Date();
  const { outputDir } = line.request;
  const folderFor = (name: string) =>
    resolve(outputDir ?? join('runs', newDirectoryName(`compare-${name}`, now)));
  try {
    if (line.kind === 'recorded') {
      const folder = folderFor('runs');
      tell(await reportRecorded(line.request, folder), folder);
      return 0;
    }
    const { request } = line;
    const recipe = resolve(request.recipe);
    const { source } = await readRecipe(request.recipe);
    const pair = pairRecipe(source, request.settings, request.seeds, request.recipe);
    const trainer = await trainerOf(pair.engine, { named: request.trainer, recipe, source });
    const folder = folderFor(nameOfRecipe(recipe));
    return await train({ request, recipe, source, pair, trainer, folder });
  } catch (error) {
    if (!(error instanceof PlainError)) throw error;
    return refuse(error.message, error.next);
  }
}

function tell(comparison: Comparison, folder: string): void {
  console.log(`\n${tableText(comparison)}\n`);
  console.log(`Written: ${join(folder, COMPARISON)}, comparison.md, comparison.csv`);
}

interface Work {
  request: Request;
  recipe: string;
  source: string;
  pair: Pair;
  folder: string;
  trainer: Trainer;
}

/** Trains what is missing, and compares what there is. */
async function train({ request, recipe, source, pair, folder, trainer }: Work): Promise<number> {
  const places = placesOf(pair, folder);
  const progress = new ProgressLine(process.stdout, places.length);
  const command = commandOf(request, folder);
  const benchmarks = new Benchmarks(request.benchmarks, trainer);
  await benchmarks.recall(folder);
  const details = { name: nameOfRecipe(recipe), command, request, pair };
  // One at a time: two would write the same files.
  let writing: Promise<unknown> = Promise.resolve();
  const write = () => {
    const written = writing.then(() => report(places, folder, benchmarks, details));
    writing = written.catch(() => undefined);
    return written;
  };
  const runner = new Runner({
    trainer,
    recipe,
    source,
    settings: request.settings,
    flags: request.flags,
    pair,
    jobs: request.jobs,
    progress,
    onEnded: async () => {
      await write().catch((error: unknown) => progress.line(messageOf(error)));
    },
  });
  progress.line(`Comparing in ${folder}`);
  for (const warning of pair.warnings) progress.line(`! ${warning}`);
  await benchmarks.check(pair, recipe, request.settings, (text) => progress.line(text));
  const interruption = endOnSignals(runner, (text) => progress.line(text));

  const results = await runner.run(places);
  for (const { place, kind } of results) {
    if (kind !== 'finished' || interruption.happened() || request.benchmarks.length === 0) continue;
    await benchmarks
      .try(place, (text) => progress.line(text), interruption.happened)
      .catch((error: unknown) => progress.line(messageOf(error)));
  }
  progress.close();
  let written = true;
  try {
    tell(await write(), folder);
  } catch (error) {
    // Whatever the disk does, what became of the runs is still told.
    console.error(messageOf(error));
    written = false;
  }
  const failed = results.filter(({ kind }) => kind === 'failed').length;
  if (failed > 0) console.log(`${failed} of ${results.length} runs failed; see above.`);
  if (results.some(({ kind }) => kind === 'stopped')) console.log(`Go on with:\n  ${command}`);
  if (interruption.happened()) return 130;
  return written && results.every(({ kind }) => kind === 'finished') ? 0 : 1;
}

function refuse(message: string, next: string): number {
  console.error(`${message}\n${next}`);
  return 2;
}

/** A second signal within this time is the same one, sent to the whole process group. */
const SAME_SIGNAL_MS = 1500;

/** Engines that were killed, and what is known of the runs, get this long. */
const GRACE_MS = 5000;

/** Ends the engines cleanly; whoever can't wait asks twice. */
function endOnSignals(runner: Runner, say: (line: string) => void): { happened: () => boolean } {
  let first: number | null = null;
  const end = () => {
    if (first !== null && performance.now() - first < SAME_SIGNAL_MS) return;
    const again = first !== null;
    first ??= performance.now();
    if (!again) say('Ending after this step, with a checkpoint. Once more to end at once.');
    runner.stop(again);
    if (again) setTimeout(() => process.exit(130), GRACE_MS).unref();
  };
  process.on('SIGINT', end).on('SIGTERM', end).on('SIGHUP', end);
  return { happened: () => first !== null };
}

// Whoever read our output may be gone; the runs are not theirs.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);
process.exitCode = await main(process.argv.slice(2));
