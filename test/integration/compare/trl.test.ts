import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { readComparison } from '../../../src/compare/load.ts';
import { root, temporaryFolder } from '../engine/support.ts';

/** The same comparison with the real Python trainer, where its packages are installed. */

const python = join(root, '.cache', 'trainer-venv', 'bin', 'python');
const skip = existsSync(python)
  ? false
  : 'there is no .cache/trainer-venv; trainer/check.py makes one';

const recipe = `engine: trl
model_name_or_path: ${JSON.stringify(join(root, 'media', 'base'))}
dataset_name: sums.jsonl
reward_funcs: [format]
per_device_train_batch_size: 8
num_generations: 4
max_completion_length: 24
min_prefix_length: 5
learning_rate: 1.0e-4
lr_scheduler_type: constant
max_steps: 1
save_steps: 1
report_to: none
gradient_checkpointing: false
seed: 5
`;

test('both sides of a TRL recipe are trained by the Python trainer', { skip }, async () => {
  const folder = await temporaryFolder();
  const sums = Array.from({ length: 16 }, (_, i) =>
    JSON.stringify({ prompt: `${i + 11}+${i + 21}=`, answer: String(2 * i + 32) }),
  );
  await writeFile(join(folder, 'sums.jsonl'), sums.join('\n'));
  await writeFile(join(folder, 'sums.yaml'), recipe);
  const held = join(folder, 'held.jsonl');
  await writeFile(held, sums.slice(0, 6).join('\n'));
  const trainer = join(folder, 'adaptive-grpo');
  await writeFile(trainer, `#!/bin/sh\nexec '${python}' -m adaptive_grpo "$@"\n`);
  await chmod(trainer, 0o755);
  const output = join(folder, 'out');
  const child = spawn(
    process.execPath,
    [
      join(root, 'scripts', 'compare.ts'),
      ...[join(folder, 'sums.yaml'), '--seeds', '1', '--output-dir', output],
      ...['--trainer', trainer, '--benchmarks', held, 'arithmetic'],
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PYTHONPATH: join(root, 'trainer'), HF_HUB_OFFLINE: '1' },
    },
  );
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const code = await new Promise((resolve) => child.once('close', resolve));
  assert.equal(code, 0, text);
  assert.match(text, /! arithmetic is left out: There is no such file/);
  assert.match(text, /baseline seed 5: \d+\.\d % of the 6 prompts of /);

  const { sides, same_tokens, table } = await readComparison(join(output, 'comparison.json'));
  const [baseline, adaptive] = sides.map(({ runs }) => runs[0]);
  assert.ok(baseline && adaptive);
  assert.deepEqual([baseline.state, adaptive.state], ['finished', 'finished']);
  assert.deepEqual([baseline.strategy, adaptive.strategy], ['baseline', 'adaptive']);
  for (const { benchmarks } of [baseline, adaptive]) {
    assert.deepEqual(
      benchmarks.map(({ name, prompts }) => [name, prompts]),
      [[held, 6]],
    );
  }
  assert.ok(table.some(({ id }) => id === `benchmark/${held}`));
  assert.ok(same_tokens);
  const [a, b] = [baseline, adaptive].map(({ steps }) => steps.at(-1)?.generated_tokens ?? 0);
  assert.ok((a ?? 0) > 0 && (b ?? 0) >= (a ?? 0), `${String(a)} and ${String(b)} tokens`);
});
