import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { BuiltInTarget } from '../../../src/launch/built-in.ts';
import { TargetByRecipe } from '../../../src/launch/by-recipe.ts';
import { resolveInterpreter } from '../../../src/launch/python/choose.ts';
import type { AccelerateConfig } from '../../../src/launch/python/command-line.ts';
import { bundledTrainer } from '../../../src/launch/python/install.ts';
import { PythonTarget } from '../../../src/launch/python/target.ts';
import { sendCommand } from '../../../src/launch/run-actions.ts';
import type { ReadableRun } from '../../../src/launch/run-entry.ts';
import { Runs } from '../../../src/launch/runs.ts';
import { LOG } from '../../../src/run/files.ts';
import { RunStore } from '../../../src/run/store.ts';
import { execute } from '../../fixtures/python.ts';
import { root, trainerPython, withoutTrainer, writeTrlRecipe } from './trainer.ts';
import { discard, is, stepsFrom, untilRun } from './watch.ts';

/** The real Python trainer on the CPU, launched, watched, commanded, killed and resumed. */

const PATIENCE_MS = 120_000;
const ddpConfig = join(root, 'recipes', 'accelerate_configs', 'ddp.yaml');

let folder = '';
let runs: Runs;
let config: AccelerateConfig | null = null;

beforeEach(async () => {
  config = null;
  folder = await mkdtemp(join(tmpdir(), 'adaptive grpo python ')); // blanks on purpose
  const { version } = await bundledTrainer(join(root, 'trainer'));
  const choice = { setting: trainerPython, folder: null, folders: [] };
  const python = new PythonTarget(
    {
      interpreter: (_, packages, signal) =>
        resolveInterpreter(choice, { version, packages }, signal),
      accelerateConfig: () => config,
    },
    { ddpConfig, leastPatienceMs: PATIENCE_MS },
  );
  const builtIn = new BuiltInTarget(join(root, 'no', 'engine.js'));
  runs = new Runs(new TargetByRecipe({ 'built-in': builtIn, trl: python }));
  await runs.setDirectories([join(folder, 'runs')]);
});

afterEach(async () => {
  discard(runs);
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

const until = (directory: string, what: string, expected: (card: ReadableRun) => boolean) =>
  untilRun(runs, directory, what, expected, PATIENCE_MS);
const environment = { HF_HUB_OFFLINE: '1', OMP_NUM_THREADS: '1' };

test(
  'a recipe for TRL is trained by Python: paused, stepped, killed, resumed and stopped',
  { skip: withoutTrainer },
  async () => {
    Object.assign(process.env, environment);
    const recipe = await writeTrlRecipe(folder);
    const directory = runs.newDirectory(recipe, join(folder, 'runs'));
    const overrides = { seed: 8, max_generated_tokens: 9_000_000 };
    const card = await runs.start(recipe, directory, { overrides });
    assert.ok(card.kind === 'run');
    assert.equal(card.manifest.engine.name, 'trl');
    const live = await until(directory, 'past a checkpoint', stepsFrom(2));
    assert.match(await sendCommand(live, 'pause'), /paused/);
    const paused = await until(directory, 'paused', is('paused'));
    const step = paused.latest?.step ?? 0;
    await sendCommand(paused, 'step');
    await until(directory, 'one step further', stepsFrom(step + 1));

    process.kill(paused.manifest.pid, 'SIGKILL');
    await until(directory, 'crashed', is('crashed'));
    const resumed = await runs.continue(directory, {});
    assert.ok(resumed.kind === 'run');
    assert.notEqual(resumed.manifest.pid, paused.manifest.pid);
    assert.equal(resumed.manifest.run_id, paused.manifest.run_id);
    const kept = { ...resumed.manifest.recipe, resume_from_checkpoint: null };
    assert.deepEqual(kept, paused.manifest.recipe);
    const on = await until(directory, 'further', stepsFrom(step + 2));
    await sendCommand(on, 'stop');
    const stopped = await until(directory, 'stopped', is('stopped'));
    assert.equal(stopped.manifest.endpoint, null);

    const store = await RunStore.open(directory);
    assert.ok(store.steps.length >= step + 2);
    assert.deepEqual(store.problems, []);
    store.dispose();
    assert.match(await readFile(join(directory, LOG), 'utf8'), /step \d+\/1000/);
  },
);

test(
  'what the trainer says about a wrong recipe is what a person reads',
  { skip: withoutTrainer },
  async () => {
    Object.assign(process.env, environment);
    const recipe = await writeTrlRecipe(folder, { dataset_name: 'gone.jsonl' });
    const directory = runs.newDirectory(recipe, join(folder, 'runs'));
    await assert.rejects(runs.start(recipe, directory, {}), /gone\.jsonl/);
    assert.ok(existsSync(join(directory, LOG)));
  },
);

test(
  'accelerate launches two processes that are one run, and none is left when it ends',
  { skip: process.platform === 'win32' ? 'processes are counted with pgrep' : withoutTrainer },
  async () => {
    Object.assign(process.env, environment);
    const file = join(folder, 'two.yaml');
    const ddp = await readFile(ddpConfig, 'utf8');
    const two = ddp.replace('num_processes: 8', 'num_processes: 2\nmain_process_port: 0');
    await writeFile(file, two.replace('mixed_precision: bf16', 'mixed_precision: "no"'));
    config = { file, ours: false };
    const recipe = await writeTrlRecipe(folder, { use_cpu: 'true' });
    const directory = runs.newDirectory(recipe, join(folder, 'runs'));
    const card = await runs.start(recipe, directory, {});
    assert.ok(card.kind === 'run');
    const live = await until(directory, 'at step 1', stepsFrom(1));
    const processes = async () =>
      (await execute('pgrep', ['-f', directory])).stdout.trim().split('\n');
    // The launcher and two trainers.
    assert.equal((await processes()).length, 3);
    await sendCommand(live, 'stop');
    await until(directory, 'stopped', is('stopped'));
    for (let i = 0; (await processes())[0] !== '' && i < 200; i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.deepEqual(await processes(), ['']);
  },
);
