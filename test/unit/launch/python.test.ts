import assert from 'node:assert/strict';
import { test } from 'node:test';
import { trainerCommand } from '../../../src/launch/python/command-line.ts';
import { noneOf } from '../../../src/launch/python/choose.ts';
import type { Examined } from '../../../src/launch/python/choose.ts';
import { parseFacts } from '../../../src/launch/python/facts.ts';
import type { PythonFacts } from '../../../src/launch/python/facts.ts';
import { gpuLine, parseGpus, visibleGpus } from '../../../src/launch/python/gpus.ts';
import { pipFailed, stageOf } from '../../../src/launch/python/install.ts';
import { lackInWords, lackOf } from '../../../src/launch/python/lack.ts';
import type { Wanted } from '../../../src/launch/python/lack.ts';
import { packagesOf, packagesOfConfig, requirementOf } from '../../../src/launch/python/needs.ts';

const facts = (change: Partial<PythonFacts> = {}): PythonFacts => ({
  prefix: '/venv',
  python: '3.11.7',
  packages: {
    'adaptive-grpo': '0.1.0',
    trl: '1.13.0',
    torch: '2.13.0',
    transformers: '5.1.0',
    accelerate: '1.9.0',
    vllm: null,
    peft: null,
    deepspeed: null,
  },
  cuda: '12.8',
  ...change,
});
const without = (...names: (keyof PythonFacts['packages'])[]): PythonFacts => ({
  ...facts(),
  packages: { ...facts().packages, ...Object.fromEntries(names.map((name) => [name, null])) },
});
const wanted: Wanted = { version: '0.1.0', trl: ['1.13', '1.17'], packages: [] };

test('a Python that can train lacks nothing; what is in the way is said, the worst first', () => {
  const lack = (found: PythonFacts, more = wanted) => {
    const answer = lackOf(found, more);
    return answer === null ? null : lackInWords(answer);
  };
  assert.equal(lack(facts()), null);
  assert.equal(lack(facts({ python: '4.0.0' })), null);
  assert.equal(
    lack({ ...without('adaptive-grpo'), python: '3.9.2' }),
    'Python 3.9.2; the trainer needs 3.11 or newer',
  );
  assert.equal(lack(without('adaptive-grpo', 'trl')), 'the trainer is not installed');
  assert.equal(
    lack({ ...facts(), packages: { ...facts().packages, 'adaptive-grpo': '0.0.9' } }),
    'the trainer is 0.0.9; this extension comes with 0.1.0',
  );
  assert.equal(
    lack({ ...facts(), packages: { ...facts().packages, 'adaptive-grpo': '0.1.0+mine' } }),
    null,
  );
  assert.equal(lack(without('torch', 'trl')), 'trl, torch missing');
  assert.deepEqual(lackOf(facts(), { ...wanted, packages: ['vllm', 'trl'] }), {
    kind: 'packages',
    missing: ['vllm'],
  });
});

test('a TRL that the trainer was not tested with is said before anything is started', () => {
  const lack = (trl: string) =>
    lackOf({ ...facts(), packages: { ...facts().packages, trl } }, wanted)?.kind ?? null;
  for (const fits of ['1.13', '1.13.0', '1.13.2', '1.16.9', '1.16.0.dev3']) {
    assert.equal(lack(fits), null, fits);
  }
  for (const not of ['0.28.0', '1.12.9', '1.17', '1.17.0.dev0', '1.100.0', '2.0']) {
    assert.equal(lack(not), 'trl', not);
  }
  const old = { ...facts(), packages: { ...facts().packages, trl: '0.28.0' } };
  const found = lackOf(old, wanted);
  assert.equal(
    found === null ? '' : lackInWords(found),
    'TRL is 0.28.0; the trainer was tested with 1.13 and later, below 1.17',
  );
});

