import assert from 'node:assert/strict';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { loadCheckpoint, type Checkpoint } from '../../../../src/engine/compute/checkpoint.ts';
import { ComputePool } from '../../../../src/engine/compute/pool.ts';
import { arithmetic, countdown } from '../../../../src/engine/tasks/index.ts';
import { RolloutPlan, strategyDefaults } from '../../../../src/strategy/index.ts';

const folder = join(import.meta.dirname, '../../../../media/base');
let base: Checkpoint;
let pool: ComputePool;

before(async () => {
  base = await loadCheckpoint(folder);
  pool = new ComputePool(base.config, base.weights, { threads: 2 });
});
after(() => pool.stop());

/** Which of the first `count` held-out problems are solved; temperature 0 is greedy. */
async function solved(task: typeof arithmetic, count: number, temperature: number) {
  const problems = task.heldOut(count);
  const strategy = { ...strategyDefaults, use_token_adaptive: false, num_generations: 1 };
  const right: boolean[] = problems.map(() => false);
  const completions: string[] = problems.map(() => '');
  const { segments } = await pool.generate({
    prompts: problems.map(({ prompt }) => base.tokenizer.encode(prompt)),
    plan: new RolloutPlan({ ...strategy, temperature }, problems.length, () => 0),
    thresholds: strategy,
    max_completion_length: 64,
    temperature,
    seed: 1,
    step: 0,
    capture: { top_k: 0, below: 0 },
    onSegment: ({ tree }, completion) => {
      const problem = problems[tree];
      const text = base.tokenizer.decode(completion);
      completions[tree] = text;
      right[tree] = problem !== undefined && task.verify(problem, text);
      return null;
    },
  });
  const share = right.filter(Boolean).length / problems.length;
  return { share, problems, completions, segments };
}

test('the base checkpoint is small', async () => {
  let bytes = 0;
  for (const name of await readdir(folder)) bytes += (await stat(join(folder, name))).size;
  assert.ok(bytes <= 4 * 1024 * 1024, `${bytes} bytes`);
});

test('the base checkpoint can read every prompt and write every solution', () => {
  for (const task of [arithmetic, countdown]) {
    for (const { prompt, answer } of task.heldOut(100)) {
      for (const text of [prompt, `${answer}\n#`]) {
        assert.equal(base.tokenizer.decode(base.tokenizer.encode(text)), text);
      }
    }
  }
});

test('the base checkpoint solves 25 to 45 % of held-out arithmetic, greedily', async () => {
  const { share, problems, completions } = await solved(arithmetic, 200, 0);
  assert.ok(share >= 0.25 && share <= 0.45, `${100 * share} %`);
  const wellFormed = problems.filter((each, i) =>
    arithmetic.wellFormed(each, completions[i] ?? ''),
  );
  assert.ok(wellFormed.length > 190, `${wellFormed.length} of 200 are well written`);
});

test('the base checkpoint is unsure at decisions the strategy may look at', async () => {
  const { segments } = await solved(arithmetic, 100, 1);
  const unsure = segments.filter(({ max_prob }) =>
    max_prob.some(
      (probability, at) =>
        at >= strategyDefaults.min_prefix_length &&
        probability < strategyDefaults.uncertainty_threshold,
    ),
  );
  assert.ok(unsure.length > 50, `${unsure.length} of 100 rollouts would trigger`);
});
