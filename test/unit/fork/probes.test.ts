import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFile,
  mkdir,
  readFile,
  readdir,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { PlainError } from '../../../src/common/errors.ts';
import { AppendFile, DiskError } from '../../../src/run/append.ts';
import { probesPath } from '../../../src/run/files.ts';
import { withLock } from '../../../src/run/lock-file.ts';
import {
  FIRST_PROBE_ID,
  foreignTokenId,
  parseOrigin,
  parseTokenTexts,
} from '../../../src/run/model/probe.ts';
import { PROBES_LOCK, appendProbes } from '../../../src/run/probes.ts';
import { RunStore } from '../../../src/run/store.ts';
import { RunWriter } from '../../../src/run/writer.ts';
import { probeOf } from '../../fixtures/probe.ts';
import { manifestOf, temporaryDirectory, until } from '../../fixtures/run.ts';
import { randomFrom, synthesizeTree } from '../../fixtures/synthesize.ts';

const recipe = Buffer.from('seed: 1\n');
const appender = fileURLToPath(new URL('../../fixtures/append-probes.ts', import.meta.url));

/** A run with one tree, and its open store. */
async function runIn(t: TestContext, directory: string) {
  const writer = await RunWriter.create(directory, manifestOf(), recipe);
  const place = { step: 1, prompt_id: 'p', firstId: 0 };
  const options = { tokensPerCompletion: 12, skill: 0.5 };
  const rows = synthesizeTree(place, options, randomFrom(1));
  await writer.rollouts(rows);
  const store = await RunStore.open(directory);
  t.after(() => store.dispose());
  const [root] = rows;
  assert.ok(root);
  return { writer, rows, root, store };
}

const probesOf = (store: RunStore) => store.tree(1, 'p').filter(({ kind }) => kind === 'probe');

test('probes come back as they were written, live, in their tree, and in no figure', async (t) => {
  const directory = join(await temporaryDirectory(t), 'run');
  const { writer, rows, root, store } = await runIn(t, directory);
  const [before] = store.groups();
  assert.ok(before);
  const [first] = await appendProbes(directory, [probeOf(root)]);
  assert.equal(first?.segment_id, FIRST_PROBE_ID);
  const probe = probeOf(first, { reward: null, rewards: null });
  const [second] = await appendProbes(directory, [probe]);
  await until('both arrived', () => probesOf(store).length === 2);
  assert.deepEqual(store.groups()[0], { ...before, probes: 2 });
  const { tokens, ...summary } = first;
  assert.deepEqual(probesOf(store)[0], summary);
  assert.deepEqual(await store.tokens(FIRST_PROBE_ID), tokens);
  assert.deepEqual(probesOf(store)[1]?.parent_id, FIRST_PROBE_ID);
  assert.equal(second?.segment_id, FIRST_PROBE_ID + 1);
  // The engine's own file and numbers know nothing of it.
  assert.equal(writer.nextSegmentId, rows.length);
  assert.deepEqual(store.problems, []);
  const again = await RunStore.open(directory);
  assert.equal(probesOf(again).length, 2);
  again.dispose();
  await writer.close();
});

test('several windows at once: every probe is there once, and the file is whole', async (t) => {
  const directory = join(await temporaryDirectory(t), 'run');
  const { store, writer } = await runIn(t, directory);
  const stdio = ['ignore', 'ignore', 'inherit'] as const;
  const windows = Array.from({ length: 3 }, () =>
    once(spawn(process.execPath, [appender, directory, '12'], { stdio: [...stdio] }), 'exit'),
  );
  for (const ended of await Promise.all(windows)) assert.deepEqual(ended, [0, null]);
  await until('all arrived', () => probesOf(store).length === 72);
  const ids = probesOf(store).map(({ segment_id }) => segment_id - FIRST_PROBE_ID);
  assert.deepEqual(
    ids.toSorted((a, b) => a - b),
    Array.from({ length: 72 }, (_, i) => i),
  );
  assert.deepEqual(store.problems, []);
  assert.ok(!(await readdir(directory)).includes(PROBES_LOCK));
  await writer.close();
});