test('what a Python prints is found between what others print, and nothing else is taken for it', () => {
  const line = JSON.stringify(facts());
  assert.deepEqual(parseFacts(`a site hook says hello\n\n${line}\r\n`), facts());
  assert.equal(parseFacts(''), null);
  assert.equal(parseFacts('{"python": "3.11.7"}\n'), null);
  assert.equal(parseFacts(`{broken\n${line.slice(0, 40)}`), null);
  assert.equal(parseFacts(line.replace('3.11.7', 'three')), null);
});

test('a recipe’s own needs are read from its lines', () => {
  assert.deepEqual(packagesOf('use_vllm: true # fast\nuse_peft: yes\n'), ['vllm', 'peft']);
  assert.deepEqual(packagesOf('use_vllm: false\n# use_peft: true\n'), []);
  assert.deepEqual(packagesOfConfig('compute_environment: X\ndistributed_type: DEEPSPEED\n'), [
    'deepspeed',
  ]);
  assert.deepEqual(packagesOfConfig('{"mixed_precision": "no", "distributed_type": "DEEPSPEED"}'), [
    'deepspeed',
  ]);
  assert.deepEqual(packagesOfConfig('# distributed_type: DEEPSPEED\ndistributed_type: FSDP\n'), []);
  assert.equal(requirementOf('vllm'), 'trl[vllm]');
  assert.equal(requirementOf('accelerate'), 'accelerate');
});

const several = { file: '/x/ddp.yaml', ours: true };
const command = (change: Partial<Parameters<typeof trainerCommand>[1]>) =>
  trainerCommand('/p', { facts: facts(), gpus: 1, chosen: null, several, ...change }, [
    '--serve',
    'r.yaml',
  ]).args.join(' ');

test('several GPUs are launched by accelerate, one or none by Python alone', () => {
  const plain = '-m adaptive_grpo train --serve r.yaml';
  const launch = '-m accelerate.commands.launch --config_file';
  assert.equal(command({}), plain);
  assert.equal(command({ gpus: 0 }), plain);
  assert.equal(
    command({ gpus: 4 }),
    `${launch} /x/ddp.yaml --num_processes 4 --main_process_port 0 ${plain}`,
  );
  // PyTorch for the CPU: the GPUs are of no use to it.
  assert.equal(command({ gpus: 4, facts: facts({ cuda: null }) }), plain);
  const zero = { file: '/x/zero3.yaml', ours: true };
  assert.equal(
    command({ chosen: zero }),
    `${launch} /x/zero3.yaml --num_processes 1 --main_process_port 0 ${plain}`,
  );
  // A file of one's own says how many processes there are, here and on other machines.
  const own = { file: '/own.yaml', ours: false };
  assert.equal(command({ chosen: own, gpus: 8 }), `${launch} /own.yaml ${plain}`);
});

test('what nvidia-smi prints is read, and what is none of it left out', () => {
  const gpus = parseGpus(
    [
      '0, GPU-aaaa, NVIDIA H200, 34946, 143771, 87',
      '1, GPU-bbbb, NVIDIA GB10, Odd, [N/A], [N/A], [Not Supported]\r',
      'No devices were found',
      '',
    ].join('\n'),
  );
  assert.deepEqual(gpus, [
    {
      index: 0,
      uuid: 'GPU-aaaa',
      name: 'NVIDIA H200',
      usedMib: 34946,
      totalMib: 143771,
      busyPercent: 87,
    },
    {
      index: 1,
      uuid: 'GPU-bbbb',
      name: 'NVIDIA GB10, Odd',
      usedMib: null,
      totalMib: null,
      busyPercent: null,
    },
  ]);
  assert.deepEqual(gpus.map(gpuLine), [
    'GPU 0, NVIDIA H200: 34.1 of 140.4 GiB, 87 % busy',
    'GPU 1, NVIDIA GB10, Odd',
  ]);
  assert.deepEqual(parseGpus('NVIDIA-SMI has failed because it couldn’t talk to the driver'), []);
  const seen = (visible: string | undefined) =>
    visibleGpus(gpus, visible).map(({ index }) => index);
  assert.deepEqual(seen(undefined), [0, 1]);
  assert.deepEqual(seen('1'), [1]);
  assert.deepEqual(seen('1,0,1'), [1, 0]);
  assert.deepEqual(seen('GPU-bb'), [1]);
  assert.deepEqual(seen('0,7,1'), [0]);
  assert.deepEqual(seen(''), []);
  assert.deepEqual(seen('-1'), []);
});

