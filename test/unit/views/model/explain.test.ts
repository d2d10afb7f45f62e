import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainFailure, explainToken, watchingOf } from '../../../../src/views/model/explain.ts';

const rules = watchingOf({});
const token = { position: 20, max_prob: 0.41, entropy: 1.32, kind: 'root', first: false } as const;

test('a recipe in another dialect has the defaults', () => {
  assert.deepEqual(watchingOf({ uncertainty_threshold: 'high', fork_policy: 'magic' }), rules);
  assert.equal(watchingOf({ uncertainty_threshold: 0.5 }).uncertainty_threshold, 0.5);
  assert.equal(rules.min_prefix_length, 15);
});

test('why a path was cut', () => {
  assert.match(
    explainFailure({ trigger: 'max_prob', max_prob: 0.41, entropy: 1.3 }, rules),
    /^Cut here: max prob 0\.41 < 0\.7\./,
  );
  assert.match(
    explainFailure({ trigger: 'entropy', max_prob: 0.8, entropy: 2.4 }, rules),
    /^Cut here: entropy 2\.40 > 2 nats\./,
  );
  assert.match(
    explainFailure({ trigger: null, max_prob: null, entropy: null }, rules),
    /does not say why/,
  );
});

test('why a token did not trigger', () => {
  const say = (patch: object, more: object = {}) =>
    explainToken({ ...token, ...patch }, { ...rules, ...more });
  assert.equal(
    say({ max_prob: 0.98, entropy: 0.1 }),
    'Didn’t trigger: max prob 0.98 ≥ 0.7 and entropy 0.10 ≤ 2 nats.',
  );
  assert.equal(
    say({ position: 8 }),
    'Didn’t trigger, although max prob 0.41 < 0.7: position 8 < min_prefix_length 15.',
  );
  assert.match(say({ kind: 'resample', first: true }), /drawn again/);
  assert.match(say({}, { use_token_adaptive: false }), /Would trigger .* baseline/);
  assert.match(say({ position: 3 }, { use_token_adaptive: false }), /^Unsure .* baseline/);
  assert.match(say({}, { fork_policy: 'top_entropy' }), /fork_policy top_entropy/);
  assert.match(say({}, { max_resamples_per_prefix: 0 }), /max_resamples_per_prefix is 0/);
  assert.match(say({ kind: 'probe' }), /probe is never cut/);
  assert.match(say({}), /did not cut here/);
});

test('a value just below the threshold does not read as equal to it', () => {
  assert.match(explainToken({ ...token, max_prob: 0.6997 }, rules), /0\.6997 < 0\.7/);
});
