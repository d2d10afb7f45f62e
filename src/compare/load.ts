import { createHash } from 'node:crypto';
import { readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { t } from '@vscode/l10n';
import { z } from 'zod';
import { PlainError, messageOf } from '../common/errors.ts';
import { RunStore, type StepRecord } from '../run/store.ts';
import { comparisonText, parseComparison } from './file.ts';
import { keptMetrics, type ComparedRun, type Comparison, type Point } from './model.ts';

/** Run directories into comparisons, and comparisons into files and back. */

/**
 * What a comparison keeps of a run.
 *
 * @param folder where `comparison.json` lies or will lie
 * @throws PlainError where there is no run
 */
export async function loadRun(directory: string, folder: string): Promise<ComparedRun> {
  const store = await RunStore.open(directory);
  try {
    return await runOf(store, folder);
  } finally {
    store.dispose();
  }
}

/** The same of a run that is open already, live or not. */
export async function runOf(store: RunStore, folder: string): Promise<ComparedRun> {
  const { manifest, status, directory } = store;
  const { run_id, name, strategy, model, seed, git_commit, host, started_at, recipe } = manifest;
  const steps = stepPoints(store.steps);
  const failure = status.kind === 'failed' || status.kind === 'crashed' ? [status.message] : [];
  return {
    directory: pathFrom(folder, directory),
    run_id,
    name,
    engine: manifest.engine.name,
    strategy,
    model,
    seed,
    git_commit,
    host,
    started_at,
    state: status.kind,
    recipe,
    tokenizer: await vocabularyOf(store),
    steps,
    evaluations: evaluationPoints(store.evaluations, steps),
    benchmarks: [],
    problems: [...failure, ...store.problems],
  };
}

function stepPoints(records: readonly StepRecord[]): Point[] {
  let seconds = 0;
  return records.map(({ step, time, metrics }, i) => {
    const before = records[i - 1];
    const apart = before === undefined ? 0 : (Date.parse(time) - Date.parse(before.time)) / 1000;
    const took = metrics['time/step'] ?? apart;
    if (Number.isFinite(took)) seconds += Math.max(0, took);
    const kept = keptMetrics.flatMap((name): [string, number][] => {
      const value = metrics[name];
      return value === undefined || !Number.isFinite(value) ? [] : [[name, rounded(value)]];
    });
    return {
      step: Math.max(0, step),
      generated_tokens: counted(metrics['tokens/generated']),
      seconds: rounded(seconds),
      metrics: Object.fromEntries(kept),
    };
  });
}

function evaluationPoints(records: readonly StepRecord[], steps: readonly Point[]): Point[] {
  return records.map(({ step, metrics }) => {
    const last = steps.findLast((point) => point.step <= step);
    const kept = Object.entries(metrics).flatMap(([name, value]): [string, number][] =>
      name.startsWith('eval/') && Number.isFinite(value) ? [[name, rounded(value)]] : [],
    );
    return {
      step: Math.max(0, step),
      generated_tokens:
        counted(metrics['tokens/generated']) ?? (step <= 0 ? 0 : (last?.generated_tokens ?? null)),
      seconds: last?.seconds ?? 0,
      metrics: Object.fromEntries(kept),
    };
  });
}

const counted = (value: number | undefined): number | null =>
  value === undefined || !(value >= 0) ? null : value;

/** Nine figures: more than single precision has, and half of the bytes. */
const rounded = (value: number): number => Number(value.toPrecision(9));

/** What of `tokenizer.json` says which token has which number. */
const tokenizerJson = z.object({
  model: z.object({
    vocab: z.union([z.record(z.string(), z.number()), z.array(z.tuple([z.string(), z.number()]))]),
  }),
  added_tokens: z.array(z.object({ id: z.number(), content: z.string() })).default([]),
});

/** It is large, and never changes while a run goes on. */
const vocabularies = new WeakMap<RunStore, string>();

/** The vocabulary by its hash, which every checkpoint has alike; null while there is none. */
async function vocabularyOf(store: RunStore): Promise<string | null> {
  const known = vocabularies.get(store);
  if (known !== undefined) return known;
  const folder = join(store.directory, 'checkpoints');
  for (const name of await readdir(folder).catch(() => [])) {
    const text = await readFile(join(folder, name, 'tokenizer.json'), 'utf8').catch(() => null);
    if (text === null) continue;
    const hash = createHash('sha256').update(tokensOf(text)).digest('hex').slice(0, 16);
    vocabularies.set(store, hash);
    return hash;
  }
  return null;
}

/** The tokens by their numbers, however the file is laid out; a file of another kind as it is. */
function tokensOf(text: string): string {
  try {
    const { model, added_tokens } = tokenizerJson.parse(JSON.parse(text));
    // Unigram models list their pieces with a score; the number is the place in the list.
    const tokens: [number, string][] = Array.isArray(model.vocab)
      ? model.vocab.map(([content], id) => [id, content])
      : Object.entries(model.vocab).map(([content, id]) => [id, content]);
    for (const { id, content } of added_tokens) tokens.push([id, content]);
    const byNumber = new Map(tokens.sort(([a], [b]) => a - b));
    return JSON.stringify([...byNumber]);
  } catch {
    return text;
  }
}

/** With `/`; relative below `folder`, else absolute. */
export function pathFrom(folder: string, directory: string): string {
  const path = relative(folder, directory);
  const below = path !== '' && !path.startsWith('..') && !isAbsolute(path);
  return (below ? path : resolve(directory)).split(sep).join('/');
}

/** Where a compared run lies, absolute. */
export function directoryOf(run: ComparedRun, folder: string): string {
  return resolve(folder, run.directory);
}

/** Reads a `comparison.json`; throws a `PlainError`. Nothing of it needs the runs to be there. */
export async function readComparison(path: string): Promise<Comparison> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new PlainError(
      t('{0} can’t be read: {1}.', path, messageOf(cause)),
      t('Choose a comparison.json that Adaptive GRPO wrote.'),
      { cause },
    );
  }
  return parseComparison(text, path);
}

/** Writes it so that a reader sees the old one or the new one, never half of it. */
export async function writeComparison(path: string, comparison: Comparison): Promise<void> {
  await writeWhole(path, comparisonText(comparison));
}

/** All of a text file or nothing of it; throws a `PlainError`. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, text);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw new PlainError(
      t('{0} can’t be written: {1}.', path, messageOf(cause)),
      t('Check the permissions of {0}, or make room.', dirname(path)),
      { cause },
    );
  }
}
