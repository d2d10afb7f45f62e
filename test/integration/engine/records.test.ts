import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { RunStore } from '../../../src/run/store.ts';
import { findFailure, strategyDefaults } from '../../../src/strategy/index.ts';
import { assertAddsUp, near, segmentsByStep } from '../contract/records.ts';
import { eventsOf, recipeFile, runEngine, smallRecipe, temporaryFolder } from './support.ts';

/** Trains, and opens what was recorded. */
async function record(more: string, ...args: string[]) {
  const folder = await temporaryFolder();
  const recipe = await recipeFile(folder, withKeys(smallRecipe, more));
  const directory = join(folder, 'run');
  const ended = await runEngine([recipe, '--output_dir', directory, ...args]);
  assert.equal(ended.code, 0, ended.stderr);
  const store = await RunStore.open(directory);
  return { directory, store, segments: segmentsByStep(store) };
}

/** A recipe with other values: no key may stand there twice. */
function withKeys(recipe: string, more: string): string {
  const keys = new Set(more.split('\n').map((line) => line.split(':')[0]));
  const kept = recipe.split('\n').filter((line) => !keys.has(line.split(':')[0]) || line === '');
  return kept.join('\n') + more;
}

for (const policy of ['first_failure', 'top_entropy', 'random']) {
  test(`what is recorded adds up to what is said (${policy})`, async (t) => {
    const { store, segments } = await record(
      `fork_policy: ${policy}\nbeta: 0.1\n`,
      '--max_steps=3',
    );
    t.after(() => store.dispose());
    assertAddsUp(store);
    for (const { metrics } of store.steps) assert.ok(Number.isFinite(metrics.kl));
    assert.deepEqual(
      store.steps.map(({ step }) => step),
      [1, 2, 3],
    );

    const all = [...segments.values()].flat();
    assert.ok(all.some(({ kind }) => kind === 'resample'));
    for (const segment of all) {
      const tokens = await store.tokens(segment.segment_id);
      const at = `segment ${segment.segment_id}`;
      assert.equal(tokens.token_ids.length, segment.length, at);
      // The rows say by themselves why each was cut where it was, and only there.
      const watchFrom =
        segment.kind === 'root' ? strategyDefaults.min_prefix_length : segment.fork_at + 1;
      const found = findFailure(
        tokens.max_prob,
        tokens.entropy,
        segment.fork_at,
        watchFrom,
        strategyDefaults,
      );
      if (policy === 'first_failure') assert.equal(found, null, `${at} should have been cut`);
      if (segment.status === 'truncated') {
        assert.equal(segment.failure_point, segment.fork_at + segment.length, at);
        const { failure_max_prob: p, failure_entropy: h } = segment;
        assert.ok(p !== null && h !== null && (p < 0.7 || h > 2), at);
        assert.ok((segment.failure_top?.ids.length ?? 0) > 1, at);
        assert.equal(segment.reward, null, at);
      } else assert.equal(typeof segment.reward, 'number', at);
      for (let i = 0; i < segment.length; i++) {
        assert.ok((tokens.logprob[i] ?? 1) <= 0, at);
        if (segment.temperature === 1) assert.equal(tokens.train_logprob, null, at);
        else assert.ok((tokens.train_logprob?.[i] ?? 1) <= 0, at);
        assert.ok((tokens.ref_logprob?.[i] ?? 1) <= 0, `${at} lacks the reference`);
      }
      if (segment.kind === 'resample') {
        near(segment.temperature, 1.2 ** segment.attempt, `${at} temperature`);
      }
    }
  });
}

test('where only some prompts are recorded, the metrics are still of all', async (t) => {
  const { store, segments } = await record('capture_groups_per_step: 1\n', '--max_steps=2');
  t.after(() => store.dispose());
  assert.equal(store.manifest.capture.groups_per_step, 1);
  for (const { step } of store.steps) {
    assert.equal(store.groups().filter((group) => group.step === step).length, 1);
  }
  const recorded = [...segments.values()].flat().length;
  assert.ok((store.steps.at(-1)?.metrics['adaptive/total_rollouts'] ?? 0) > recorded);
});

test('held-out prompts are tried at the start, in between and at the end, on tokens of their own', async (t) => {
  const more = 'eval_steps: 2\neval_num_generations: 2\n';
  const args = ['--eval_num_prompts=6', '--max_steps=3', '--max_generated_tokens=100000'];
  const { store, directory } = await record(more, ...args);
  t.after(() => store.dispose());
  assert.deepEqual(
    store.evaluations.map(({ step }) => step),
    [0, 2, 3],
  );
  for (const { metrics } of store.evaluations) {
    const { 'eval/accuracy': greedy, 'eval/pass@1': one, 'eval/pass@k': any } = metrics;
    for (const value of [greedy, one, any]) assert.ok(value !== undefined && value >= 0);
    assert.ok((any ?? 0) >= (one ?? 1));
  }
  const [first] = store.steps;
  assert.ok((first?.metrics['tokens/evaluated'] ?? 0) > 6 * 3 * 5);
  // Training is the same with and without.
  const plain = await record('', '--max_steps=3');
  t.after(() => plain.store.dispose());
  const generated = (from: RunStore) =>
    from.steps.map(({ metrics }) => metrics['tokens/generated']);
  assert.deepEqual(generated(store), generated(plain.store));
  assert.equal((await eventsOf(directory)).at(-1)?.type, 'run_finished');
});

test("each of a round's updates has its share of dapo's denominator", async (t) => {
  const losses = async (batch: number, updates: number) => {
    const { store } = await record(
      'loss_type: dapo\ngeneration_batch_size: 16\nlearning_rate: 1e-12\n'.concat(
        `per_device_train_batch_size: ${batch}\nmax_steps: ${updates}\n`,
      ),
    );
    t.after(() => store.dispose());
    return store.steps.map(({ metrics }) => metrics.loss ?? NaN);
  };
  const [whole = NaN, ...none] = await losses(16, 1);
  assert.equal(none.length, 0);
  const parts = await losses(8, 2);
  assert.equal(parts.length, 2);
  assert.ok(Math.abs(whole) > 1e-4, `a loss of ${whole} says nothing`);
  // The weights stay as they are, so the updates' mean is the one over all rows: TRL's
  // `num_items_in_batch · gradient accumulation / steps_per_generation`.
  near(parts.reduce((sum, loss) => sum + loss, 0) / parts.length, whole, 'the mean of the losses');
});
