import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { readManifest } from '../../../src/run/manifest-file.ts';
import { root, trainerPython, withoutTrainer, writeTrlRecipe } from './trainer.ts';

/** `npm run -s train -- RECIPE`, which is what train_adaptive_grpo.sh runs: the recipe says by what. */

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adaptive grpo train ')); // blanks on purpose
});
afterEach(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));

function train(
  args: readonly string[],
  environment: Record<string, string>,
): Promise<{ code: number | null; text: string }> {
  const child = spawn(process.execPath, [join(root, 'scripts', 'train.ts'), ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, HF_HUB_OFFLINE: '1', OMP_NUM_THREADS: '1', ...environment },
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, text })));
}

test('a recipe for TRL is trained by Python', { skip: withoutTrainer }, async () => {
  await writeTrlRecipe(folder);
  const args = ['sums.yaml', '--max_steps', '1', '--output_dir', 'out'];
  const { code, text } = await train(args, { ADAPTIVE_GRPO_PYTHON: trainerPython });
  assert.equal(code, 0, text);
  assert.match(text, /step 1\/1/);
  const manifest = await readManifest(join(folder, 'out'));
  assert.deepEqual([manifest.engine.name, manifest.state], ['trl', 'finished']);
});

test('without a Python for it, it is said what to do', async () => {
  await writeTrlRecipe(folder);
  const { code, text } = await train(['sums.yaml'], { ADAPTIVE_GRPO_PYTHON: 'no/such/python' });
  assert.equal(code, 1);
  assert.match(text, /There is no Python at no\/such\/python\.\n.*ADAPTIVE_GRPO_PYTHON/);
});

test('any other recipe is left to the built-in engine', async () => {
  await writeFile(join(folder, 'own.yaml'), 'model_name_or_path: base\nnum_generatons: 3\n');
  const { code, text } = await train(['own.yaml'], { ADAPTIVE_GRPO_PYTHON: 'no/such/python' });
  assert.equal(code, 2);
  assert.match(text, /num_generatons/);
  assert.match((await train(['--help'], {})).text, /--max_steps/);
});
