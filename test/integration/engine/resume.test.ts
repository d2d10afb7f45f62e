import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { metricsOf } from '../contract/records.ts';
import {
  Engine,
  eventsOf,
  recipeFile,
  runEngine,
  smallRecipe,
  temporaryFolder,
  untilEvent,
} from './support.ts';

async function assertSameFile(one: string, other: string): Promise<void> {
  assert.ok((await readFile(one)).equals(await readFile(other)), `${one} differs from ${other}`);
}

async function assertSameCheckpoint(one: string, other: string): Promise<void> {
  const names = await readdir(one);
  assert.ok(names.includes('model.safetensors') && names.includes('optimizer.safetensors'));
  for (const name of names) await assertSameFile(join(one, name), join(other, name));
}

test('a run that stopped and went on is bit for bit the run that did not', async () => {
  // The reference policy has to come back as well, and rounds that feed several updates.
  const extra = 'beta: 0.05\nnum_iterations: 2\ngeneration_batch_size: 16\nfork_policy: random\n';
  const steps = 8;
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
  assert.deepEqual(saved, [4, 8]);
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
