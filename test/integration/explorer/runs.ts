import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { SegmentRow, SegmentTokens } from '../../../src/run/model/segment.ts';
import { RunStore } from '../../../src/run/store.ts';
import { RunWriter } from '../../../src/run/writer.ts';
import type { Manifest } from '../../../src/run/model/manifest.ts';
import { row } from '../../fixtures/segments.ts';
import { synthesizeRun, type SynthesizeOptions } from '../../fixtures/synthesize.ts';

/** Run directories for these tests, gone with the test. */

export async function temporaryDirectory(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'explorer-run-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'run');
}

/** A run as R's synthesizer makes them, opened. */
export async function synthesized(
  t: TestContext,
  options: Partial<SynthesizeOptions> = {},
): Promise<RunStore> {
  const directory = await temporaryDirectory(t);
  await synthesizeRun(directory, {
    completions: 128,
    tokensPerCompletion: 60,
    seed: 3,
    ...options,
  });
  return await opened(t, directory);
}

export async function opened(t: TestContext, directory: string): Promise<RunStore> {
  const store = await RunStore.open(directory);
  t.after(() => store.dispose());
  return store;
}

export function manifest(patch: Partial<Manifest> = {}): Manifest {
  return {
    schema_version: 1,
    run_id: 'test',
    name: 'test run',
    engine: { name: 'test', version: '1' },
    strategy: 'adaptive',
    recipe: { num_generations: 8, per_device_train_batch_size: 32 },
    model: 'none',
    seed: 1,
    git_commit: null,
    host: 'nowhere',
    pid: 1,
    started_at: '2026-01-01T00:00:00.000Z',
    state: 'finished',
    max_steps: 10,
    endpoint: null,
    capture: { top_k: 5, below: 0.99, groups_per_step: null },
    ...patch,
  };
}

export async function writer(directory: string, patch: Partial<Manifest> = {}): Promise<RunWriter> {
  const recipe = new TextEncoder().encode('# test\n');
  return await RunWriter.create(directory, manifest(patch), recipe);
}

/** One token a piece. */
export function tokensOf(pieces: readonly string[]): SegmentTokens {
  const filled = (value: number) => new Float32Array(pieces.length).fill(value);
  let end = 0;
  return {
    text: pieces.join(''),
    token_ids: Int32Array.from(pieces, (_, i) => i % 1000),
    token_ends: Int32Array.from(pieces, (piece) => (end += Array.from(piece).length)),
    logprob: filled(-0.1),
    entropy: Float32Array.from(pieces, (_, i) => (i % 7) * 0.35),
    max_prob: filled(0.9),
    top: new Map(),
    advantage: filled(0.25),
    ref_logprob: null,
    train_logprob: null,
  };
}

export function rootRow(
  place: { step: number; prompt_id: string; prompt: string; segment_id: number },
  pieces: readonly string[],
): SegmentRow {
  return row({ ...place, tokens: tokensOf(pieces) });
}
