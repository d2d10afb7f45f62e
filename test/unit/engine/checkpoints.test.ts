import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import {
  clearAfter,
  freshState,
  listCheckpoints,
  readState,
  writeCheckpoint,
} from '../../../src/engine/checkpoints.ts';
import { loadCheckpoint, saveCheckpoint } from '../../../src/engine/compute/index.ts';
import { baseModelFolder } from '../../../src/engine/prepare.ts';

let run = '';
beforeEach(async () => (run = await mkdtemp(join(tmpdir(), 'adaptive grpo ✓ '))));
afterEach(() => rm(run, { recursive: true, force: true }));

const base = await loadCheckpoint(baseModelFolder());
const model = {
  save: (folder: string, extra: Readonly<Record<string, string>>) =>
    saveCheckpoint(folder, base, { extra }),
};

const names = async () => (await readdir(join(run, 'checkpoints'))).sort();

test('a checkpoint comes back as it was written; the oldest make room', async () => {
  for (const step of [5, 10, 15]) {
    const state = { ...freshState, step, changes: { temperature: 1.5 } };
    const path = await writeCheckpoint(run, state, model, 2);
    assert.equal(path, join(run, 'checkpoints', `step-${step}`));
    assert.deepEqual(await readState(path), state);
    assert.deepEqual((await loadCheckpoint(path)).weights, base.weights);
  }
  assert.deepEqual(await names(), ['step-10', 'step-15']);
  assert.deepEqual(
    (await listCheckpoints(run)).map(({ step }) => step),
    [10, 15],
  );
});

test('steps count as numbers, and what is no checkpoint is none', async () => {
  for (const step of [100, 20, 3]) {
    await writeCheckpoint(run, { ...freshState, step }, model, null);
  }
  await mkdir(join(run, 'checkpoints', '.step-7-123'));
  await mkdir(join(run, 'checkpoints', 'superseded-step-300-1'));
  assert.deepEqual(
    (await listCheckpoints(run)).map(({ step }) => step),
    [3, 20, 100],
  );
  assert.deepEqual(await listCheckpoints(join(run, 'nowhere')), []);
});

test('the same step again replaces the checkpoint', async () => {
  await writeCheckpoint(run, { ...freshState, step: 5 }, model, null);
  const state = { ...freshState, step: 5, problems: 40 };
  const path = await writeCheckpoint(run, state, model, null);
  assert.equal((await readState(path)).problems, 40);
  assert.deepEqual(await names(), ['step-5']);
});

test('what a run goes on from is the newest; later ones are put aside, not lost', async () => {
  for (const step of [5, 10]) await writeCheckpoint(run, { ...freshState, step }, model, null);
  await mkdir(join(run, 'checkpoints', 'step-12.new-345'));
  await clearAfter(run, 5);
  const [aside, kept] = [...(await names())].reverse();
  assert.equal(kept, 'step-5');
  assert.match(aside ?? '', /^superseded-step-10-\d+$/);
  assert.equal((await names()).length, 2);
});

test('a folder that is no checkpoint, or a damaged one, is a plain sentence', async () => {
  const folder = join(run, 'checkpoints', 'step-1');
  await assert.rejects(readState(folder), /is not a checkpoint .* it has no trainer_state\.json/);
  await mkdir(folder, { recursive: true });
  for (const [content, words] of [
    ['{"version": 1, "step"', /trainer_state\.json is damaged/],
    ['{"version": 1, "step": -3}', /trainer_state\.json is damaged \(step: /],
    ['{"version": 2}', /trainer_state\.json is damaged \(version: /],
    ['null', /is damaged/],
  ] as const) {
    await writeFile(join(folder, 'trainer_state.json'), content);
    await assert.rejects(readState(folder), words);
  }
});
