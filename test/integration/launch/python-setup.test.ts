import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { PlainError } from '../../../src/common/errors.ts';
import { examine, examineAll, resolveInterpreter } from '../../../src/launch/python/choose.ts';
import { NoTrainerError } from '../../../src/launch/python/choose.ts';
import { factsOf } from '../../../src/launch/python/facts.ts';
import { GpuWatch } from '../../../src/launch/python/gpu-watch.ts';
import { askGpus, readGpus } from '../../../src/launch/python/gpus.ts';
import { bundledTrainer, createEnvironment } from '../../../src/launch/python/install.ts';
import type { InstallOptions } from '../../../src/launch/python/install.ts';
import {
  findInterpreters,
  namedInterpreter,
  pythonOf,
} from '../../../src/launch/python/interpreters.ts';
import { execute } from '../../fixtures/python.ts';
import { isRoot, smallDisk } from '../contract/disks.ts';
import { borrowingEnvironment } from './borrowed.ts';
import { root, trainerPython, withoutTrainer } from './trainer.ts';

/** Real Pythons are found, asked and set up; programs that misbehave are shell scripts. */

const posix = process.platform === 'win32' ? 'the misbehaving Pythons are shell scripts' : false;
const bundled = await bundledTrainer(join(root, 'trainer'));
const wanted = { ...bundled, packages: [] };
const before = { ...process.env };

let folder = '';
let said = '';
let stages: string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adaptive grpo setup ')); // blanks on purpose
  said = '';
  stages = [];
});

