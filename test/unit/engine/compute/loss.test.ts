import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { prepareRows, roundShare } from '../../../../src/engine/compute/loss.ts';
import type { LossOptions, TrainingRow } from '../../../../src/engine/compute/types.ts';
import { lossOptions as options } from '../../../fixtures/loss.ts';

function row(weight: number[]): TrainingRow {
  return {
    prompt_ids: Int32Array.of(1, 2),
    completion_ids: Int32Array.from(weight, () => 3),
    advantage: weight.map(() => 1),
    weight,
    behaviour_logprob: null,
    train_logprob: null,
    ref_logprob: null,
  };
}

/** Of the completions' tokens, row by row. */
const coefficients = (rows: TrainingRow[], changes: Partial<LossOptions> = {}) =>
  prepareRows(rows, { ...options, ...changes }).map(({ coefficient, start }) => [
    ...coefficient.subarray(start),
  ]);

test('dapo divides by what it is told the round weighs, however the round is cut up', () => {
  const weights = fc.array(fc.double({ min: 0.5, max: 2, noNaN: true }), {
    minLength: 1,
    maxLength: 8,
  });
  fc.assert(
    fc.property(fc.array(weights, { minLength: 2, maxLength: 8 }), fc.nat(), (all, cut) => {
      const rows = all.map(row);
      const round_weight = all.flat().reduce((a, b) => a + b, 0);
      const at = 1 + (cut % (rows.length - 1));
      const parts = [rows.slice(0, at), rows.slice(at)];
      const cutUp = parts.flatMap((part) => coefficients(part, { round_weight }));
      const whole = coefficients(rows);
      cutUp.flat().forEach((value, i) => {
        assert.ok(Math.abs(value - (whole.flat()[i] ?? NaN)) < 1e-6);
      });
      const sum = (values: number[][]) => values.flat().reduce((a, b) => a + b, 0);
      assert.ok(Math.abs(sum(cutUp) - 1) < 1e-5 || round_weight < 1);
    }),
  );
});

test('other losses know nothing of the rest of the round', () => {
  const rows = [row([1, 1, 1]), row([1, 1])];
  for (const loss_type of ['grpo', 'bnpo', 'dr_grpo'] as const)
    assert.deepEqual(
      coefficients(rows, { loss_type, round_weight: 1000 }),
      coefficients(rows, { loss_type }),
    );
});

/** Rounds of several updates, and the loss of each while every ratio is 1; TRL is held to it too. */
const vectors = z
  .array(
    z.object({
      per_device_train_batch_size: z.number(),
      gradient_accumulation_steps: z.number(),
      rows: z.array(z.object({ weight: z.array(z.number()), advantage: z.array(z.number()) })),
      losses: z.array(z.number()),
    }),
  )
  .parse(JSON.parse(readFileSync(new URL('../../../vectors/dapo.json', import.meta.url), 'utf8')));

test("each update's share of dapo's denominator is the one of the shared vectors", () => {
  assert.ok(vectors.some(({ losses }) => losses.length > 1));
  for (const { rows, losses, ...sizes } of vectors) {
    const { per_device_train_batch_size, gradient_accumulation_steps } = sizes;
    const weight = rows.flatMap((each) => each.weight).reduce((a, b) => a + b, 0);
    const size = per_device_train_batch_size * gradient_accumulation_steps;
    const round_weight = roundShare(weight, size, rows.length);
    const found = losses.map((_, update) => {
      const own = rows.slice(update * size, (update + 1) * size);
      const changes = { loss_type: 'dapo' as const, round_weight, per_device_train_batch_size };
      const share = coefficients(
        own.map((each) => row(each.weight)),
        changes,
      );
      return -own.reduce(
        (sum, { advantage }, r) =>
          sum + advantage.reduce((a, value, i) => a + value * (share[r]?.[i] ?? NaN), 0),
        0,
      );
    });
    found.forEach((loss, i) => {
      assert.ok(Math.abs(loss - (losses[i] ?? NaN)) < 1e-6, `${loss} for ${String(losses[i])}`);
    });
  }
});
