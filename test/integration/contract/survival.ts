import assert from 'node:assert/strict';
import { appendFile, readFile, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import OpenAI from 'openai';
import { EVENTS, ROLLOUTS } from '../../../src/run/files.ts';
import { RunStore } from '../../../src/run/store.ts';
import { readManifest } from '../../../src/run/manifest-file.ts';
import {
  Engine,
  eventsOf,
  failedLineOf,
  temporaryFolder,
  untilEvent,
  type Ended,
} from '../engine/support.ts';
import type { TestedEngine } from './engines.ts';
import { assertAddsUp, metricsOf, shownOf } from './records.ts';
import { connected, serve } from './steering.ts';

/** Whatever happens to a run on its way, in the end it is the run that nothing happened to. */
export function survival(tested: TestedEngine): void {
  const { steps, program } = tested;
  const all = ['--max_steps', String(steps)];
  const weights = join(tested.checkpoint(steps), 'model.safetensors');
  let folder = '';
  let recipe = '';
  let whole = '';

  const start = (...args: string[]) => new Engine([recipe, ...args], { cwd: folder }, program);
  const finish = async (...args: string[]): Promise<Ended> => {
    const ended = await start(...args).ended;
    assert.equal(ended.code, 0, ended.stderr);
    return ended;
  };

  before(async () => {
    folder = await temporaryFolder();
    recipe = await tested.recipe(folder);
    whole = join(folder, 'whole');
    await finish('--output_dir', whole, ...all);
  });

  /** The same weights, the same figures, the same trees. */
  async function assertIsTheWholeRun(directory: string): Promise<void> {
    const [ours, theirs] = [
      await readFile(join(directory, weights)),
      await readFile(join(whole, weights)),
    ];
    assert.ok(ours.equals(theirs), 'the weights differ');
    assert.deepEqual(await metricsOf(directory), await metricsOf(whole));
    assert.deepEqual(await shownOf(directory), await shownOf(whole));
    const store = await RunStore.open(directory);
    try {
      assert.equal(store.status.kind, 'finished');
      assert.equal(store.steps.length, steps);
      assertAddsUp(store);
    } finally {
      store.dispose();
    }
  }

  test('watching, pausing, forking and saving change nothing about the training', async (t) => {
    const live = await serve(t, tested, ...all);
    const client = await connected(t, live.ready, join(live.folder, 'mirror'));
    const openai = new OpenAI({
      baseURL: `${live.ready.url}/v1`,
      apiKey: live.ready.token,
      maxRetries: 0,
    });
    const model = (await openai.models.list()).data[0]?.id ?? '';
    await client.command('pause');
    for (let step = 0; step < 2; step++) {
      await openai.completions.create({ model, prompt: tested.prompt, n: 5, seed: step });
      await client.command('checkpoint');
      await client.command('step');
    }
    await client.command('resume');
    const ended = await live.engine.ended;
    assert.equal(ended.code, 0, ended.stderr);
    await assertIsTheWholeRun(live.directory);
    const [ours, theirs] = [live.directory, whole].map((each) => readFile(join(each, ROLLOUTS)));
    assert.ok((await ours)?.equals((await theirs) ?? Buffer.alloc(0)));
  });

  test('a run that is there already is not written over', async () => {
    const before = await readManifest(whole);
    const again = await start('--serve', '--output_dir', whole).ended;
    assert.notEqual(again.code, 0);
    const { message, next } = failedLineOf(again);
    assert.match(message, / already\.$/);
    assert.match(next, /resume|output_dir/);
    assert.deepEqual(await readManifest(whole), before);
  });

  test('killed, killed again and told to end, it goes on each time, and ends as it would have', async (t) => {
    const directory = join(folder, 'ill-fated');
    const [early, later, last] = tested.moments;
    const output = ['--output_dir', directory, '--max_steps', String(steps)];
    const resume = ['--resume_from_checkpoint', 'true'];
    const stepDone = (engine: Engine, step: number) =>
      untilEvent(engine, directory, (event) => event.type === 'step' && event.step >= step);
    const savedSteps = async () =>
      (await eventsOf(directory)).flatMap((event) =>
        event.type === 'checkpoint' ? [event.step] : [],
      );
    const resumedFrom = async () =>
      (await eventsOf(directory)).flatMap((event) =>
        event.type === 'run_started' ? [event.resumed_from_step] : [],
      );

    await t.test('killed before its first checkpoint', async () => {
      const engine = start(...output, '--serve');
      t.after(() => engine.kill());
      await engine.ready();
      await stepDone(engine, early);
      // The log shows a step done: the engine is in the middle of the next.
      engine.child.kill('SIGKILL');
      assert.equal((await engine.ended).signal, 'SIGKILL');
      // And, as a crash may leave it: half a line, half a batch.
      await appendFile(join(directory, EVENTS), '{"seq":99,"time":"2026');
      const rollouts = join(directory, ROLLOUTS);
      const { size } = await stat(rollouts);
      await appendFile(rollouts, (await readFile(rollouts)).subarray(0, 3000));
      await truncate(rollouts, size + 1000);

      const store = await RunStore.open(directory);
      t.after(() => store.dispose());
      assert.equal(store.status.kind, 'crashed');
      assert.ok(store.steps.length >= early, 'all that was written is there');
      assertAddsUp(store);
      for (const { step, prompt_id } of store.groups()) {
        for (const { segment_id, length } of store.tree(step, prompt_id)) {
          assert.equal((await store.tokens(segment_id)).token_ids.length, length);
        }
      }
    });

    await t.test('killed once more, after one', async () => {
      const engine = start(...output, ...resume);
      t.after(() => engine.kill());
      await stepDone(engine, later);
      await engine.kill();
      assert.ok((await savedSteps()).length > 0);
    });

    await t.test('told to end: after the step, with a checkpoint', async () => {
      const engine = start(...output, ...resume);
      t.after(() => engine.kill());
      await stepDone(engine, last);
      engine.child.kill('SIGTERM');
      const ended = await engine.ended;
      assert.deepEqual([ended.code, ended.signal], [0, null], ended.stderr);
      assert.match(ended.stdout, /Stopped\. It can go on with --resume_from_checkpoint true\./);
      const events = await eventsOf(directory);
      const end = events.at(-1);
      assert.ok(end?.type === 'run_finished' && end.reason === 'stopped');
      const saved = events.findLast((event) => event.type === 'checkpoint');
      const done = events.findLast((event) => event.type === 'step');
      assert.ok(saved?.type === 'checkpoint' && done?.type === 'step');
      assert.equal(saved.step, done.step);
      await stat(join(directory, saved.path, 'model.safetensors'));
      const store = await RunStore.open(directory);
      t.after(() => store.dispose());
      assert.deepEqual([store.status.kind, store.manifest.endpoint], ['stopped', null]);
      // A machine that is slow may have come to its first checkpoint when it was killed.
      const [first, ...resumes] = await resumedFrom();
      assert.equal(first, null);
      assert.deepEqual(
        resumes.map((step) => (step ?? NaN) % tested.saveSteps),
        [0, 0],
      );
      assert.ok((resumes[1] ?? 0) > 0);
    });

    await t.test('the end is that of the run that nothing happened to', async () => {
      await finish(...output, ...resume);
      await assertIsTheWholeRun(directory);
    });
  });
}
