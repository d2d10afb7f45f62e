import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { PlainError } from '../../../src/common/errors.ts';
import {
  NoTrainerError,
  examine,
  examineAll,
  resolveInterpreter,
} from '../../../src/launch/python/choose.ts';
import { factsOf, packageNames } from '../../../src/launch/python/facts.ts';
import type { PackageName } from '../../../src/launch/python/facts.ts';
import { bundledTrainer } from '../../../src/launch/python/install.ts';
import {
  findInterpreters,
  namedInterpreter,
  pythonOf,
} from '../../../src/launch/python/interpreters.ts';
import { PythonTarget } from '../../../src/launch/python/target.ts';
import { Runs } from '../../../src/launch/runs.ts';
import { RECIPE } from '../../../src/run/files.ts';
import { RunWriter } from '../../../src/run/writer.ts';
import { execute } from '../../fixtures/python.ts';
import { manifestOf } from '../../fixtures/run.ts';
import { ProgramFolder, posix } from './programs.ts';
import { root, trainerPython, withoutTrainer } from './trainer.ts';

/** Real Pythons are found and asked, and those that can't train say why. */

const bundled = await bundledTrainer(join(root, 'trainer'));
const wanted = { ...bundled, packages: [] };
const folder = new ProgramFolder();

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
  const trap = join(folder.path, 'trap');
  await writeFile(join(folder.path, 'json.py'), `open(${JSON.stringify(trap)}, "w")\n`);
  await writeFile(join(folder.path, 'adaptive_grpo.py'), `open(${JSON.stringify(trap)}, "w")\n`);
  const from = process.cwd();
  process.chdir(folder.path);
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
    const venv = await folder.program('work/.venv/bin/python', 'exit 0');
    const conda = await folder.program('conda/bin/python', 'exit 0');
    const onPath = await folder.program('bin/python3', 'exit 0');
    await symlink(onPath, join(folder.path, 'bin', 'python'));
    await mkdir(join(folder.path, 'home', '.conda'), { recursive: true });
    const condas = `${join(folder.path, 'conda')}\n${join(folder.path, 'gone')}\n`;
    await writeFile(join(folder.path, 'home', '.conda', 'environments.txt'), condas);
    const environment = {
      PATH: ['relative', join(folder.path, 'bin'), join(folder.path, 'none')].join(delimiter),
    };
    const found = await findInterpreters({
      folders: [join(folder.path, 'work')],
      environment,
      home: join(folder.path, 'home'),
    });
    assert.deepEqual(
      found.map(({ python }) => python),
      [venv, onPath, conda],
    );

    const named = (setting: string) =>
      namedInterpreter(setting, join(folder.path, 'work'), {
        environment,
        home: join(folder.path, 'home'),
      });
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
    const home = join(folder.path, 'home');
    const work = join(folder.path, 'work');
    const venv = join(work, '.venv');
    const shell = join(folder.path, 'of the shell');
    const conda = join(folder.path, 'miniconda3');
    const named = join(conda, 'envs', 'rl');
    const recorded = join(folder.path, 'elsewhere');
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
    await symlink(join(folder.path, 'uninstalled', 'python3'), pythonOf(venv));
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

/** A Python of that version which says that it has these packages, and does nothing else. */
function saysItHas(
  name: string,
  python: string,
  packages: Partial<Record<PackageName, string>>,
): Promise<string> {
  const nothing = Object.fromEntries(packageNames.map((each) => [each, null]));
  const facts = { prefix: `/${name}`, python, packages: { ...nothing, ...packages }, cuda: null };
  return folder.program(name, `echo '${JSON.stringify(facts)}'`);
}

test(
  'an environment that has changed since is a sentence that says what about it, and what to do',
  { skip: posix },
  async () => {
    const all = {
      ...{ 'adaptive-grpo': bundled.version, trl: bundled.trl[0], torch: '2.13.0' },
      ...{ transformers: '5.1.0', accelerate: '1.9.0' },
    };
    const { accelerate, ...without } = all;
    assert.ok(accelerate);
    const cases: [string, Partial<Record<PackageName, string>>, RegExp][] = [
      // The extension was brought up to date, the environment was not.
      [
        'older',
        { ...all, 'adaptive-grpo': '0.0.9' },
        /the trainer is 0\.0\.9; this extension comes/,
      ],
      [
        'newer',
        { ...all, 'adaptive-grpo': '9.9.9' },
        /the trainer is 9\.9\.9; this extension comes/,
      ],
      [
        'trl',
        { ...all, trl: '0.28.0' },
        /TRL is 0\.28\.0; the trainer was tested with 1\.13 and later/,
      ],
      ['accelerate', without, /accelerate missing/],
    ];
    const home = { folder: null, folders: [], environment: { PATH: '' }, home: folder.path };
    for (const [name, packages, words] of cases) {
      const python = await saysItHas(name, '3.12.0', packages);
      await assert.rejects(resolveInterpreter({ ...home, setting: python }, wanted), (error) => {
        assert.ok(error instanceof NoTrainerError);
        assert.match(error.message, words);
        assert.match(error.next, /Set Up Python for Training/);
        assert.equal(error.best?.python, python, 'it can be mended where it is');
        return true;
      });
    }

    // A run whose Python is gone: nothing of it is touched, and it goes on when there is one again.
    const run = join(folder.path, 'runs', 'one');
    await (await RunWriter.create(run, manifestOf({ state: 'stopped' }), Buffer.alloc(0))).close();
    await writeFile(join(run, RECIPE), 'engine: trl\n');
    const choice = { ...home, setting: join(folder.path, 'gone', 'python') };
    const target = new PythonTarget(
      {
        interpreter: (_, packages) => resolveInterpreter(choice, { ...wanted, packages }),
        accelerateConfig: () => null,
      },
      { ddpConfig: '' },
    );
    const runs = new Runs(target);
    await runs.setDirectories([join(folder.path, 'runs')]);
    const files = await readdir(run);
    await assert.rejects(runs.continue(run, {}), (error) => {
      assert.ok(error instanceof NoTrainerError);
      assert.match(error.message, /There is no Python at .*gone\/python/);
      return true;
    });
    assert.deepEqual(await readdir(run), files);
    runs.dispose();
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
      home: folder.path,
    };
    await assert.rejects(resolveInterpreter(none, wanted), /there is no Python here/);

    const chosen = (setting: string) => resolveInterpreter({ ...none, setting }, wanted);
    const old = await saysItHas('old', '3.8.1', {});
    await assert.rejects(chosen(old), /Python 3\.8\.1; the trainer needs 3\.11 or newer/);
    await assert.rejects(
      chosen(
        await folder.program('noise', 'echo "{oops" ; echo "Segmentation fault" >&2; exit 139'),
      ),
      /no Python that answers\. Segmentation fault/,
    );

    const hangs = await folder.program('hangs', 'sleep 600 & echo $! > "$0.pid"; wait');
    await assert.rejects(factsOf(hangs, { timeoutMs: 500 }), /did not answer within 0\.5 s/);
    const cancel = new AbortController();
    setTimeout(() => cancel.abort(), 200);
    await assert.rejects(factsOf(hangs, { signal: cancel.signal }), { name: 'CancelledError' });
  },
);