test('what a killed window left is cut off; what is damaged is kept aside', async (t) => {
  const directory = join(await temporaryDirectory(t), 'run');
  const { root, store, writer } = await runIn(t, directory);
  await appendProbes(directory, [probeOf(root)]);
  const whole = (await stat(probesPath(directory))).size;
  await appendProbes(directory, [probeOf(root)]);
  const size = (await stat(probesPath(directory))).size;
  await truncate(probesPath(directory), size - 5);
  await appendProbes(directory, [probeOf(root)]);
  assert.equal((await stat(probesPath(directory))).size, size);
  const fresh = await RunStore.open(directory);
  assert.deepEqual(
    probesOf(fresh).map(({ segment_id }) => segment_id - FIRST_PROBE_ID),
    [0, 1],
  );
  fresh.dispose();

  const bytes = await readFile(probesPath(directory));
  bytes.fill(0x55, whole);
  await writeFile(probesPath(directory), bytes);
  const damaged = await RunStore.open(directory);
  assert.match(damaged.problems.join(), /^probes\.arrows can't be read from byte \d+ on/);
  assert.ok(damaged.tree(1, 'p').length > 1, 'the rollouts are shown all the same');
  damaged.dispose();
  await appendProbes(directory, [probeOf(root)]);
  const kept = (await readdir(directory)).filter((name) => name.includes('probes.arrows.damaged-'));
  assert.equal(kept.length, 1);
  assert.ok((await readFile(join(directory, kept[0] ?? ''))).equals(bytes));

  await appendFile(probesPath(directory), Buffer.of(0xff, 0xff));
  await writer.updateManifest({ state: 'finished' });
  const torn = await RunStore.open(directory);
  assert.match(torn.problems.join(), /^The last 2 bytes of probes\.arrows are a batch/);
  torn.dispose();
  await until('the open view tells it too', () => store.problems.join().includes('probes.arrows'));
  await writer.close();
});

test('a probe waits for its parent, and hides with it', async (t) => {
  const directory = join(await temporaryDirectory(t), 'run');
  const { root, rows, store, writer } = await runIn(t, directory);
  const later = synthesizeTree(
    { step: 2, prompt_id: 'p', firstId: rows.length },
    { tokensPerCompletion: 12, skill: 0.5 },
    randomFrom(2),
  );
  const [parent] = later;
  assert.ok(parent);
  // The mirror of a distant run may lag behind, or somebody copied a file of another run here.
  const elsewhere = probeOf({ ...root, prompt_id: 'another' });
  const [, onProbe] = await appendProbes(directory, [probeOf(parent), elsewhere]);
  assert.ok(onProbe);
  await appendProbes(directory, [probeOf(root)]);
  await until('the one that can shows', () => probesOf(store).length === 1);
  assert.equal(store.groups().length, 1);
  const { from, to } = await writer.rollouts(later);
  await until('the other joined', () => store.tree(2, 'p').some(({ kind }) => kind === 'probe'));
  await writer.event({ type: 'run_started', resumed_from_step: 1, superseded: [from, to] });
  await until('it went with its parent', () => store.tree(2, 'p').length === 0);
  assert.equal(probesOf(store).length, 1);
  await writer.close();
});

test('rows that are no probes are left out, and said', async (t) => {
  const directory = join(await temporaryDirectory(t), 'run');
  const { root, writer } = await runIn(t, directory);
  await assert.rejects(appendProbes(directory, [{ ...probeOf(root), kind: 'resample' }]));
  await assert.rejects(appendProbes(directory, [{ ...probeOf(root), trained: true }]));
  const other = join(await temporaryDirectory(t), 'other');
  const foreign = await RunWriter.create(other, manifestOf(), recipe);
  await foreign.rollouts([{ ...root, segment_id: FIRST_PROBE_ID + 7 }]);
  await foreign.close();
  await writeFile(probesPath(directory), await readFile(join(other, 'rollouts.arrows')));
  const store = await RunStore.open(directory);
  assert.equal(probesOf(store).length, 0);
  assert.match(store.problems.join(), /probes\.arrows holds segment \d+, which is no probe/);
  store.dispose();
  await writer.close();
});

test('a run that is gone is said so, and not made anew', async (t) => {
  const directory = join(await temporaryDirectory(t), 'run');
  const { root, writer } = await runIn(t, directory);
  await writer.close();
  await rm(directory, { recursive: true });
  await assert.rejects(appendProbes(directory, [probeOf(root)]), (error: unknown) => {
    assert.ok(error instanceof PlainError);
    assert.match(error.message, /is gone\.$/);
    return true;
  });
  await assert.rejects(stat(directory), { code: 'ENOENT' });
});

/** A small, real disk for the time of `use`; false where none can be made. */
async function onSmallDisk(folder: string, use: () => Promise<void>): Promise<boolean> {
  const root = process.platform === 'linux' && process.getuid?.() === 0;
  const mount = ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder];
  if (!root || spawnSync('mount', mount).status !== 0) return false;
  try {
    await use();
  } finally {
    spawnSync('umount', ['-l', folder]);
  }
  return true;
}

