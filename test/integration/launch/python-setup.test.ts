import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, test } from 'node:test';
import { PlainError } from '../../../src/common/errors.ts';
import { bundledTrainer, createEnvironment } from '../../../src/launch/python/install.ts';
import type { InstallOptions } from '../../../src/launch/python/install.ts';
import { execute } from '../../fixtures/python.ts';
import { isRoot, smallDisk } from '../contract/disks.ts';
import { borrowingEnvironment } from './borrowed.ts';
import { ProgramFolder, posix } from './programs.ts';
import { root, trainerPython, withoutTrainer } from './trainer.ts';

/** Environments are made by the real venv and pip; where they misbehave, shell scripts stand in. */

const bundled = await bundledTrainer(join(root, 'trainer'));
const folder = new ProgramFolder();

let said = '';
let stages: string[] = [];
beforeEach(() => {
  said = '';
  stages = [];
});

const options = (more: Partial<InstallOptions> = {}): InstallOptions => ({
  bundled,
  packages: [],
  onText: (text) => (said += text),
  onStage: (stage) => stages.push(stage),
  ...more,
});

test(
  'an environment is made and the bundled trainer installed into it by the real pip',
  { skip: withoutTrainer, timeout: 300_000 },
  async () => {
    // PyTorch's gigabytes are borrowed; the trainer itself is built and installed for real.
    const environment = join(folder.path, 'new env');
    const python = await borrowingEnvironment(environment);
    process.env.PIP_NO_DEPS = '1';
    assert.equal(await createEnvironment(trainerPython, environment, options()), python);
    assert.ok(stages.length > 0);
    const where = await execute(python, [
      '-c',
      'import adaptive_grpo; print(adaptive_grpo.__file__)',
    ]);
    assert.ok(where.stdout.includes(environment), where.stdout);
    const shipped = await readdir(join(root, 'trainer'));
    assert.ok(!shipped.includes('build'), 'the sources stay as they are');
  },
);

test(
  'pip that fails is a plain sentence, and leaves nothing behind',
  { skip: withoutTrainer, timeout: 300_000 },
  async () => {
    const environment = join(folder.path, 'env');
    process.env.PIP_INDEX_URL = 'http://127.0.0.1:9/simple';
    process.env.PIP_RETRIES = '0';
    await assert.rejects(createEnvironment(trainerPython, environment, options()), (error) => {
      assert.ok(error instanceof PlainError);
      assert.match(error.message, /pip could not install the trainer/);
      assert.match(error.next, /connection to PyPI/);
      return true;
    });
    assert.match(said, /pip install/);
    assert.ok(!existsSync(environment));
  },
);

test(
  'an install that is cancelled ends at once, with what it started',
  { skip: posix },
  async () => {
    const base = await folder.program(
      'base',
      'mkdir -p "$3/bin"; cp "$0.inside" "$3/bin/python"; echo made',
    );
    await folder.program(
      'base.inside',
      'echo "Collecting torch"; sleep 600 & echo $! > "$0.pid"; wait',
    );
    const environment = join(folder.path, 'env');
    const cancel = new AbortController();
    const installing = createEnvironment(
      base,
      environment,
      options({
        signal: cancel.signal,
        onStage: (stage) => {
          if (stage === 'getting torch…') cancel.abort();
        },
      }),
    );
    await assert.rejects(installing, { name: 'CancelledError' });
    assert.ok(!existsSync(environment));
  },
);

test('a folder with something else in it is left alone', { skip: withoutTrainer }, async () => {
  const theirs = join(folder.path, 'theirs');
  await mkdir(theirs);
  await writeFile(join(theirs, 'thesis.txt'), 'x');
  await assert.rejects(
    createEnvironment(trainerPython, theirs, options()),
    /is no Python environment/,
  );
  assert.deepEqual(await readdir(theirs), ['thesis.txt']);
});

test('a disk that fills up is a plain sentence', { skip: withoutTrainer }, async (t) => {
  const disk = await smallDisk(t, 4);
  if (disk === null) return;
  const environment = join(disk, 'env');
  await assert.rejects(createEnvironment(trainerPython, environment, options()), (error) => {
    assert.ok(error instanceof PlainError);
    assert.match(error.message, /can’t make an environment: /);
    assert.match(error.next, /Make room/);
    return true;
  });
  assert.deepEqual(await readdir(disk), []);
});

test(
  'what can’t be taken away again hides nothing of what went wrong before',
  { skip: posix },
  async (t) => {
    if (!isRoot) {
      t.skip('a folder that can’t be removed is a mount, which takes root on Linux');
      return;
    }
    const environment = join(folder.path, 'env');
    const base = await folder.program(
      'base',
      'mkdir -p "$3/bin"; mount -t tmpfs tmpfs "$3/bin"; echo "Error: no ensurepip" >&2; exit 1',
    );
    try {
      await assert.rejects(createEnvironment(base, environment, options()), (error) => {
        assert.ok(error instanceof PlainError);
        assert.match(error.message, /can’t make an environment: Error: no ensurepip/);
        return true;
      });
    } finally {
      await execute('umount', ['--lazy', join(environment, 'bin')]);
    }
    assert.match(said, /env could not be removed: .*EBUSY/);
  },
);
