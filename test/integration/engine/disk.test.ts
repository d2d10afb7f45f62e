import assert from 'node:assert/strict';
import { chmod, chown, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { RunStore } from '../../../src/run/store.ts';
import { isRoot, smallDisk } from '../contract/disks.ts';
import {
  Engine,
  eventsOf,
  failedLineOf,
  recipeFile,
  runEngine,
  smallRecipe,
  temporaryFolder,
  untilEvent,
} from './support.ts';

/** Who may not write what root owns. */
const nobody = 65534;

test('a checkpoint that does not fit: said, nothing half written, the run ends as failed', async (t) => {
  const disk = await smallDisk(t, 3);
  if (disk === null) return;
  const recipe = await recipeFile(await temporaryFolder());
  const directory = join(disk, 'run');
  const ended = await runEngine([recipe, '--output_dir', directory, '--max_steps', '2']);
  assert.equal(ended.code, 1);
  assert.match(ended.stderr, /checkpoint .*step-2 could not be written.*ENOSPC/s);
  const last = (await eventsOf(directory)).at(-1);
  assert.ok(last?.type === 'run_failed');
  assert.match(last.message, /could not be written/);
  assert.notEqual(last.next, '');
  assert.deepEqual(await readdir(join(directory, 'checkpoints')), []);
  const store = await RunStore.open(directory);
  assert.equal(store.status.kind, 'failed');
  assert.equal(store.manifest.endpoint, null);
  store.dispose();
});

test('a checkpoint on the way that cannot be written: said, training goes on; the last one ends it', async () => {
  const folder = await temporaryFolder();
  const recipe = await recipeFile(folder, `${smallRecipe}save_steps: 1\n`);
  const directory = join(folder, 'run');
  await mkdir(directory);
  // A file where the folder should be: nothing can be saved, whoever one is.
  await writeFile(join(directory, 'checkpoints'), '');
  const ended = await runEngine([recipe, '--output_dir', directory, '--max_steps', '2']);
  assert.equal(ended.code, 1, ended.stderr);
  assert.match(ended.stderr, /checkpoint .*step-2 could not be written/);
  const events = await eventsOf(directory);
  assert.deepEqual(
    events.flatMap((event) => (event.type === 'step' ? [event.step] : [])),
    [1, 2],
  );
  const warnings = events.flatMap((event) => (event.type === 'warning' ? [event] : []));
  assert.deepEqual(
    warnings.map(({ code }) => code),
    ['checkpoint_lost', 'checkpoint_lost'],
  );
  assert.match(warnings[0]?.message ?? '', /checkpoint .*step-1 could not be written.*goes on/);
  assert.equal(events.at(-1)?.type, 'run_failed');
});

test('a folder that may not be written: a sentence, and exit code 1', async (t) => {
  if (!isRoot) {
    t.skip('becoming a user who may not write takes root');
    return;
  }
  const folder = await temporaryFolder();
  await chmod(folder, 0o755);
  const recipe = await recipeFile(folder);
  const options = { uid: nobody, gid: nobody, cwd: '/' };
  const ended = await runEngine([recipe, '--serve', '--output_dir', join(folder, 'run')], options);
  assert.equal(ended.code, 1);
  const { message, next } = failedLineOf(ended);
  assert.match(message, /may not be written/);
  assert.match(next, /Choose another output_dir/);
  await assert.rejects(stat(join(folder, 'run')));
});

test('a folder that becomes read-only: training goes on, the lost checkpoint ends it', async (t) => {
  if (!isRoot) {
    t.skip('becoming a user who may not write takes root');
    return;
  }
  const folder = await temporaryFolder();
  await chmod(folder, 0o755);
  const recipe = await recipeFile(folder);
  const directory = join(folder, 'run');
  await mkdir(directory);
  await chown(directory, nobody, nobody);
  const engine = new Engine([recipe, '--output_dir', directory, '--max_steps', '5'], {
    ...{ uid: nobody, gid: nobody, cwd: '/' },
  });
  t.after(() => engine.kill());
  await untilEvent(engine, directory, ({ type }) => type === 'step');
  await chmod(directory, 0o555);
  const ended = await engine.ended;
  assert.equal(ended.code, 1);
  assert.match(ended.stderr, /checkpoint .*step-5 could not be written/);
  const events = await eventsOf(directory);
  assert.equal(events.filter(({ type }) => type === 'step').length, 5);
  assert.equal(events.at(-1)?.type, 'run_failed');
});
