import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PlainError } from '../../../src/common/errors.ts';
import { BuiltInTarget } from '../../../src/launch/built-in.ts';
import { sendCommand } from '../../../src/launch/run-actions.ts';
import type { ReadableRun } from '../../../src/launch/run-entry.ts';
import { Runs } from '../../../src/launch/runs.ts';
import { discard, is, stepsFrom, untilRun } from './watch.ts';

/** The real engine, with the recipe kept small: launched, watched, commanded, killed, resumed. */

const engine = fileURLToPath(new URL('../../../src/engine/main.ts', import.meta.url));
const PATIENCE_MS = 60_000;

let folder = '';
let recipe = '';
let runs: Runs;
let endings: ReadableRun[] = [];

const small = `
model_name_or_path: base
dataset_name: arithmetic
num_generations: 4
num_roots: 2
per_device_train_batch_size: 8
max_completion_length: 64
max_steps: 1000
warmup_steps: 0
save_steps: 2
eval_steps: 500
eval_num_prompts: 2
eval_num_generations: 1
`;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adaptive-grpo-engine-'));
  recipe = join(folder, 'small.yaml');
  await writeFile(recipe, small);
  endings = [];
  runs = newWindow();
});

afterEach(async () => {
  discard(runs);
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

function newWindow(): Runs {
  const window = new Runs(new BuiltInTarget(engine));
  window.onDidEnd((ended) => endings.push(ended));
  void window.setDirectories([join(folder, 'runs')]);
  return window;
}

async function start(signal?: AbortSignal): Promise<ReadableRun> {
  const directory = runs.newDirectory(recipe, join(folder, 'runs'));
  const options = { timeoutMs: PATIENCE_MS, ...(signal === undefined ? {} : { signal }) };
  const card = await runs.start(recipe, directory, options);
  assert.ok(card.kind === 'run');
  return card;
}

const until = (directory: string, what: string, expected: (card: ReadableRun) => boolean) =>
  untilRun(runs, directory, what, expected, PATIENCE_MS);

test('a run is started, paused, stepped, checkpointed, found by the next window, and stopped', async () => {
  const { directory } = await start();
  await until(directory, 'at step 1', stepsFrom(1));

  const live = await until(directory, 'running', is('running'));
  assert.match(await sendCommand(live, 'pause'), /paused/);
  const paused = await until(directory, 'paused', is('paused'));
  const step = paused.latest?.step ?? 0;
  await assert.rejects(sendCommand(paused, 'pause'), /paused already/);

  await sendCommand(paused, 'step');
  await until(directory, 'one step further', stepsFrom(step + 1));
  const still = await until(directory, 'paused again', is('paused'));
  assert.equal(still.latest?.step, step + 1);
  const said = await sendCommand(still, 'checkpoint');
  assert.ok(existsSync(join(directory, 'checkpoints')), said);

  // The window is closed and another one opened: the run is where it was.
  runs.dispose();
  runs = newWindow();
  const found = await until(directory, 'found again', is('paused'));
  assert.equal(runs.active?.directory, directory);
  await sendCommand(found, 'resume');
  const going = await until(directory, 'going on', is('running'));
  await sendCommand(going, 'stop');
  const stopped = await until(directory, 'stopped', is('stopped'));
  assert.equal(stopped.manifest.endpoint, null);
  await assert.rejects(sendCommand(stopped, 'pause'), /takes no commands/);
  assert.deepEqual(
    endings.map(({ status }) => status.kind),
    ['stopped'],
  );
});

test('a killed engine shows as crashed, and goes on from its checkpoint', async () => {
  const { directory, manifest } = await start();
  const before = await until(directory, 'past a checkpoint', stepsFrom(3));
  process.kill(manifest.pid, 'SIGKILL');
  const crashed = await until(directory, 'crashed', is('crashed'));
  assert.ok('next' in crashed.status && /[Rr]esume/.test(crashed.status.next));
  assert.ok((crashed.latest?.step ?? 0) >= (before.latest?.step ?? 0), 'all it wrote is there');

  const resumed = await runs.continue(directory, { timeoutMs: PATIENCE_MS });
  assert.ok(resumed.kind === 'run');
  assert.notEqual(resumed.manifest.pid, manifest.pid);
  assert.equal(resumed.manifest.run_id, manifest.run_id);
  const on = await until(directory, 'further', stepsFrom((crashed.latest?.step ?? 0) + 1));
  assert.equal(on.status.kind, 'running');
  assert.equal(on.manifest.name, 'small');
  await sendCommand(on, 'stop');
  await until(directory, 'stopped', is('stopped'));
});

test('a run goes on when the window that started it is killed', async () => {
  const directory = join(folder, 'runs', 'orphan');
  const script = fileURLToPath(new URL('launch-and-leave.ts', import.meta.url));
  const window = spawn(process.execPath, [script, engine, recipe, directory], { stdio: 'ignore' });
  await new Promise((resolve) => window.once('exit', resolve));
  const found = await until(directory, 'found', is('running'));
  const later = await until(directory, 'two steps on', stepsFrom((found.latest?.step ?? 0) + 2));
  await sendCommand(later, 'stop');
  await until(directory, 'stopped', is('stopped'));
});

test('a start that is cancelled leaves no process and no directory', async () => {
  const cancel = new AbortController();
  const directory = runs.newDirectory(recipe, join(folder, 'runs'));
  const options = { timeoutMs: PATIENCE_MS, signal: cancel.signal };
  const starting = runs.start(recipe, directory, options);
  setTimeout(() => cancel.abort(), 150);
  await assert.rejects(starting, { name: 'CancelledError' });
  for (let i = 0; existsSync(directory) && i < 100; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.ok(!existsSync(directory));
  await runs.refresh();
  assert.deepEqual(runs.cards, []);
});

const wrong: [string, string, RegExp][] = [
  ['an unknown key', `${small}num_generation: 8\n`, /num_generation.*num_generations/s],
  ['a value of the wrong type', small.replace('1000', 'many'), /max_steps/],
  ['no YAML', '{ a: [', /small\.yaml/],
  ['a missing checkpoint', small.replace('base', './nowhere'), /nowhere/],
];
for (const [name, text, sentence] of wrong) {
  test(`a recipe with ${name} is refused in a plain sentence`, async () => {
    await writeFile(recipe, text);
    const directory = runs.newDirectory(recipe, join(folder, 'runs'));
    await assert.rejects(runs.start(recipe, directory, { timeoutMs: PATIENCE_MS }), (error) => {
      assert.ok(error instanceof PlainError);
      assert.match(error.message, sentence);
      assert.notEqual(error.next, '');
      assert.doesNotMatch(error.message, /\n\s+at /, 'no stack trace');
      return true;
    });
    // The same words are in the log, for whoever looks there.
    assert.match(await readFile(runs.logFile(directory), 'utf8'), sentence);
  });
}
