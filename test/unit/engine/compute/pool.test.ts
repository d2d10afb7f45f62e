import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  ComputePool,
  initialWeights,
  optimizerDefaults,
  type ModelConfig,
  type OptimizerOptions,
  type SupervisedRow,
  type TrainingRow,
} from '../../../../src/engine/compute/index.ts';
import { lossOptions as loss } from '../../../fixtures/loss.ts';
import { weightLayout } from '../../../../src/engine/compute/layout.ts';
import { uniform } from '../../../../src/engine/compute/random.ts';
import { lossCases, oracleModel, readOracle } from './oracle.ts';

let config: ModelConfig;
let weights: Float32Array;
let rows: TrainingRow[];
const pools: ComputePool[] = [];

before(async () => {
  ({ config, weights } = await oracleModel('untied'));
  ({ rows } = await readOracle('loss-tree.json', lossCases));
});
after(() => Promise.all(pools.map((pool) => pool.stop())));

function open(threads = 2, start = weights, reference = false): ComputePool {
  const pool = new ComputePool(config, start, { threads, reference });
  pools.push(pool);
  return pool;
}

const optimizer: OptimizerOptions = { ...optimizerDefaults, learning_rate: 0.01 };

test('a run that is resumed ends at the very same weights', async () => {
  const straight = open();
  for (let step = 0; step < 4; step++) await straight.trainStep(rows, loss, optimizer);

  const first = open();
  for (let step = 0; step < 2; step++) await first.trainStep(rows, loss, optimizer);
  const resumed = open();
  await resumed.restore(first.weights(), first.optimizer());
  for (let step = 0; step < 2; step++) await resumed.trainStep(rows, loss, optimizer);
  assert.deepEqual(resumed.weights(), straight.weights());
  assert.deepEqual(resumed.optimizer(), straight.optimizer());

  // Going back is going back: the threads notice that the weights have changed.
  await resumed.restore(weights, null);
  const [before_] = await open().logprobs(rows, 1);
  const [after_] = await resumed.logprobs(rows, 1);
  assert.deepEqual(after_, before_);
});

test('an update that is not finite is refused, and nothing is changed', async () => {
  const pool = open();
  await pool.trainStep(rows, loss, optimizer);
  const kept = pool.weights();
  const state = pool.optimizer();
  const infinite = rows.map((row) => ({ ...row, advantage: [...row.completion_ids].fill(1e39) }));
  const refused = { name: 'PlainError', message: /not a finite number/ };
  await assert.rejects(pool.trainStep(infinite, loss, optimizer), (error: unknown) => {
    assert.ok(error instanceof Error && 'next' in error);
    assert.match(error.message, refused.message);
    assert.match(String(error.next), /learning_rate/);
    return true;
  });
  const never = rows.map((row) => ({ ...row, advantage: row.completion_ids.map(() => 1) }));
  never[0]?.advantage.fill(0);
  const nan = never.map((row) => ({ ...row, advantage: Array.from(row.advantage, () => NaN) }));
  await assert.rejects(pool.trainStep(nan, loss, optimizer), refused);
  assert.deepEqual(pool.weights(), kept);
  assert.deepEqual(pool.optimizer(), state);
  await pool.trainStep(rows, loss, optimizer);
});

test('weights that blew up are noticed at the next step', async () => {
  const pool = open(1);
  await pool.trainStep(rows, loss, { ...optimizer, learning_rate: 1e38, max_grad_norm: 0 });
  await assert.rejects(pool.trainStep(rows, loss, optimizer), { name: 'PlainError' });
});

test('statistics count what was trained', async () => {
  const pool = open(2, weights, true);
  const ref = await pool.logprobs(rows, 1, 'reference');
  const own = await pool.logprobs(rows, 1);
  assert.deepEqual(own, ref);
  const onPolicy = rows.map((row, i) => ({
    ...row,
    ref_logprob: ref[i]?.logprob ?? null,
    train_logprob: own[i]?.logprob ?? null,
    behaviour_logprob: own[i]?.logprob ?? null,
  }));
  const stats = await pool.trainStep(
    onPolicy,
    { ...loss, beta: 0.1, use_old_logprob: true },
    optimizer,
  );
  const trained = rows.flatMap((row) => Array.from(row.weight)).filter((weight) => weight > 0);
  assert.equal(stats.trained_tokens, trained.length);
  assert.ok(stats.kl < 1e-9);
  assert.equal(stats.importance_ess, 1);
  assert.equal(stats.importance_mean, 1);
  assert.equal(stats['clip_ratio/region_mean'], 0);
  assert.ok(stats.entropy > 0 && stats.grad_norm > 0);

  // After a few steps the policy has left the reference and the old policy.
  for (let step = 0; step < 5; step++)
    await pool.trainStep(onPolicy, { ...loss, beta: 0.1, use_old_logprob: true }, optimizer);
  const later = await pool.trainStep(
    onPolicy,
    { ...loss, beta: 0.1, use_old_logprob: true },
    optimizer,
  );
  assert.ok(later.kl > 1e-4);
  assert.ok(later['clip_ratio/region_mean'] > 0);
  const both = later['clip_ratio/low_mean'] + later['clip_ratio/high_mean'];
  assert.ok(Math.abs(later['clip_ratio/region_mean'] - both) < 1e-9);
});