test('of many Pythons that can’t train, the nearest is named, and only one that is new enough is offered', () => {
  const broken: Examined = { kind: 'broken', python: '/a', source: 'PATH', why: 'gone' };
  const old: Examined & { kind: 'lacking' } = {
    ...{ kind: 'lacking', python: '/b', source: 'PATH', tooOld: true, why: 'too old' },
    facts: {
      ...without('adaptive-grpo', 'trl', 'torch', 'transformers', 'accelerate'),
      prefix: '/b',
    },
  };
  const near: Examined = {
    ...old,
    python: '/c',
    tooOld: false,
    why: 'the trainer is not installed',
    facts: { ...old.facts, prefix: '/c' },
  };
  const shim: Examined = { ...near, python: '/shims/python' };
  const error = noneOf([broken, old, near, shim], wanted);
  assert.match(
    error.message,
    /none of 2 Pythons can train it\. The nearest is \/c: the trainer is/,
  );
  assert.equal(error.best, near);
  assert.equal(noneOf([broken, old], wanted).best, null);
  assert.match(noneOf([broken], wanted).message, /and \/a can’t train it: gone\./);
  assert.match(noneOf([], wanted).next, /Install Python 3\.11/);
});

test('what pip does and why it fails is said plainly', () => {
  assert.equal(stageOf('Collecting trl<1.17,>=1.13 (from adaptive-grpo==0.1.0)\n'), 'getting trl…');
  const wheel = 'torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl';
  for (const where of ['', 'https://x/packages/']) {
    const line = `  Downloading ${where}${wheel} (780.3 MB)\r\n`;
    assert.equal(stageOf(line), 'getting torch 2.13.0 (780.3 MB)…');
  }
  assert.equal(stageOf('  Downloading trl-1.16.0.tar.gz\n'), 'getting trl 1.16.0…');
  assert.equal(stageOf(`  Downloading ${wheel}.metadata (28 kB)\n`), 'getting torch 2.13.0…');
  assert.equal(
    stageOf('Downloading antlr4-python3-runtime-4.9.3.tar.gz (117 kB)\n'),
    'getting antlr4-python3-runtime 4.9.3 (117 kB)…',
  );
  assert.equal(stageOf('  Building wheel for trl (pyproject.toml): started\n'), 'getting trl…');
  assert.equal(stageOf('Building wheels for collected packages: a, b\n'), 'getting a…');
  assert.equal(stageOf('Installing collected packages: a, b\n'), 'installing 2 packages…');
  assert.equal(stageOf('  Installing build dependencies: started\n'), 'preparing the trainer…');
  assert.equal(stageOf('     ━━━━ 12.3/780.0 MB 8.1 MB/s\n'), null);
  const next = (said: string) => pipFailed('/p', said).next;
  assert.match(
    pipFailed('/p', 'a\nERROR: No matching distribution\nhint\n').message,
    /into \/p: No matching distribution\.$/,
  );
  const inside =
    '  error: subprocess-exited-with-error\n  │ exit code: 1\n  ╰─> [2 lines of output]\n' +
    '      ERROR: Could not find a version that satisfies the requirement setuptools>=77\n' +
    '      [end of output]\nerror: subprocess-exited-with-error\n× pip subprocess did not run.\n';
  assert.match(pipFailed('/p', inside).message, /: Could not find a version .* setuptools>=77\.$/);
  assert.match(next('error: externally-managed-environment\n'), /belongs to the system/);
  assert.match(next('/p: No module named pip\n'), /no pip/);
  assert.match(next('ERROR: [Errno 28] No space left on device\n'), /Make room/);
  assert.match(next('ERROR: Could not find a version that satisfies trl\n'), /connection to PyPI/);
  assert.match(next('ERROR: something else\n'), /log of the installation/);
});
