import assert from 'node:assert/strict';
import { appendFile, readFile, readdir, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RunStore } from '../../../src/run/store.ts';
import {
  Engine,
  eventsOf,
  recipeFile,
  runEngine,
  smallRecipe,
  temporaryFolder,
  untilEvent,
} from './support.ts';

/** The metrics of every step that count, that is, all but how long things took. */
async function metricsOf(directory: string) {
  const store = await RunStore.open(directory);
  try {
    return store.steps.map(({ step, metrics }) => [
      step,
      Object.fromEntries(Object.entries(metrics).filter(([name]) => !name.startsWith('time/'))),
    ]);
  } finally {
    store.dispose();
  }
}

async function assertSameFile(one: string, other: string): Promise<void> {
  assert.ok((await readFile(one)).equals(await readFile(other)), `${one} differs from ${other}`);
}

async function assertSameCheckpoint(one: string, other: string): Promise<void> {
  const names = await readdir(one);
  assert.ok(names.includes('model.safetensors') && names.includes('optimizer.safetensors'));
  for (const name of names) await assertSameFile(join(one, name), join(other, name));
}

const kinds = [
  { kind: 'plain', extra: '', steps: 4 },
  {
    // The reference policy has to come back as well, and rounds that feed several updates.
    kind: 'with a reference and four updates a round',
    extra: 'beta: 0.05\nnum_iterations: 2\ngeneration_batch_size: 16\nfork_policy: random\n',
    steps: 8,
  },
];
for (const { kind, extra, steps } of kinds) {
  test(`a run that stopped and went on is bit for bit the run that did not (${kind})`, async () => {
    const folder = await temporaryFolder();
    const recipe = await recipeFile(folder, `${smallRecipe}${extra}save_steps: 3\n`);
    const whole = join(folder, 'whole');
    const parts = join(folder, 'parts');
    const all = [recipe, '--max_steps', String(steps)];
    const first = await runEngine([...all, '--output_dir', whole]);
    assert.equal(first.code, 0, first.stderr);
    const half = ['--output_dir', parts, `--max-steps=${steps / 2}`];
    assert.equal((await runEngine([recipe, ...half])).code, 0);
    const again = ['--output_dir', parts, '--resume_from_checkpoint', 'true'];
    const second = await runEngine([...all, ...again]);
    assert.equal(second.code, 0, second.stderr);

    const last = join('checkpoints', `step-${steps}`);
    await assertSameCheckpoint(join(whole, last), join(parts, last));
    await assertSameFile(join(whole, 'rollouts.arrows'), join(parts, 'rollouts.arrows'));
    assert.deepEqual(await metricsOf(parts), await metricsOf(whole));
    assert.equal((await metricsOf(whole)).length, steps);
    const starts = (await eventsOf(parts)).filter(({ type }) => type === 'run_started');
    assert.deepEqual(
      starts.map((event) => event.type === 'run_started' && event.resumed_from_step),
      [null, steps / 2],
    );
    // `save_steps` may fall between two updates of a round: the checkpoint comes after the round.
    const saved = (await eventsOf(whole)).flatMap((event) =>
      event.type === 'checkpoint' ? [event.step] : [],
    );
    assert.deepEqual(saved, steps === 4 ? [3, 4] : [4, 8]);
  });
}

test('killed in mid-step: all that was written is there, the run shows as crashed and goes on', async () => {
  const folder = await temporaryFolder();
  const recipe = await recipeFile(folder);
  const whole = join(folder, 'whole');
  const crashed = join(folder, 'crashed');
  assert.equal((await runEngine([recipe, '--output_dir', whole])).code, 0);

  const often = ['--output_dir', crashed, '--save_steps', '2'];
  const engine = new Engine([recipe, ...often, '--serve', '--max_steps', '1000']);
  await engine.ready();
  await untilEvent(engine, crashed, (event) => event.type === 'step' && event.step === 3);
  // The log shows step 3 done: the engine is in the middle of the next.
  engine.child.kill('SIGKILL');
  assert.equal((await engine.ended).signal, 'SIGKILL');
  // And, as a crash may leave it: half a line, half a batch.
  await appendFile(join(crashed, 'events.jsonl'), '{"seq":99,"time":"2026');
  const rollouts = join(crashed, 'rollouts.arrows');
  const { size } = await stat(rollouts);
  await appendFile(rollouts, (await readFile(rollouts)).subarray(size - 5000, size - 3000));
  await truncate(rollouts, size + 1000);

  const store = await RunStore.open(crashed);
  try {
    assert.equal(store.status.kind, 'crashed');
    const steps = store.steps.map(({ step }) => step);
    assert.ok(steps.length >= 3);
    assert.deepEqual(
      steps,
      steps.map((_, i) => i + 1),
    );
    const groups = store.groups();
    assert.ok(groups.length >= 6);
    for (const { step, prompt_id } of groups) {
      for (const { segment_id, length } of store.tree(step, prompt_id)) {
        assert.equal((await store.tokens(segment_id)).token_ids.length, length);
      }
    }
  } finally {
    store.dispose();
  }

  const again = await runEngine([recipe, ...often, '--resume_from_checkpoint', 'true']);
  assert.equal(again.code, 0, again.stderr);
  await assertSameFile(
    join(whole, 'checkpoints', 'step-4', 'model.safetensors'),
    join(crashed, 'checkpoints', 'step-4', 'model.safetensors'),
  );
  assert.deepEqual(await metricsOf(crashed), await metricsOf(whole));

  const [before, after] = [await RunStore.open(whole), await RunStore.open(crashed)];
  try {
    assert.equal(after.status.kind, 'finished');
    assert.deepEqual(after.problems, []);
    // The steps that the crash lost are shown once, as they were done again.
    const shown = (store: RunStore) =>
      store.groups().map(({ step, prompt_id, segments, reward_mean }) => ({
        ...{ step, prompt_id, segments, reward_mean },
      }));
    assert.deepEqual(shown(after), shown(before));
  } finally {
    before.dispose();
    after.dispose();
  }
});

