import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { startBackend } from '../../../../src/engine/compute/backend.ts';
import { packRows, unpackValues } from '../../../../src/engine/compute/batch.ts';
import type { CachedPath } from '../../../../src/engine/compute/cache.ts';
import { weightLayout } from '../../../../src/engine/compute/layout.ts';
import { prepareRows } from '../../../../src/engine/compute/loss.ts';
import { paddedVocabulary } from '../../../../src/engine/compute/model.ts';
import { ComputePool } from '../../../../src/engine/compute/pool.ts';
import { Replica } from '../../../../src/engine/compute/replica.ts';
import { learningRateAt, schedulerTypes } from '../../../../src/engine/compute/schedule.ts';
import { adamwCase, distance, logitsCases, lossCases, oracleModel, readOracle } from './oracle.ts';

before(startBackend);

for (const name of ['tied', 'untied'] as const) {
  test(`cached decoding computes the logits of transformers (${name})`, async () => {
    const { config, weights } = await oracleModel(name);
    const replica = new Replica(config);
    replica.load(weights);
    const width = paddedVocabulary(config);
    let worst = 0;
    for (const { ids, columns, last } of await readOracle(`logits-${name}.json`, logitsCases)) {
      replica.cache.reset(8, ids.length);
      const path: CachedPath = { length: 0, pages: [] };
      for (const [position, id] of ids.entries()) {
        const logits = replica.decode([id], [path], true);
        const row = logits.subarray(0, config.vocab_size);
        [0, 5, config.vocab_size - 1].forEach((column, i) => {
          worst = Math.max(worst, Math.abs((row[column] ?? NaN) - (columns[position]?.[i] ?? NaN)));
        });
        assert.ok(logits.subarray(config.vocab_size, width).every((logit) => logit < -1e29));
        if (position === ids.length - 1)
          last.forEach((value, i) => {
            worst = Math.max(worst, Math.abs((row[i] ?? NaN) - value));
          });
      }
    }
    assert.ok(worst <= 1e-4, `logits are off by ${worst}`);
  });
}

for (const kind of ['plain', 'tree'] as const) {
  test(`log probabilities, losses and gradients are torch's (${kind} rows)`, async () => {
    const { config, weights } = await oracleModel('untied');
    const replica = new Replica(config);
    replica.load(weights);
    const { rows, values, cases } = await readOracle(`loss-${kind}.json`, lossCases);
    assert.equal(cases.length, 8);
    for (const { options, loss, gradient } of cases) {
      const label = `${options.loss_type}, beta ${options.beta}`;
      const prepared = prepareRows(rows, options);
      const own = new Float32Array(weightLayout(config).size);
      const packed = packRows(prepared);
      const chunks = packed.map(({ chunk }) => chunk);
      const { loss: total, values: found } = replica.gradients(chunks, options, own);
      for (const [i, out] of found.entries()) {
        const from = packed[i];
        assert.ok(from);
        unpackValues(from, out, prepared, (row, ours) => {
          const start = prepared[row]?.start ?? 0;
          values[row]?.logprob.forEach((value, i) => {
            assert.ok(Math.abs((ours.logprob[start + i] ?? NaN) - value) < 1e-4, label);
          });
          values[row]?.entropy.forEach((value, i) => {
            assert.ok(Math.abs((ours.entropy[start + i] ?? NaN) - value) < 1e-4, label);
          });
        });
      }
      assert.ok(Math.abs(total - loss) <= 1e-5 + 1e-4 * Math.abs(loss), `${label}: loss ${total}`);
      const error = distance(config, own, gradient);
      assert.ok(error <= 1e-3, `${label}: the gradient is off by ${error}`);
    }
  });
}

test('learning rates are those of transformers', async () => {
  const schema = z.array(
    z.object({ lr_scheduler_type: z.enum(schedulerTypes), rates: z.array(z.number()) }),
  );
  for (const { lr_scheduler_type, rates } of await readOracle('schedules.json', schema))
    rates.forEach((rate, step) => {
      const own = learningRateAt(step, {
        learning_rate: 0.5,
        lr_scheduler_type,
        warmup_steps: 3,
        max_steps: 10,
      });
      assert.ok(Math.abs(own - rate) < 1e-9, `${lr_scheduler_type}, step ${step}: ${own}`);
    });
});

for (const threads of [1, 2]) {
  test(`five AdamW steps on ${threads} thread(s) end at torch's weights`, async () => {
    const { config, weights } = await oracleModel('untied');
    const { rows } = await readOracle('loss-tree.json', lossCases);
    const { options, steps, weights: expected } = await readOracle('adamw.json', adamwCase);
    const pool = new ComputePool(config, weights, { threads });
    after(() => pool.stop());
    for (const { loss, grad_norm, learning_rate } of steps) {
      const out = await pool.trainStep(rows, options, {
        learning_rate,
        adam_beta1: 0.9,
        adam_beta2: 0.99,
        adam_epsilon: 1e-8,
        weight_decay: 0.1,
        max_grad_norm: 0.05,
      });
      assert.ok(Math.abs(out.loss - loss) <= 1e-4 * Math.max(1, Math.abs(loss)), `${out.loss}`);
      assert.ok(Math.abs(out.grad_norm - grad_norm) <= 1e-3 * grad_norm, `${out.grad_norm}`);
    }
    const error = distance(config, pool.weights(), expected);
    assert.ok(error <= 1e-3, `the weights are off by ${error}`);
    assert.notEqual(distance(config, weights, expected), 0);
    await pool.stop();
  });
}
