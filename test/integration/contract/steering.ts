import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { RunClient } from '../../../src/run/client.ts';
import { EVENTS, LOG, RECIPE, ROLLOUTS } from '../../../src/run/files.ts';
import { manifestPath } from '../../../src/run/files.ts';
import { readManifest } from '../../../src/run/manifest-file.ts';
import type { ReadyLine } from '../../../src/run/model/stream.ts';
import { RunStore } from '../../../src/run/store.ts';
import { until } from '../../fixtures/run.ts';
import { Engine, eventsOf, temporaryFolder, untilEvent } from '../engine/support.ts';
import { asking } from './asking.ts';
import type { TestedEngine } from './engines.ts';
import { assertAddsUp } from './records.ts';

/** A run that goes on until it is stopped. */
export interface LiveRun {
  tested: TestedEngine;
  engine: Engine;
  ready: ReadyLine;
  folder: string;
  recipe: string;
  directory: string;
}

export async function serve(
  t: TestContext,
  tested: TestedEngine,
  ...more: string[]
): Promise<LiveRun> {
  const folder = await temporaryFolder();
  const recipe = await tested.recipe(folder);
  const directory = join(folder, 'run');
  const args = ['--serve', recipe, '--output_dir', directory, ...more];
  const engine = new Engine(args, { cwd: folder }, tested.program);
  t.after(() => engine.kill());
  return { tested, engine, ready: await engine.ready(), folder, recipe, directory };
}

export async function connected(
  t: TestContext,
  { url, token }: { url: string; token: string },
  mirror: string | null,
): Promise<RunClient> {
  const client = new RunClient({ url, token, mirror });
  t.after(() => client.dispose());
  while (client.state.kind !== 'connected') {
    assert.notEqual(client.state.kind, 'refused');
    await new Promise((resolve) => client.onDidChangeState(resolve));
  }
  return client;
}

