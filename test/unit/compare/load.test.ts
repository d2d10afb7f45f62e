import assert from 'node:assert/strict';
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { PlainError } from '../../../src/common/errors.ts';
import { compareSides } from '../../../src/compare/comparison.ts';
import {
  directoryOf,
  loadRun,
  readComparison,
  writeComparison,
} from '../../../src/compare/load.ts';
import { RunWriter } from '../../../src/run/writer.ts';
import { runsDirectory } from '../../fixtures/make-runs.ts';
import { manifestOf, temporaryDirectory } from '../../fixtures/run.ts';
import { endingAt, sideOf } from './runs.ts';

const options = { name: 'test', created_at: '2026-01-01T00:00:00.000Z' };

const plainError = (message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof PlainError);
  assert.match(error.message, message);
  assert.ok(error.next.length > 0);
  return true;
};

test('seconds are the sum of the steps, and where a step has no time, what passed since the last', async (t) => {
  const directory = join(await temporaryDirectory(t), 'run');
  const recipe = new TextEncoder().encode('seed: 1\n');
  const writer = await RunWriter.create(directory, manifestOf({ state: 'finished' }), recipe);
  const evaluation = (step: number, accuracy: number) =>
    writer.event({ type: 'evaluation', step, metrics: { 'eval/accuracy': accuracy, loss: 1 } });
  const step = (number: number, metrics: Record<string, number>) =>
    writer.event({ type: 'step', step: number, metrics });
  await evaluation(0, 0.25);
  await step(1, { 'time/step': 2, 'tokens/generated': 100, reward: 0.5, unheard_of: 7 });
  await step(2, { 'time/step': 3.5, 'tokens/generated': 180 });
  await step(3, { 'tokens/generated': 300 });
  await evaluation(3, 0.5);
  await writer.close();

  const run = await loadRun(directory, directory);
  assert.deepEqual(
    run.steps.map(({ generated_tokens }) => generated_tokens),
    [100, 180, 300],
  );
  assert.deepEqual(run.steps[0]?.metrics, { reward: 0.5 });
  assert.deepEqual(
    run.steps.slice(0, 2).map(({ seconds }) => seconds),
    [2, 5.5],
  );
  const last = run.steps[2]?.seconds ?? 0;
  assert.ok(last >= 5.5 && last < 6, String(last));
  assert.deepEqual(run.evaluations, [
    { step: 0, generated_tokens: 0, seconds: 0, metrics: { 'eval/accuracy': 0.25 } },
    { step: 3, generated_tokens: 300, seconds: last, metrics: { 'eval/accuracy': 0.5 } },
  ]);
  assert.equal(run.tokenizer, null);
});

test('every recorded fixture is compared as far as it can be read', async () => {
  for (const name of await readdir(runsDirectory)) {
    const run = await loadRun(join(runsDirectory, name), runsDirectory);
    assert.equal(run.directory, name);
    assert.ok(run.steps.length > 0, name);
    assert.equal(run.steps[0]?.generated_tokens, null);
    assert.equal(run.problems.length > 0, name === 'torn' || name === 'damaged', name);
    const { table, notes } = compareSides(
      [endingAt('baseline', [0.5]), sideOf('adaptive', run)],
      options,
    );
    assert.ok(table.length > 0);
    const codes = notes.map(({ code }) => code);
    assert.ok(codes.includes('tokens_unknown') && codes.includes('no_evaluations'));
    assert.equal(codes.includes('problem'), run.problems.length > 0);
  }
});

test('a checkpoint says which vocabulary the run has, however the file is laid out', async (t) => {
  const folder = await temporaryDirectory(t);
  const vocabularyOf = async (name: string, text: string) => {
    const directory = join(folder, name);
    await cp(join(runsDirectory, 'plain'), directory, { recursive: true });
    await mkdir(join(directory, 'checkpoints', 'step-1'), { recursive: true });
    await writeFile(join(directory, 'checkpoints', 'step-1', 'tokenizer.json'), text);
    return (await loadRun(directory, folder)).tokenizer;
  };
  const added = [{ id: 2, content: '<s>' }];
  const first = await vocabularyOf(
    'a',
    JSON.stringify({ model: { vocab: { a: 0, b: 1 } }, added_tokens: added }),
  );
  assert.match(first ?? '', /^[0-9a-f]{16}$/);
  const same = { version: '1.0', added_tokens: added, model: { vocab: { '<s>': 2, b: 1, a: 0 } } };
  assert.equal(await vocabularyOf('b', JSON.stringify(same, null, 2)), first);
  const unigram = {
    model: {
      vocab: [
        ['a', -1],
        ['b', -2],
      ],
    },
    added_tokens: added,
  };
  assert.equal(await vocabularyOf('c', JSON.stringify(unigram)), first);
  const other = { model: { vocab: { a: 1, b: 0 } }, added_tokens: added };
  assert.notEqual(await vocabularyOf('d', JSON.stringify(other)), first);
  assert.match((await vocabularyOf('e', '{"torn":')) ?? '', /^[0-9a-f]{16}$/);
});

test('a run that is gone, or none, is said in a plain sentence', async (t) => {
  const folder = await temporaryDirectory(t);
  await assert.rejects(loadRun(join(folder, 'none'), folder), plainError(/not a run directory/));
  await writeFile(join(folder, 'run.json'), '{');
  await assert.rejects(loadRun(folder, folder), plainError(/not valid JSON/));
});

test('paths are kept relative below the comparison, and absolute elsewhere', async (t) => {
  const folder = await temporaryDirectory(t);
  const inside = join(folder, 'a ✓', 'run');
  await cp(join(runsDirectory, 'plain'), inside, { recursive: true });
  const near = await loadRun(inside, folder);
  assert.equal(near.directory, 'a ✓/run');
  assert.equal(directoryOf(near, folder), inside);
  const far = await loadRun(inside, join(folder, 'elsewhere'));
  assert.equal(directoryOf(far, join(folder, 'elsewhere')), resolve(inside));
});

test('a comparison is written whole, and what can’t be read or written is said', async (t) => {
  const folder = await temporaryDirectory(t);
  const path = join(folder, 'comparison.json');
  const comparison = compareSides([endingAt('a', [0.5]), endingAt('b', [0.6])], options);
  await writeComparison(path, comparison);
  assert.deepEqual(await readComparison(path), comparison);
  assert.deepEqual(await readdir(folder), ['comparison.json']);
  await rm(path);
  await assert.rejects(readComparison(path), plainError(/can’t be read/));
  await assert.rejects(
    writeComparison(join(folder, 'none', 'comparison.json'), comparison),
    plainError(/can’t be written/),
  );
  await mkdir(path);
  await assert.rejects(writeComparison(path, comparison), plainError(/can’t be written/));
  assert.deepEqual(await readdir(folder), ['comparison.json'], 'nothing half-made is left');
});