afterEach(async () => {
  for (const key of Object.keys(process.env))
    if (!(key in before)) Reflect.deleteProperty(process.env, key);
  Object.assign(process.env, before);
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** A program of that name which does what the lines say. */
async function program(name: string, ...lines: string[]): Promise<string> {
  const file = join(folder, name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, ['#!/bin/sh', ...lines, ''].join('\n'));
  await chmod(file, 0o755);
  return file;
}

const options = (more: Partial<InstallOptions> = {}): InstallOptions => ({
  bundled,
  packages: [],
  onText: (text) => (said += text),
  onStage: (stage) => stages.push(stage),
  ...more,
});

test(
  'the real Python says what it has, and that it can train',
  { skip: withoutTrainer },
  async () => {
    const facts = await factsOf(trainerPython);
    assert.match(facts.python, /^3\.\d+\.\d+$/);
    assert.match(facts.packages.trl ?? '', /^1\./);
    assert.equal(facts.packages['adaptive-grpo'], bundled.version);
    const examined = await examine({ python: trainerPython, source: 'x' }, wanted);
    assert.equal(examined.kind, 'fit');
  },
);

test('what lies in the folder it is started in is not run', { skip: withoutTrainer }, async () => {
  const trap = join(folder, 'trap');
  await writeFile(join(folder, 'json.py'), `open(${JSON.stringify(trap)}, "w")\n`);
  await writeFile(join(folder, 'adaptive_grpo.py'), `open(${JSON.stringify(trap)}, "w")\n`);
  const from = process.cwd();
  process.chdir(folder);
  try {
    await factsOf(trainerPython);
  } finally {
    process.chdir(from);
  }
  assert.ok(!existsSync(trap));
});

test(
  'interpreters are found where they lie, each once, and programs that are gone are left out',
  { skip: posix },
  async () => {
    const venv = await program('work/.venv/bin/python', 'exit 0');
    const conda = await program('conda/bin/python', 'exit 0');
    const onPath = await program('bin/python3', 'exit 0');
    await symlink(onPath, join(folder, 'bin', 'python'));
    await mkdir(join(folder, 'home', '.conda'), { recursive: true });
    const condas = `${join(folder, 'conda')}\n${join(folder, 'gone')}\n`;
    await writeFile(join(folder, 'home', '.conda', 'environments.txt'), condas);
    const environment = {
      PATH: ['relative', join(folder, 'bin'), join(folder, 'none')].join(delimiter),
    };
    const found = await findInterpreters({
      folders: [join(folder, 'work')],
      environment,
      home: join(folder, 'home'),
    });
    assert.deepEqual(
      found.map(({ python }) => python),
      [venv, onPath, conda],
    );

    const named = (setting: string) =>
      namedInterpreter(setting, join(folder, 'work'), { environment, home: join(folder, 'home') });
    assert.equal(await named('.venv'), venv);
    assert.equal(await named('${workspaceFolder}/.venv/bin/python'), venv);
    assert.equal(await named('~/../conda'), conda);
    assert.equal(await named('python3'), onPath);
    await assert.rejects(named('nowhere/python'), /There is no Python at nowhere\/python\./);
    await assert.rejects(named('python9'), PlainError);
  },
);

test(
  'real environments are found where people have them: in the workspace, in the shell, of conda',
  { skip: withoutTrainer },
  async () => {
    const home = join(folder, 'home');
    const work = join(folder, 'work');
    const venv = join(work, '.venv');
    const shell = join(folder, 'of the shell');
    const conda = join(folder, 'miniconda3');
    const named = join(conda, 'envs', 'rl');
    const recorded = join(folder, 'elsewhere');
    const without = ['-m', 'venv', '--without-pip'];
    // What conda makes has the same layout, and its own records.
    for (const place of [venv, shell, conda, named, recorded]) {
      assert.equal((await execute(trainerPython, [...without, place])).code, 0);
    }
    await mkdir(join(home, '.conda'), { recursive: true });
    await writeFile(join(home, '.conda', 'environments.txt'), `${conda}\n${recorded}\n`);
    const found = await findInterpreters({
      folders: [work],
      environment: { PATH: '', VIRTUAL_ENV: shell, CONDA_PREFIX: named },
      home,
    });
    assert.deepEqual(
      found.map(({ source }) => source),
      [venv, shell, named, conda, recorded],
    );
    // They share one program by links, and are five Pythons all the same.
    const examined = await examineAll(found, wanted);
    assert.deepEqual(
      examined.map((each) => ('facts' in each ? each.facts.prefix : each.why)),
      [venv, shell, named, conda, recorded],
    );
    assert.ok(examined.every((each) => each.kind === 'lacking' && !each.tooOld));
    await assert.rejects(
      resolveInterpreter(
        { setting: '', folder: null, folders: [work], environment: { PATH: '' }, home },
        wanted,
      ),
      (error) =>
        error instanceof NoTrainerError && error.message.includes('the trainer is not installed'),
    );

    // The Python that an environment was made with is gone: it is none any more.
    await rm(pythonOf(venv));
    await symlink(join(folder, 'uninstalled', 'python3'), pythonOf(venv));
    const [first] = await findInterpreters({ folders: [work], environment: {}, home });
    assert.notEqual(first?.source, venv);
    await assert.rejects(
      resolveInterpreter({ setting: '.venv', folder: work, folders: [work], home }, wanted),
      (error) => {
        assert.ok(error instanceof NoTrainerError);
        assert.match(error.message, /There is no Python at \.venv\./);
        assert.match(error.next, /Python Path/);
        return true;
      },
    );
  },
);

test(
  'no Python, an old one, one without the trainer and one that hangs are plain sentences',
  { skip: posix },
  async () => {
    const none = {
      setting: '',
      folder: null,
      folders: [],
      environment: { PATH: '' },
      home: folder,
    };
    await assert.rejects(resolveInterpreter(none, wanted), /there is no Python here/);

    const packages = Object.fromEntries(
      [
        'adaptive-grpo',
        'trl',
        'torch',
        'transformers',
        'accelerate',
        'vllm',
        'peft',
        'deepspeed',
      ].map((name) => [name, null]),
    );
    const line = JSON.stringify({ prefix: '/old', python: '3.8.1', packages, cuda: null });
    const old = await program('old', `echo '${line}'`);
    const chosen = (setting: string) => resolveInterpreter({ ...none, setting }, wanted);
    await assert.rejects(chosen(old), /Python 3\.8\.1; the trainer needs 3\.11 or newer/);
    const other = await program(
      'other',
      `echo '${line.replace('3.8.1', '3.12.0').replace('"adaptive-grpo":null', '"adaptive-grpo":"9.9.9"')}'`,
    );
    await assert.rejects(chosen(other), (error) => {
      assert.ok(error instanceof NoTrainerError);
      assert.match(error.message, /the trainer is 9\.9\.9; this extension comes with/);
      assert.equal(error.best?.python, other);
      return true;
    });
    await assert.rejects(
      chosen(await program('noise', 'echo "{oops" ; echo "Segmentation fault" >&2; exit 139')),
      /no Python that answers\. Segmentation fault/,
    );

    const hangs = await program('hangs', 'sleep 600 & echo $! > "$0.pid"; wait');
    await assert.rejects(factsOf(hangs, { timeoutMs: 500 }), /did not answer within 0\.5 s/);
    const cancel = new AbortController();
    setTimeout(() => cancel.abort(), 200);
    await assert.rejects(factsOf(hangs, { signal: cancel.signal }), { name: 'CancelledError' });
  },
);

test(
  'an environment is made and the bundled trainer installed into it by the real pip',
  { skip: withoutTrainer, timeout: 300_000 },
  async () => {
    // PyTorch's gigabytes are borrowed; the trainer itself is built and installed for real.
    const environment = join(folder, 'new env');
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
    const environment = join(folder, 'env');
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
    const base = await program(
      'base',
      'mkdir -p "$3/bin"; cp "$0.inside" "$3/bin/python"; echo made',
    );
    await program('base.inside', 'echo "Collecting torch"; sleep 600 & echo $! > "$0.pid"; wait');
    const environment = join(folder, 'env');
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
  const theirs = join(folder, 'theirs');
  await mkdir(theirs);
  await writeFile(join(theirs, 'thesis.txt'), 'x');
  await assert.rejects(
    createEnvironment(trainerPython, theirs, options()),
    /is no Python environment/,
  );
  assert.deepEqual(await readdir(theirs), ['thesis.txt']);
});

test(
  'the GPUs of a program called nvidia-smi are read; without one, or with a broken one, there are none',
  { skip: posix },
  async () => {
    await program('smi/nvidia-smi', 'echo "0, GPU-1, NVIDIA A100, 10, 81920, 3"');
    process.env.PATH = `${join(folder, 'smi')}${delimiter}${before.PATH ?? ''}`;
    assert.deepEqual(
      (await readGpus()).map(({ name, usedMib }) => [name, usedMib]),
      [['NVIDIA A100', 10]],
    );
    await program('smi/nvidia-smi', 'echo "NVIDIA-SMI has failed"; exit 9');
    assert.deepEqual(await readGpus(), []);
    process.env.PATH = folder;
    assert.deepEqual(await readGpus(), []);
  },
);

test('GPUs are watched for as long as somebody wants to know', { skip: posix }, async () => {
  const calls = join(folder, 'calls');
  await program(
    'smi/nvidia-smi',
    `echo x >> "${calls}"`,
    `echo "0, GPU-1, NVIDIA A100, $(grep -c x "${calls}"), 81920, 3"`,
  );
  process.env.PATH = `${join(folder, 'smi')}${delimiter}${before.PATH ?? ''}`;
  const watch = new GpuWatch(20);
  const used: unknown[] = [];
  const third = new Promise<void>((resolve) => {
    watch.onDidChange((gpus) => {
      used.push(gpus[0]?.usedMib);
      if (used.length === 3) resolve();
    });
  });
  watch.watch(true);
  await third;
  assert.deepEqual(used.slice(0, 3), [1, 2, 3]);
  watch.watch(false);
  assert.deepEqual(watch.gpus, []);
  const told = used.length;
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(used.length, told);
});

test(
  'a GPU driver that fails once is asked again; without its program nobody is',
  { skip: posix },
  async () => {
    const calls = join(folder, 'calls');
    await program(
      'smi/nvidia-smi',
      `echo x >> "${calls}"`,
      `[ $(grep -c x "${calls}") = 2 ] && { echo "Failed to initialize NVML"; exit 9; }`,
      `echo "0, GPU-1, NVIDIA A100, $(grep -c x "${calls}"), 81920, 3"`,
    );
    process.env.PATH = `${join(folder, 'smi')}${delimiter}${before.PATH ?? ''}`;
    const watch = new GpuWatch(20);
    const used: unknown[] = [];
    const third = new Promise<void>((resolve) => {
      watch.onDidChange((gpus) => {
        used.push(gpus[0]?.usedMib ?? 'none');
        if (used.length === 3) resolve();
      });
    });
    watch.watch(true);
    await third;
    watch.dispose();
    assert.deepEqual(used, [1, 'none', 3]);
    process.env.PATH = folder;
    assert.equal(await askGpus(), null);
  },
);

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
    const environment = join(folder, 'env');
    const base = await program(
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
