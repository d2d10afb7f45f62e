import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'recipes-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** `npm run -s lint:recipe -- …` in a folder of one's own. */
function lint(...args: string[]) {
  const command = [join(root, 'scripts/lint-recipe.ts'), ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    cwd: root,
    env: { ...process.env, INIT_CWD: folder },
    encoding: 'utf8',
  });
  return { status, lines: stdout.split('\n').filter((line) => line !== ''), stderr };
}

function file(name: string, text: string | Uint8Array): string {
  writeFileSync(join(folder, name), text);
  return name;
}

test('npm knows the command', () => {
  const { status, stdout } = spawnSync(
    'npm',
    ['run', '-s', 'lint:recipe', '--', 'recipes/adaptive_grpo.yaml'],
    {
      cwd: root,
      encoding: 'utf8',
      shell: process.platform === 'win32',
    },
  );
  assert.equal(status, 0);
  assert.equal(stdout, '');
});

test('all recipes that are shipped are clean', () => {
  const recipes = readdirSync(join(root, 'recipes'))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => join(root, 'recipes', name));
  assert.ok(recipes.length >= 2);
  assert.deepEqual(lint(...recipes), { status: 0, lines: [], stderr: '' });
});

test('one line a finding, in order, for all files; exit 1', () => {
  const first = file('first.yaml', 'seed: -1\nlearning_rat: 1\n');
  const second = file('second.yaml', 'engine: trl\ntorch_dtype: bfloat16\n');
  assert.deepEqual(lint(first, second), {
    status: 1,
    lines: [
      'first.yaml:1:7: seed: `seed` must be a whole number of at least 0 and at most 4294967295, but it is -1.',
      'first.yaml:2:1: learning_rat: There is no key "learning_rat". Did you mean `learning_rate`?',
      'second.yaml:2:1: torch_dtype: TRL has no `torch_dtype` any more. Its name is `dtype` now.',
    ],
    stderr: '',
  });
});

test('what is worth knowing is said, and is not a failure', () => {
  const { status, lines } = lint(file('warn.yaml', 'vllm_mode: server\n'));
  assert.equal(status, 0);
  assert.deepEqual(lines, [
    'warn.yaml:1:1: vllm_mode: warning: The built-in engine does not use "vllm_mode".',
  ]);
});

test('--fix rewrites what TRL changed, and nothing else', () => {
  const text =
    'engine: trl\n# precision\ntorch_dtype: bfloat16 # good\nuse_vllm: true\nlora_r: x\n';
  const name = file('old.yaml', text);
  const { status, lines } = lint('--fix', name);
  assert.equal(status, 1, 'the typo is still there');
  assert.ok(
    lines.some((line) => line.startsWith('old.yaml:6:9: lora_r: ')),
    lines.join('\n'),
  );
  assert.equal(
    readFileSync(join(folder, name), 'utf8'),
    text.replace('torch_', '').replace('use_vllm: true\n', 'use_vllm: true\nvllm_mode: server\n'),
  );
});

test('a file that is missing or no text, and no file at all: exit 2', () => {
  const missing = lint('nowhere.yaml');
  assert.equal(missing.status, 2);
  assert.match(missing.stderr, /^nowhere\.yaml: ENOENT/);
  const binary = lint(file('binary.yaml', new Uint8Array([0xff, 0xfe, 0x00])));
  assert.equal(binary.status, 2);
  assert.match(binary.stderr, /^binary\.yaml: /);
  assert.equal(lint().status, 2);
});
