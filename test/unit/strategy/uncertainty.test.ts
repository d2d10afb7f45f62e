import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  findFailure,
  strategyDefaults,
  triggerAt,
  uncertaintyOf,
  uncertaintyOfTop,
} from '../../../src/strategy/index.ts';
import { close } from './close.ts';

const logits = fc.array(fc.double({ min: -30, max: 30, noNaN: true }), {
  minLength: 1,
  maxLength: 50,
});

test('an even distribution has entropy ln n, a certain one 0', () => {
  close(uncertaintyOf([3, 3, 3, 3]), { max_prob: 0.25, entropy: Math.log(4) });
  close(uncertaintyOf([0, -Infinity, -Infinity]), { max_prob: 1, entropy: 0 });
  close(uncertaintyOf([1000, -1000]), { max_prob: 1, entropy: 0 });
});

test('uncertainty is within its bounds, and does not change when all logits move together', () => {
  fc.assert(
    fc.property(logits, fc.double({ min: -50, max: 50, noNaN: true }), (values, shift) => {
      const { max_prob, entropy } = uncertaintyOf(values);
      assert.ok(max_prob > 0 && max_prob <= 1 && max_prob >= 1 / values.length - 1e-12);
      assert.ok(entropy >= 0 && entropy <= Math.log(values.length) + 1e-9);
      close(uncertaintyOf(values.map((value) => value + shift)), { max_prob, entropy }, 1e-6);
    }),
  );
});

test('the entropy of the best few is a lower bound, and exact when they are all', () => {
  fc.assert(
    fc.property(logits, fc.integer({ min: 1, max: 50 }), (values, k) => {
      const exact = uncertaintyOf(values);
      const total = Math.log(values.reduce((sum, value) => sum + Math.exp(value), 0));
      const logprobs = values.map((value) => value - total).sort((a, b) => b - a);
      const known = uncertaintyOfTop(logprobs.slice(0, k));
      assert.ok(known.entropy <= exact.entropy + 1e-6);
      close(known.max_prob, exact.max_prob, 1e-6);
      if (k >= values.length) close(known.entropy, exact.entropy, 1e-6);
    }),
  );
});

test('a token triggers below the one threshold or above the other, never on it', () => {
  assert.equal(triggerAt(0.7, 2.0, strategyDefaults), null);
  assert.equal(triggerAt(0.6999, 0.1, strategyDefaults), 'max_prob');
  assert.equal(triggerAt(0.9, 2.0001, strategyDefaults), 'entropy');
  assert.equal(triggerAt(0.1, 3, strategyDefaults), 'max_prob');
});

test('the failure point is the first watched token that triggers, counted along the path', () => {
  const max_prob = [0.1, 0.99, 0.5, 0.5];
  const entropy = [3, 0.1, 1, 1];
  const find = (fork_at: number, watch_from: number) =>
    findFailure(max_prob, entropy, fork_at, watch_from, strategyDefaults);
  assert.deepEqual(find(0, 0), { failure_point: 0, trigger: 'max_prob' });
  assert.deepEqual(find(0, 1), { failure_point: 2, trigger: 'max_prob' });
  assert.deepEqual(find(20, 15), { failure_point: 20, trigger: 'max_prob' });
  assert.deepEqual(find(20, 21), { failure_point: 22, trigger: 'max_prob' });
  assert.equal(find(0, 4), null);
});
