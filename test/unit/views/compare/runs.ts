import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Manifest } from '../../../../src/run/model/manifest.ts';
import type { SegmentRow } from '../../../../src/run/model/segment.ts';
import { RunWriter } from '../../../../src/run/writer.ts';
import type { RunsSpec } from '../../../../src/views/compare/spec.ts';
import { rootRow, tokensOf, writer } from '../../../integration/explorer/runs.ts';

/** Run directories whose prompts and curves are known, gone with the test. */

export async function folderFor(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'compare-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A comparison of these runs. */
export const specOf = (
  baseline: readonly string[],
  adaptive: readonly string[],
  name = 'both',
): RunsSpec => ({
  kind: 'runs',
  name,
  sides: [
    { name: 'baseline', directories: [...baseline] },
    { name: 'adaptive', directories: [...adaptive] },
  ],
  targets: null,
});

/** Prompts of every step, and whether each side answers them: won, lost, both right, both wrong. */
const prompts = [
  { text: '12+30=', right: { baseline: false, adaptive: true } },
  { text: '7*8=', right: { baseline: true, adaptive: false } },
  { text: '2+2=', right: { baseline: true, adaptive: true } },
  { text: '91-</script>=', right: { baseline: false, adaptive: false } },
] as const;

export interface RunOptions {
  strategy: 'baseline' | 'adaptive';
  seed?: number;
  steps?: number;
  /** Accuracy of the last evaluation; null: none is made. */
  accuracy?: number | null;
  manifest?: Partial<Manifest>;
}

/** Writes a run; it goes on where `manifest.state` is `running`, so that more can be written. */
export async function writeRun(directory: string, options: RunOptions): Promise<RunWriter> {
  const { strategy, seed = 1, steps = 4, accuracy = 0.8 } = options;
  const run = await writer(directory, {
    run_id: directory,
    name: `${strategy} ${seed}`,
    strategy,
    seed,
    recipe: {
      dataset_name: 'arithmetic',
      use_token_adaptive: strategy === 'adaptive',
      max_generated_tokens: 1000 * steps,
      learning_rate: 1e-4,
    },
    model: 'base',
    ...options.manifest,
  });
  await run.event({ type: 'run_started', resumed_from_step: null, superseded: null });
  if (accuracy !== null) await evaluate(run, 0, 0.3);
  for (let step = 1; step <= steps; step += 1) {
    await writeStep(run, strategy, step, seed);
    if (accuracy !== null) await evaluate(run, step, 0.3 + ((accuracy - 0.3) * step) / steps);
  }
  return run;
}

const evaluate = (run: RunWriter, step: number, accuracy: number) =>
  run.event({
    type: 'evaluation',
    step,
    metrics: { 'eval/accuracy': accuracy, 'eval/pass@1': accuracy - 0.1 },
  });

export async function writeStep(
  run: RunWriter,
  strategy: 'baseline' | 'adaptive',
  step: number,
  seed: number,
): Promise<void> {
  await run.rollouts(
    prompts.flatMap(({ text, right }, i) =>
      tree(step, i, `${text} (${step})`, right[strategy], strategy === 'adaptive'),
    ),
  );
  await run.event({
    type: 'step',
    step,
    metrics: {
      reward: 0.4 + 0.05 * step + 0.01 * seed + (strategy === 'adaptive' ? 0.1 : 0),
      entropy: 0.5 / step,
      'completions/mean_length': 20 + step,
      'tokens/generated': 1000 * step,
      'time/step': 2,
      ...(strategy === 'adaptive' ? { 'adaptive/truncation_rate': 0.5 } : {}),
    },
  });
}

/** Ids that no other tree of the run has. */
const idOf = (step: number, prompt: number, row: number): number => step * 100 + prompt * 10 + row;

/** Two roots; with the strategy the first one is cut after three tokens and goes on from there. */
function tree(
  step: number,
  prompt: number,
  text: string,
  right: boolean,
  cut: boolean,
): SegmentRow[] {
  const place = (row: number) => ({
    step,
    prompt_id: `arithmetic/${step}/${prompt}`,
    prompt: text,
    segment_id: idOf(step, prompt, row),
  });
  const scored = (row: SegmentRow): SegmentRow => ({
    ...row,
    rewards: { accuracy: right ? 1 : 0 },
    reward: right ? 1 : 0,
    value: right ? 1 : 0,
  });
  const words = ['a', 'b', 'c', right ? 'd' : 'x', '\n', '#'];
  const whole = scored(withIds(rootRow(place(1), words), words));
  if (!cut) return [scored(withIds(rootRow(place(0), words), words)), whole];
  const kept = words.slice(0, 3);
  const stub: SegmentRow = {
    ...withIds(rootRow(place(0), kept), kept),
    status: 'truncated',
    trigger: 'max_prob',
    failure_point: 3,
    failure_max_prob: 0.5,
    failure_entropy: 1,
    rewards: null,
    reward: null,
  };
  const rest = words.slice(3);
  const again = scored({
    ...withIds(rootRow(place(2), rest), rest),
    prompt: null,
    parent_id: idOf(step, prompt, 0),
    fork_at: 3,
    attempt: 1,
    kind: 'resample',
    temperature: 1.2,
  });
  return [stub, whole, again];
}

/** The same word is the same token, everywhere. */
function withIds(row: SegmentRow, words: readonly string[]): SegmentRow {
  const token_ids = Int32Array.from(words, (word) => word.charCodeAt(0));
  return { ...row, tokens: { ...tokensOf(words), token_ids } };
}

/** Runs of both sides, finished, one a seed. */
export async function writeSides(
  folder: string,
  seeds: readonly number[],
  options: { accuracy?: number | null } = {},
): Promise<{ baseline: string[]; adaptive: string[] }> {
  const sides: { baseline: string[]; adaptive: string[] } = { baseline: [], adaptive: [] };
  for (const seed of seeds) {
    for (const strategy of ['baseline', 'adaptive'] as const) {
      const directory = join(folder, `${strategy}-${seed}`);
      const accuracy =
        options.accuracy === undefined
          ? 0.6 + (strategy === 'adaptive' ? 0.2 : 0) + 0.01 * seed
          : options.accuracy;
      const run = await writeRun(directory, { strategy, seed, accuracy });
      await run.close();
      sides[strategy].push(directory);
    }
  }
  return sides;
}
