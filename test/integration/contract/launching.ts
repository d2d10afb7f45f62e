import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { PlainError } from '../../../src/common/errors.ts';
import { sendCommand } from '../../../src/launch/run-actions.ts';
import type { ReadableRun } from '../../../src/launch/run-entry.ts';
import { Runs } from '../../../src/launch/runs.ts';
import { RunStore } from '../../../src/run/store.ts';
import { temporaryFolder } from '../engine/support.ts';
import { discard, is, stepsFrom, untilRun } from '../launch/watch.ts';
import type { TestedEngine } from './engines.ts';

/** PyTorch alone takes many seconds to load from a cold disk. */
const PATIENCE_MS = 120_000;

/** A run as the extension has it: launched, found, commanded, killed and resumed. */
export function launching(tested: TestedEngine): void {
  const { name } = tested;
  let folder = '';
  let recipe = '';
  let runs: Runs;
  let endings: ReadableRun[] = [];

  const newWindow = async (): Promise<Runs> => {
    const window = new Runs(await tested.target());
    window.onDidEnd((ended) => endings.push(ended));
    await window.setDirectories([join(folder, 'runs')]);
    return window;
  };

  beforeEach(async () => {
    Object.assign(process.env, tested.program.environment);
    folder = await temporaryFolder();
    recipe = await tested.recipe(folder);
    endings = [];
    runs = await newWindow();
  });
  afterEach(() => discard(runs));

  const until = (directory: string, what: string, expected: (card: ReadableRun) => boolean) =>
    untilRun(runs, directory, what, expected, PATIENCE_MS);

  test('a run is started, commanded, found by the next window, killed, resumed and stopped', async () => {
    const directory = await runs.newDirectory(recipe, join(folder, 'runs'));
    const overrides = { seed: 8, max_steps: 100_000, max_generated_tokens: 9_000_000 };
    const card = await runs.start(recipe, directory, { overrides, timeoutMs: PATIENCE_MS });
    assert.ok(card.kind === 'run');
    assert.deepEqual([card.manifest.engine.name, card.manifest.seed], [name, 8]);
    const live = await until(directory, 'past a checkpoint', stepsFrom(tested.saveSteps + 1));
    assert.match(await sendCommand(live, 'pause'), /paused/);
    const paused = await until(directory, 'paused', is('paused'));
    const step = paused.latest?.step ?? 0;
    await assert.rejects(sendCommand(paused, 'pause'), /paused already/);
    await sendCommand(paused, 'step');
    await until(directory, 'one step further', stepsFrom(step + 1));
    const still = await until(directory, 'paused again', is('paused'));
    assert.equal(still.latest?.step, step + 1);
    assert.match(await sendCommand(still, 'checkpoint'), /checkpoint/);

    // The window is closed and another one opened: the run is where it was.
    runs.dispose();
    runs = await newWindow();
    const found = await until(directory, 'found again', is('paused'));
    assert.equal(runs.active?.directory, directory);
    assert.match(await readFile(runs.logFile(directory), 'utf8'), /step \d+\/100000/);
    await sendCommand(found, 'resume');
    await until(directory, 'going on', is('running'));

    process.kill(found.manifest.pid, 'SIGKILL');
    const crashed = await until(directory, 'crashed', is('crashed'));
    assert.ok('next' in crashed.status && /[Rr]esume/.test(crashed.status.next));
    const reached = crashed.latest?.step ?? 0;
    assert.ok(reached >= step + 1, 'all it wrote is there');
    const resumed = await runs.continue(directory, { timeoutMs: PATIENCE_MS });
    assert.ok(resumed.kind === 'run');
    assert.notEqual(resumed.manifest.pid, found.manifest.pid);
    assert.equal(resumed.manifest.run_id, found.manifest.run_id);
    // What it was launched with, and its copy of the recipe doesn't say, holds.
    const kept = { ...resumed.manifest.recipe, resume_from_checkpoint: null };
    assert.deepEqual(kept, { ...found.manifest.recipe, resume_from_checkpoint: null });
    const on = await until(directory, 'further', stepsFrom(reached + 1));
    await sendCommand(on, 'stop');
    const stopped = await until(directory, 'stopped', is('stopped'));
    assert.equal(stopped.manifest.endpoint, null);
    await assert.rejects(sendCommand(stopped, 'pause'), /takes no commands/);
    assert.deepEqual(
      endings.map(({ status }) => status.kind),
      ['crashed', 'stopped'],
    );
    const store = await RunStore.open(directory);
    assert.deepEqual(store.problems, []);
    store.dispose();
  });

  test('a start that is cancelled leaves no process and no directory', async () => {
    const cancel = new AbortController();
    const directory = await runs.newDirectory(recipe, join(folder, 'runs'));
    const options = { timeoutMs: PATIENCE_MS, signal: cancel.signal };
    const starting = runs.start(recipe, directory, options);
    // With its log it has begun.
    for (let i = 0; !existsSync(runs.logFile(directory)) && i < 1000; i++) await pause(10);
    cancel.abort();
    await assert.rejects(starting, { name: 'CancelledError' });
    for (let i = 0; existsSync(directory) && i < 200; i++) await pause(50);
    assert.ok(!existsSync(directory));
    await runs.refresh();
    assert.deepEqual(runs.cards, []);
  });

  test('what it says about a wrong recipe is what a person reads', async () => {
    await writeFile(recipe, `${await readFile(recipe, 'utf8')}num_generation: 8\n`);
    const directory = await runs.newDirectory(recipe, join(folder, 'runs'));
    await assert.rejects(runs.start(recipe, directory, { timeoutMs: PATIENCE_MS }), (error) => {
      assert.ok(error instanceof PlainError);
      assert.match(`${error.message} ${error.next}`, /num_generation.*num_generations/s);
      assert.notEqual(error.next, '');
      assert.doesNotMatch(error.message, /\n\s+at |Traceback/, 'no stack trace');
      return true;
    });
    // The same words are in the log, for whoever looks there.
    assert.match(await readFile(runs.logFile(directory), 'utf8'), /num_generation/);
  });
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
