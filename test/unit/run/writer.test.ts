import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFile,
  chmod,
  mkdir,
  readFile,
  readdir,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { DiskError } from '../../../src/run/append.ts';
import type { SegmentRow } from '../../../src/run/model/segment.ts';
import { scanEvents, scanRollouts } from '../../../src/run/scan.ts';
import { RunWriter } from '../../../src/run/writer.ts';
import { manifestOf, temporaryDirectory } from '../../fixtures/run.ts';
import { randomFrom, synthesizeTree } from '../../fixtures/synthesize.ts';

const recipe = Buffer.from('# kept, byte for byte \r\nseed: 1');
const tree = (step: number, firstId: number): SegmentRow[] =>
  synthesizeTree(
    { step, prompt_id: 'p', firstId },
    { tokensPerCompletion: 20, skill: 0.5 },
    randomFrom(step),
  );
const started = { type: 'run_started', resumed_from_step: null, superseded: null } as const;

test('a new run directory has all its files, and the manifest is for its owner only', async (t) => {
  const directory = join(await temporaryDirectory(t), 'runs', 'new');
  const writer = await RunWriter.create(directory, manifestOf(), recipe);
  assert.deepEqual(await writer.event(started), { from: 0, to: writer.size.events });
  const written = await writer.rollouts(tree(1, 0));
  assert.equal(written.to, writer.size.rollouts);
  await writer.close();
  assert.deepEqual((await readdir(directory)).sort(), [
    'events.jsonl',
    'recipe.yaml',
    'rollouts.arrows',
    'run.json',
  ]);
  assert.deepEqual(await readFile(join(directory, 'recipe.yaml')), recipe);
  assert.deepEqual(JSON.parse(await readFile(join(directory, 'run.json'), 'utf8')), {
    ...writer.manifest,
  });
  if (process.platform !== 'win32') {
    assert.equal((await stat(join(directory, 'run.json'))).mode & 0o777, 0o600);
  }
});

test('calls made at once are written in order, numbered without gaps', async (t) => {
  const directory = join(await temporaryDirectory(t), 'run');
  const writer = await RunWriter.create(directory, manifestOf(), recipe);
  await Promise.all([
    ...Array.from({ length: 50 }, (_, step) =>
      writer.event({ type: 'step', step, metrics: { reward: step, nan: NaN, inf: Infinity } }),
    ),
    writer.updateManifest({ state: 'paused' }),
  ]);
  await writer.close();
  const lines = (await readFile(join(directory, 'events.jsonl'), 'utf8')).trimEnd().split('\n');
  lines.forEach((line, i) => {
    const event: unknown = JSON.parse(line);
    assert.partialDeepStrictEqual(event, { seq: i, step: i, metrics: { reward: i } });
    assert.ok(!line.includes('nan') && !line.includes('inf'));
  });
  assert.equal(writer.manifest.state, 'paused');
});

test('a second run never writes over a first', async (t) => {
  const directory = await temporaryDirectory(t);
  await (await RunWriter.create(directory, manifestOf(), recipe)).close();
  await assert.rejects(RunWriter.create(directory, manifestOf(), recipe), (error: unknown) => {
    assert.ok(error instanceof DiskError);
    assert.equal(error.code, 'EEXIST');
    assert.match(error.next, /resume/);
    return true;
  });
});

test('resuming cuts off what was torn and goes on with the numbers', async (t) => {
  const directory = await temporaryDirectory(t);
  const rows = tree(1, 0);
  const first = await RunWriter.create(directory, manifestOf({ pid: 2 ** 22 + 1 }), recipe);
  await first.event(started);
  await first.rollouts(rows);
  const { size } = first;
  await first.rollouts(tree(2, rows.length));
  await first.close();
  await appendFile(join(directory, 'events.jsonl'), '{"seq":1,"time":"2026');
  await truncate(join(directory, 'rollouts.arrows'), first.size.rollouts - 100);

  const second = await RunWriter.resume(directory);
  assert.deepEqual(second.size, size);
  assert.equal(second.nextSegmentId, rows.length);
  const at = size.rollouts;
  await second.event({ type: 'run_started', resumed_from_step: 1, superseded: [at, at] });
  await second.rollouts(tree(2, second.nextSegmentId));
  await second.close();
  assert.equal((await scanEvents(directory)).seq, 2);
  const scanned = await scanRollouts(directory);
  assert.equal(scanned.size, second.size.rollouts);
  assert.equal(scanned.segmentId, second.nextSegmentId);
  assert.deepEqual(
    (await readdir(directory)).filter((name) => name.includes('damaged')),
    [],
  );
});