test('killed again and again, at whatever moment, it ends where it would have', async () => {
  const folder = await temporaryFolder();
  const recipe = await recipeFile(folder);
  const directory = join(folder, 'run');
  const often = ['--save_steps', '1', '--save_total_limit', '2', '--max_steps', '8'];
  const begin = [recipe, '--output_dir', directory, ...often];
  const resume = [...begin, '--resume_from_checkpoint', 'true'];
  let begun = false;
  for (let kill = 0; kill < 5; kill++) {
    const engine = new Engine(begun ? resume : begin);
    const already = (await eventsOf(directory)).length;
    // From the moment it is at work to a step or two later: between steps, in them, in checkpoints.
    await untilEvent(engine, directory, ({ seq }) => seq > already);
    await sleep(150 * kill);
    await engine.kill();
    begun = true;
  }
  const ended = await runEngine(resume);
  assert.equal(ended.code, 0, ended.stderr);
  const whole = join(folder, 'whole');
  assert.equal((await runEngine([recipe, '--output_dir', whole, '--max_steps', '8'])).code, 0);
  await assertSameFile(
    join(whole, 'checkpoints', 'step-8', 'model.safetensors'),
    join(directory, 'checkpoints', 'step-8', 'model.safetensors'),
  );
  assert.deepEqual(await metricsOf(directory), await metricsOf(whole));
  const left = await readdir(join(directory, 'checkpoints'));
  assert.deepEqual(left.filter((name) => !name.startsWith('superseded-')).sort(), [
    ...['step-7', 'step-8'],
  ]);
});

test('killed before its first checkpoint: the run begins again in the same place', async () => {
  const folder = await temporaryFolder();
  const recipe = await recipeFile(folder);
  const directory = join(folder, 'run');
  const engine = new Engine([recipe, '--output_dir', directory]);
  await untilEvent(engine, directory, ({ type }) => type === 'step');
  await engine.kill();
  const again = ['--output_dir', directory, '--resume_from_checkpoint', 'true'];
  const ended = await runEngine([recipe, ...again, '--max_steps', '2']);
  assert.equal(ended.code, 0, ended.stderr);
  const store = await RunStore.open(directory);
  assert.deepEqual([store.steps.map(({ step }) => step), store.status.kind], [[1, 2], 'finished']);
  store.dispose();
});

test('a signal ends the run after the step, with a checkpoint to go on from', async () => {
  const folder = await temporaryFolder();
  const recipe = await recipeFile(folder);
  const directory = join(folder, 'run');
  const engine = new Engine([recipe, '--output_dir', directory, '--max_steps', '1000']);
  await untilEvent(engine, directory, ({ type }) => type === 'step');
  engine.child.kill('SIGTERM');
  const ended = await engine.ended;
  assert.deepEqual([ended.code, ended.signal], [0, null], ended.stderr);
  assert.match(ended.stdout, /Stopped\. It can go on with --resume_from_checkpoint true\./);
  const events = await eventsOf(directory);
  const last = events.at(-1);
  assert.ok(last?.type === 'run_finished' && last.reason === 'stopped');
  const checkpoint = events.find(({ type }) => type === 'checkpoint');
  assert.ok(checkpoint?.type === 'checkpoint');
  await stat(join(directory, checkpoint.path, 'model.safetensors'));
  const store = await RunStore.open(directory);
  assert.equal(store.status.kind, 'stopped');
  assert.equal(store.manifest.endpoint, null);
  store.dispose();
});
