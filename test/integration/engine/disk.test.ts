import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, chown, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RunStore } from '../../../src/run/store.ts';
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

const isRoot = process.platform === 'linux' && process.getuid?.() === 0;
/** Who may not write what root owns. */
const nobody = 65534;

/** A real, small disk; null (and the test skipped, saying why) where none can be made. */
async function smallDisk(t: TestContext, megabytes: number): Promise<string | null> {
  if (!isRoot) {
    t.skip('a small disk is a tmpfs mount, which takes root on Linux');
    return null;
  }
  const disk = join(await temporaryFolder(), 'disk');
  await mkdir(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', disk]);
  } catch {
    t.skip('mounting a tmpfs is not allowed here');
    return null;
  }
  t.after(() => execFileSync('umount', ['--lazy', disk]));
  return disk;
}

async function fill(disk: string): Promise<void> {
  await assert.rejects(writeFile(join(disk, 'filler'), Buffer.alloc(64 << 20)), { code: 'ENOSPC' });
}

/** The newest step in the lines that a headless engine prints. */
const stepOf = (engine: Engine) =>
  Number([...engine.stdout.matchAll(/^step (\d+)\//gm)].at(-1)?.[1] ?? 0);

async function untilStep(engine: Engine, step: number): Promise<void> {
  while (stepOf(engine) < step) {
    assert.equal(engine.child.exitCode, null, 'training must go on');
    await sleep(20);
  }
}

test('a full disk: training goes on, what was lost is counted, nothing is torn', async (t) => {
  const disk = await smallDisk(t, 16);
  if (disk === null) return;
  const recipe = await recipeFile(await temporaryFolder());
  const directory = join(disk, 'run');
  const engine = new Engine([recipe, '--output_dir', directory, '--max_steps', '1000']);
  t.after(() => engine.kill());
  await untilEvent(engine, directory, ({ type }) => type === 'step');
  await fill(disk);
  const full = stepOf(engine);
  await untilStep(engine, full + 4);
  await rm(join(disk, 'filler'));
  await untilStep(engine, stepOf(engine) + 2);
  engine.child.kill('SIGTERM');
  const ended = await engine.ended;
  assert.equal(ended.code, 0, ended.stderr);

  // Events are small: they waited for room, and none is missing.
  const store = await RunStore.open(directory);
  t.after(() => store.dispose());
  const steps = store.steps.map(({ step }) => step);
  assert.deepEqual(
    steps,
    steps.map((_, i) => i + 1),
  );
  assert.equal(store.status.kind, 'stopped');
  assert.deepEqual(store.problems, []);
  // Rollouts are not: their loss is said, and the steps that show none are those.
  const lost = (await eventsOf(directory)).flatMap((event) =>
    event.type === 'warning' && event.code === 'rollouts_lost' ? [event.message] : [],
  );
  assert.match(lost[0] ?? '', /^The disk is full: .* segments of step \d+ are not recorded/);
  const shown = new Set(store.groups().map(({ step }) => step));
  const missing = steps.filter((step) => !shown.has(step));
  assert.ok(missing.length >= 3, `missing ${missing.join()}`);
  assert.equal(lost.length, missing.length);
  assert.ok(shown.has(1) && shown.has(steps.length));
});

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

test('a disk that is full from the start: a sentence, and exit code 1', async (t) => {
  const disk = await smallDisk(t, 1);
  if (disk === null) return;
  const recipe = await recipeFile(await temporaryFolder());
  await fill(disk);
  const ended = await runEngine([recipe, '--serve', '--output_dir', join(disk, 'run')]);
  assert.equal(ended.code, 1);
  const { message, next } = failedLineOf(ended);
  assert.match(message, /^The disk is full: /);
  assert.match(next, /Free some space/);
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