test('what is damaged, not just torn, is kept beside the file', async (t) => {
  const directory = await temporaryDirectory(t);
  const writer = await RunWriter.create(directory, manifestOf({ state: 'failed' }), recipe);
  await writer.rollouts(tree(1, 0));
  await writer.close();
  await appendFile(join(directory, 'rollouts.arrows'), Buffer.alloc(4096));
  await (await RunWriter.resume(directory)).close();
  const [kept] = (await readdir(directory)).filter((name) => name.includes('damaged'));
  assert.ok(kept);
  assert.equal((await stat(join(directory, kept))).size, writer.size.rollouts + 4096);
});

test('a run that another process trains is not taken from it', async (t) => {
  const directory = await temporaryDirectory(t);
  await (await RunWriter.create(directory, manifestOf({ pid: process.ppid }), recipe)).close();
  await assert.rejects(RunWriter.resume(directory), /is still being trained by process/);
});

test('ids that are there already are refused, and nothing is written', async (t) => {
  const directory = await temporaryDirectory(t);
  const writer = await RunWriter.create(directory, manifestOf(), recipe);
  const rows = tree(1, 0);
  await writer.rollouts(rows);
  const { size } = writer;
  await assert.rejects(writer.rollouts(rows), /segment 0 is there already/);
  assert.deepEqual(writer.size, size);
  await writer.close();
});

test('a file in the way is said plainly', async (t) => {
  const file = join(await temporaryDirectory(t), 'file');
  await writeFile(file, '');
  await assert.rejects(RunWriter.create(file, manifestOf(), recipe), DiskError);
  await assert.rejects(RunWriter.create(join(file, 'run'), manifestOf(), recipe), DiskError);
});

test('a listener that throws is no reason not to write', async (t) => {
  const warned = t.mock.method(process, 'emitWarning', () => undefined);
  const directory = join(await temporaryDirectory(t), 'run');
  const writer = await RunWriter.create(directory, manifestOf(), recipe);
  let told = 0;
  writer.onDidWrite(() => {
    throw new Error('not my day');
  });
  const second = writer.onDidWrite(() => {
    told++;
  });
  await writer.event(started);
  second.dispose();
  await writer.event({ type: 'run_paused' });
  await writer.close();
  assert.equal(told, 1);
  assert.equal(warned.mock.callCount(), 3);
});

test('a run that could not be made leaves nothing in the way of the next', async (t) => {
  const directory = await temporaryDirectory(t);
  await mkdir(join(directory, 'recipe.yaml'));
  await assert.rejects(RunWriter.create(directory, manifestOf(), recipe), DiskError);
  assert.deepEqual(await readdir(directory), ['recipe.yaml']);
});

test('a folder that may not be written is said plainly', async (t) => {
  if (process.platform === 'win32') {
    t.skip('Windows keeps no mode of a folder');
    return;
  }
  const directory = join(await temporaryDirectory(t), 'read-only');
  await mkdir(directory, { mode: 0o555 });
  // The superuser may write anywhere, so for the moment this process is nobody.
  const { seteuid } = process;
  const root = process.geteuid?.() === 0;
  await chmod(dirname(directory), 0o755);
  if (root) seteuid?.(65534);
  try {
    await assert.rejects(RunWriter.create(directory, manifestOf(), recipe), (error: unknown) => {
      assert.ok(error instanceof DiskError);
      assert.equal(error.code, 'EACCES');
      assert.match(error.message, /events\.jsonl may not be written\.$/);
      assert.match(error.next, /another output_dir/);
      return true;
    });
  } finally {
    if (root) seteuid?.(0);
  }
});