/** One live run, seen through from its first line to its last: a start takes seconds. */
export function steering(tested: TestedEngine): void {
  const { name } = tested;
  test('a live run says where it is, is watched, steered, asked and stopped', async (t) => {
    const live = await serve(t, tested, '--max_steps', '100000');
    const { engine, ready, directory, folder, recipe } = live;
    const stepsSoFar = async () =>
      (await eventsOf(directory)).filter(({ type }) => type === 'step').length;
    const mirrors = [join(folder, 'mirror'), join(folder, 'late'), join(folder, 'gone and back')];
    const [mirror = '', late = '', back = ''] = mirrors;

    await t.test('the ready line and the manifest say the same', async () => {
      assert.equal(ready.run_directory, directory);
      assert.equal(ready.pid, engine.child.pid);
      const manifest = await readManifest(directory);
      assert.equal(manifest.engine.name, name);
      assert.deepEqual(manifest.endpoint, { url: ready.url, token: ready.token });
      assert.deepEqual([manifest.pid, manifest.host], [ready.pid, hostname()]);
      assert.deepEqual([manifest.strategy, manifest.max_steps], ['adaptive', 100_000]);
      assert.equal(manifest.recipe.max_steps, 100_000, 'what the command line set');
      assert.equal(manifest.recipe.uncertainty_threshold, 0.7, 'what nobody set');
      assert.ok((await readFile(recipe)).equals(await readFile(join(directory, RECIPE))));
      if (process.platform !== 'win32') {
        const { mode } = await stat(manifestPath(directory));
        assert.equal(mode & 0o077, 0, 'the token is for its owner only');
      }
    });

    await t.test('nobody is answered without the token, and no web page with it', async () => {
      const authorization = `Bearer ${ready.token}`;
      const ask = async (headers: Record<string, string>) =>
        (await fetch(`${ready.url}/v1/models`, { headers })).status;
      assert.equal(await ask({}), 401);
      assert.equal(await ask({ authorization: 'Bearer wrong' }), 401);
      assert.equal(await ask({ authorization, origin: 'https://evil.example' }), 403);
      assert.equal(await ask({ authorization }), 200);
      const stranger = new RunClient({ url: ready.url, token: 'wrong', mirror: null });
      t.after(() => stranger.dispose());
      await until('it is refused', () => stranger.state.kind === 'refused', 30_000);
    });

    const client = await connected(t, ready, mirror);
    const gone = await connected(t, ready, back);
    await t.test('it is paused, and does steps one at a time', async () => {
      assert.equal((await client.command('pause')).outcome, 'applied');
      await untilEvent(engine, directory, ({ type }) => type === 'run_paused');
      gone.dispose();
      const store = await RunStore.open(directory);
      t.after(() => store.dispose());
      assert.equal(store.status.kind, 'paused');
      assert.equal((await client.command('pause')).outcome, 'refused', 'it is already');
      const before = await stepsSoFar();
      assert.equal((await client.command('step', { count: 2 })).outcome, 'applied');
      await untilEvent(
        engine,
        directory,
        (event) => event.type === 'step' && event.step === before + 2,
      );
      await until('it is paused again', () => store.status.kind === 'paused', 30_000);
      assert.equal(await stepsSoFar(), before + 2);
    });

    await t.test('what may change is changed, what may not is refused', async () => {
      const { recipe: before } = await readManifest(directory);
      const set = await client.command('set', {
        uncertainty_threshold: 0.5,
        learning_rate: 0.002,
      });
      assert.equal(
        set.message,
        `uncertainty_threshold: 0.7 → 0.5, learning_rate: ${String(before.learning_rate)} → 0.002.`,
      );
      const fixed = await client.command('set', { num_generations: 2 });
      assert.equal(fixed.outcome, 'refused');
      assert.match(fixed.message, /cannot be changed while a run goes on/);
      for (const wrong of [
        { uncertainty_threshold: 7 },
        { temperature: 'warm' },
        { nonsense: 1 },
      ]) {
        const { outcome, message } = await client.command('set', wrong);
        assert.equal(outcome, 'refused', JSON.stringify(wrong));
        assert.match(message, new RegExp(Object.keys(wrong)[0] ?? ''));
      }
      const { recipe: after } = await readManifest(directory);
      assert.deepEqual(after, { ...before, uncertainty_threshold: 0.5, learning_rate: 0.002 });
    });

    await t.test('a checkpoint is written where the answer says', async () => {
      const { message } = await client.command('checkpoint');
      const path = tested.checkpoint(await stepsSoFar());
      assert.ok(message.includes(path), message);
      for (const file of ['config.json', 'model.safetensors', 'tokenizer.json']) {
        await stat(join(directory, path, file));
      }
    });

    await asking(t, live, client);

    await t.test(
      'it goes on, also for who comes late or comes back, and stops with a checkpoint',
      async () => {
        const before = await stepsSoFar();
        assert.equal((await client.command('resume')).outcome, 'applied');
        const others = [await connected(t, ready, late), await connected(t, ready, back)];
        await untilEvent(
          engine,
          directory,
          (event) => event.type === 'step' && event.step === before + 3,
        );
        assert.equal((await client.command('stop')).outcome, 'applied');
        const ended = await engine.ended;
        assert.deepEqual([ended.code, ended.signal], [0, null], ended.stderr);
        assert.equal(ended.stdout.trim().split('\n').length, 1, 'stdout is one line');
        assert.ok((await stat(join(directory, LOG))).size > 0);
        await Promise.all([client, ...others].map(({ stopped }) => stopped));
        // What was seen from afar is, byte for byte, what was written.
        for (const seen of mirrors) {
          for (const file of [EVENTS, ROLLOUTS]) {
            const [theirs, ours] = await Promise.all(
              [seen, directory].map((each) => readFile(join(each, file))),
            );
            assert.ok(theirs && ours?.equals(theirs), `${file} in ${seen}`);
          }
        }
      },
    );

    await t.test('everything that happened is in its log, and adds up', async () => {
      const events = await eventsOf(directory);
      assert.deepEqual(
        events.map(({ seq }) => seq),
        events.map((_, i) => i),
      );
      const commands = events.flatMap((event) =>
        event.type === 'command' ? [`${event.command} ${event.outcome}`] : [],
      );
      assert.deepEqual(commands, [
        ...['pause applied', 'pause refused', 'step applied', 'set applied'],
        ...['set refused', 'set refused', 'set refused', 'set refused'],
        ...['checkpoint applied', 'resume applied', 'pause applied'],
        ...['resume applied', 'stop applied'],
      ]);
      const end = events.at(-1);
      assert.ok(end?.type === 'run_finished' && end.reason === 'stopped');
      const last = events.findLast((event) => event.type === 'step');
      assert.ok(last?.type === 'step' && last.metrics.learning_rate === 0.002);
      await stat(join(directory, tested.checkpoint(last.step), 'model.safetensors'));
      const store = await RunStore.open(directory);
      t.after(() => store.dispose());
      assert.deepEqual([store.status.kind, store.problems], ['stopped', []]);
      assert.equal(store.manifest.endpoint, null);
      assertAddsUp(store);
    });

    await t.test('what was set holds when it goes on', async () => {
      const again = [
        '--resume_from_checkpoint',
        'true',
        '--max_steps',
        String((await stepsSoFar()) + 1),
      ];
      const resumed = new Engine(
        [recipe, '--output_dir', directory, ...again],
        { cwd: folder },
        tested.program,
      );
      const ended = await resumed.ended;
      assert.equal(ended.code, 0, ended.stderr);
      const { recipe: kept, state } = await readManifest(directory);
      assert.deepEqual(
        [kept.uncertainty_threshold, kept.learning_rate, state],
        [0.5, 0.002, 'finished'],
      );
      const last = (await eventsOf(directory)).findLast((event) => event.type === 'step');
      assert.ok(last?.type === 'step' && last.metrics.learning_rate === 0.002);
    });
  });
}