test('a full disk leaves no half probe, and the next one fits again', async (t) => {
  const disk = join(await temporaryDirectory(t), 'disk');
  await mkdir(disk);
  const mounted = await onSmallDisk(disk, async () => {
    const directory = join(disk, 'run');
    const { root: parent, writer } = await runIn(t, directory);
    await appendProbes(directory, [probeOf(parent)]);
    const { size } = await stat(probesPath(directory));
    const ballast = join(disk, 'ballast');
    await assert.rejects(writeFile(ballast, Buffer.alloc(2 << 20)), { code: 'ENOSPC' });
    const many = Array.from({ length: 40 }, () => probeOf(parent));
    await assert.rejects(appendProbes(directory, many), (error: unknown) => {
      assert.ok(error instanceof DiskError);
      assert.match(error.message, /^The disk is full: .*probes\.arrows could not be written\.$/);
      return true;
    });
    assert.equal((await stat(probesPath(directory))).size, size);
    assert.ok(!(await readdir(directory)).includes(PROBES_LOCK));
    await rm(ballast);
    assert.equal((await appendProbes(directory, many)).length, 40);
    await writer.close();
  });
  if (!mounted) t.skip('only the superuser of a Linux machine can mount a small file system');
});

test('what a disk does not keep is taken back, so that trying again writes it once', async (t) => {
  const directory = join(await temporaryDirectory(t), 'run');
  const { writer, root } = await runIn(t, directory);
  t.after(() => writer.close());
  await appendProbes(directory, [probeOf(root)]);
  const whole = await readFile(probesPath(directory));
  // No real disk here fails at this very moment.
  const failing = t.mock.method(AppendFile.prototype, 'sync', () =>
    Promise.reject(Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO' })),
  );
  await assert.rejects(appendProbes(directory, [probeOf(root)]), DiskError);
  assert.ok((await readFile(probesPath(directory))).equals(whole));
  failing.mock.restore();
  await appendProbes(directory, [probeOf(root)]);
  const again = await RunStore.open(directory);
  t.after(() => again.dispose());
  assert.equal(probesOf(again).length, 2);
  assert.deepEqual(again.problems, []);
});

test('a run whose folder may not be written says what helps there', async (t) => {
  const directory = join(await temporaryDirectory(t), 'run');
  const { writer, root } = await runIn(t, directory);
  await writer.close();
  // Not even root writes to a read-only mount.
  const mounted =
    spawnSync('mount', ['--bind', directory, directory]).status === 0 &&
    spawnSync('mount', ['-o', 'remount,ro,bind', directory]).status === 0;
  try {
    if (!mounted) {
      t.skip('mounting is not allowed here');
      return;
    }
    await assert.rejects(appendProbes(directory, [probeOf(root)]), (error) => {
      assert.ok(error instanceof PlainError);
      assert.match(error.message, /read-only/);
      assert.match(error.next, /permissions of the run’s folder, or fork in a copy/);
      return true;
    });
  } finally {
    spawnSync('umount', ['--lazy', directory]);
  }
});

test('a lock that was left behind is taken away, one that is held is waited for', async (t) => {
  const path = join(await temporaryDirectory(t), 'lock');
  await writeFile(path, 'a window that was killed');
  const held = withLock(path, () => Promise.resolve(), { waitMs: 100, staleMs: 60_000 });
  await assert.rejects(held, /Another window holds/);
  const old = new Date(Date.now() - 120_000);
  await utimes(path, old, old);
  // Ten at once find it stale; still no two of them are ever inside.
  let inside = 0;
  await Promise.all(
    Array.from({ length: 10 }, () =>
      withLock(
        path,
        async (mine) => {
          assert.equal(++inside, 1);
          assert.equal(await mine(), true);
          await new Promise((resolve) => setTimeout(resolve, 5));
          inside--;
        },
        { waitMs: 10_000, staleMs: 60_000 },
      ),
    ),
  );
  await assert.rejects(stat(path), { code: 'ENOENT' });
  await assert.rejects(
    withLock(path, () => Promise.reject(new Error('it broke'))),
    /it broke/,
  );
  await assert.rejects(stat(path), { code: 'ENOENT' });
});

test('columns that anybody wrote are read without harm', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      assert.equal(parseOrigin(text), null);
      parseTokenTexts(text);
    }),
  );
  fc.assert(
    fc.property(fc.json(), (text) => {
      assert.equal(parseOrigin(text), null);
      for (const [id, value] of parseTokenTexts(text)) {
        assert.ok(Number.isInteger(id) && typeof value === 'string');
      }
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const id = foreignTokenId(text);
      assert.ok(Number.isInteger(id) && id < 0 && id >= -(2 ** 31));
    }),
  );
});