/** A child that appends batches until the system says no; prints what it was told. */
const child = `
import { RunWriter } from ${JSON.stringify(new URL('../../../src/run/writer.ts', import.meta.url))};
import { synthesizeTree, randomFrom } from ${JSON.stringify(new URL('../../fixtures/synthesize.ts', import.meta.url))};
import { manifestOf } from ${JSON.stringify(new URL('../../fixtures/run.ts', import.meta.url))};
const writer = await RunWriter.create(process.argv[1], manifestOf(), Buffer.from(''));
for (let step = 0; step < 200; step++) {
  const place = { step, prompt_id: 'p', firstId: writer.nextSegmentId };
  const rows = synthesizeTree(place, { tokensPerCompletion: 100, skill: 1 }, randomFrom(step));
  try {
    await writer.rollouts(rows);
  } catch (error) {
    const { name, code, message, next } = error;
    let small = true;
    await writer.event({ type: 'run_paused' }).catch(() => (small = false));
    console.log(JSON.stringify({ name, code, message, next, small, size: writer.size, step }));
    break;
  }
}
`;

const limited = 'trap "" XFSZ; ulimit -f 200; exec "$0" "$@"';
const posix = process.platform === 'win32' ? 'no limit on file sizes on Windows' : false;

test('a write that fails half-way leaves no half batch', { skip: posix }, async (t) => {
  const directory = join(await temporaryDirectory(t), 'run');
  const args = ['-c', limited, process.execPath, '--input-type=module', '-e', child, directory];
  const { stdout, stderr } = spawnSync('sh', args, { encoding: 'utf8' });
  assert.ok(stdout !== '', stderr);
  const said: unknown = JSON.parse(stdout);
  assert.partialDeepStrictEqual(said, { name: 'DiskError', code: 'EFBIG', small: true });
  const { size } = await stat(join(directory, 'rollouts.arrows'));
  assert.partialDeepStrictEqual(said, { size: { rollouts: size } });
  const scanned = await scanRollouts(directory);
  assert.deepEqual([scanned.size, scanned.damaged], [size, false]);
  assert.ok(size > 10_000 && size <= 200 * 1024);
});

/** A file system of 256 KB, unmounted when `use` is done; false where it can't be made. */
async function onSmallDisk(directory: string, use: () => Promise<void>): Promise<boolean> {
  await mkdir(directory);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', directory]);
  if (mounted.status !== 0) return false;
  try {
    await use();
  } finally {
    spawnSync('umount', ['-l', directory]);
  }
  return true;
}

test('a full disk is said plainly, and writing goes on when there is room', async (t) => {
  const directory = join(await temporaryDirectory(t), 'disk');
  const mounted = await onSmallDisk(directory, async () => {
    const run = join(directory, 'run');
    await writeFile(join(directory, 'ballast'), Buffer.alloc(100 * 1024));
    const writer = await RunWriter.create(run, manifestOf(), recipe);
    let failure: unknown;
    for (let step = 0; failure === undefined; step++) {
      await writer.rollouts(tree(step, writer.nextSegmentId)).catch((error: unknown) => {
        failure = error;
      });
    }
    assert.ok(failure instanceof DiskError);
    assert.equal(failure.code, 'ENOSPC');
    assert.match(failure.message, /^The disk is full: .*rollouts\.arrows could not be written\.$/);
    assert.equal((await scanRollouts(run)).size, writer.size.rollouts);
    await truncate(join(directory, 'ballast'), 0);
    await writer.rollouts(tree(1000, writer.nextSegmentId));
    await writer.close();
    assert.deepEqual(await scanRollouts(run), {
      size: writer.size.rollouts,
      segmentId: writer.nextSegmentId,
      damaged: false,
    });
  });
  if (!mounted) t.skip('only the superuser of a Linux machine can mount a small file system');
});