test('hotter tokens get a weight of at most importance_clip', async () => {
  const pool = open(1);
  const hot = rows.map((row) => ({
    ...row,
    train_logprob: Array.from(row.completion_ids, () => -1),
    behaviour_logprob: Array.from(row.completion_ids, (_, i) => (i % 2 === 0 ? -5 : -0.5)),
  }));
  const stats = await pool.trainStep(hot, loss, optimizer);
  const weightOf = (i: number) => (i % 2 === 0 ? 2 : Math.exp(-0.5));
  const all = rows.flatMap((row) =>
    Array.from(row.weight).flatMap((weight, i) => (weight > 0 ? [weightOf(i)] : [])),
  );
  const sum = all.reduce((a, b) => a + b, 0);
  const squares = all.reduce((a, b) => a + b * b, 0);
  assert.ok(Math.abs(stats.importance_mean - sum / all.length) < 1e-6);
  assert.ok(Math.abs(stats.importance_ess - (sum * sum) / (all.length * squares)) < 1e-6);
});

test('bad rows are refused before anything is computed', async () => {
  const pool = open(1);
  await assert.rejects(pool.trainStep([], loss, optimizer), /no rows/);
  const noReference = rows.map((row) => ({ ...row, ref_logprob: null }));
  await assert.rejects(
    pool.trainStep(noReference, { ...loss, beta: 0.1 }, optimizer),
    /ref_logprob/,
  );
  const noOld = rows.map((row) => ({ ...row, train_logprob: null }));
  await assert.rejects(
    pool.trainStep(noOld, { ...loss, use_old_logprob: true }, optimizer),
    /train_logprob/,
  );
  const noPrompt = rows.map((row) => ({ ...row, prompt_ids: new Int32Array() }));
  await assert.rejects(pool.trainStep(noPrompt, loss, optimizer), /no prompt/);
  await assert.rejects(pool.logprobs(rows, 1, 'reference'), /no reference/);
});

test('supervised training learns a rule, reproducibly', async () => {
  // The next token is the one after it, modulo 20.
  const examples = Array.from({ length: 24 }, (_, n): SupervisedRow => {
    const token_ids = Int32Array.from({ length: 6 + (n % 9) }, (_, i) => 2 + ((n + i) % 20));
    return { token_ids, weight: Array.from(token_ids, () => 1) };
  });
  const seeds = [1, 1, 2].map((seed) => initialWeights(config, seed));
  assert.deepEqual(seeds[0], seeds[1]);
  assert.notDeepEqual(seeds[0], seeds[2]);
  const run = async () => {
    const pool = open(2, seeds[0]);
    let last = await pool.supervisedStep(examples, optimizer);
    assert.ok(last.loss > 5 && last.accuracy < 0.2);
    for (let step = 0; step < 40; step++) last = await pool.supervisedStep(examples, optimizer);
    return { last, weights: pool.weights() };
  };
  const { last, weights: learned } = await run();
  assert.ok(last.loss < 1 && last.accuracy > 0.9, `loss ${last.loss}, right ${last.accuracy}`);
  assert.deepEqual((await run()).weights, learned);
  const [first] = examples;
  assert.ok(first);
  const silent = [{ ...first, weight: Array.from(first.token_ids, () => 0) }];
  await assert.rejects(open(1).supervisedStep(silent, optimizer), /no token has a weight/);
});

test('fresh weights have the spread of transformers', () => {
  const fresh = initialWeights(config, 5);
  const { places } = weightLayout(config);
  for (const { offset, size, decays, name } of places) {
    const part = fresh.subarray(offset, offset + size);
    if (!decays) assert.ok(part.every((value) => value === 1));
    else {
      const deviation = Math.hypot(...part) / Math.sqrt(size);
      assert.ok(Math.abs(deviation - 0.02) < 0.002, `${name}: ${deviation}`);
    }
  }
});

test('draws are uniform, and depend on every one of their four numbers', () => {
  const count = 20000;
  const bins = new Float64Array(10);
  let product = 0;
  for (let i = 0; i < count; i++) {
    const draw = uniform(1, 2, 3, i);
    assert.ok(draw >= 0 && draw < 1);
    const bin = Math.floor(draw * 10);
    bins[bin] = (bins[bin] ?? 0) + 1;
    product += (draw - 0.5) * (uniform(1, 2, 4, i) - 0.5);
  }
  // Four standard deviations.
  for (const bin of bins) assert.ok(Math.abs(bin - count / 10) < 4 * Math.sqrt(count * 0.09));
  assert.ok(Math.abs(product) < (4 * Math.sqrt(count)) / 12);
  const draws = [
    uniform(1, 2, 3, 4),
    uniform(2, 2, 3, 4),
    uniform(1, 3, 3, 4),
    uniform(1, 2, 4, 4),
    uniform(1, 2, 3, 5),
    uniform(2 ** 40 + 1, 2, 3, 4),
  ];
  assert.equal(new Set(draws).size, draws.length);
});
