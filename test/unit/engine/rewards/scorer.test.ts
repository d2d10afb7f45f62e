import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlainError } from '../../../../src/common/errors.ts';
import { openScorer, rewardFunctions } from '../../../../src/engine/rewards/index.ts';
import { arithmetic } from '../../../../src/engine/tasks/index.ts';
import { builtInRewards } from '../../../../src/recipe/keys.ts';

const problem = { id: '', prompt: '47+8*35-9=', answer: '318' };
const right = '8*35=280\n47+280=327\n327-9=318\n#318';

test('a reward is the weighted sum of its functions', () => {
  const score = openScorer(arithmetic, ['accuracy', 'format'], [1, 0.1]);
  assert.deepEqual(score(problem, right), { rewards: { accuracy: 1, format: 1 }, reward: 1.1 });
  assert.deepEqual(score(problem, '#318'), { rewards: { accuracy: 1, format: 0 }, reward: 1 });
  assert.deepEqual(score(problem, '8*35=1\n#1'), {
    rewards: { accuracy: 0, format: 1 },
    reward: 0.1,
  });
  assert.deepEqual(score(problem, ''), { rewards: { accuracy: 0, format: 0 }, reward: 0 });
});

test('weights are 1 where none are given', () => {
  assert.equal(openScorer(arithmetic, ['accuracy', 'format'], null)(problem, right).reward, 2);
});

test('every function a recipe may name exists', () => {
  assert.deepEqual(Object.keys(rewardFunctions), [...builtInRewards]);
});

test('an unknown function or a wrong number of weights is refused in a plain sentence', () => {
  assert.throws(
    () => openScorer(arithmetic, ['accuracy', 'constructor'], null),
    (error) => error instanceof PlainError && error.message.includes('`constructor`'),
  );
  assert.throws(
    () => openScorer(arithmetic, ['accuracy'], [1, 2]),
    (error) => error instanceof PlainError && error.message.includes('2 entries for 1'),
  );
});
