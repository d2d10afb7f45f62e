import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeKey } from '../../../src/recipe/describe.ts';
import { keyGroups } from '../../../src/recipe/key-info.ts';
import { isRecipeKey, recipeKeyNames } from '../../../src/recipe/keys.ts';
import { editDistance, nearest } from '../../../src/recipe/nearest.ts';
import { strategyDefaults } from '../../../src/strategy/index.ts';

const described = recipeKeyNames.filter(isRecipeKey).map(describeKey);

test('every key has a group, a sentence and words for what it takes', () => {
  assert.ok(described.length > 50);
  for (const key of described) {
    assert.ok(keyGroups.includes(key.group), key.name);
    assert.match(key.description, /^[A-Z].*\.$/, key.name);
    assert.doesNotMatch(key.expects, /a value|anything|undefined/, key.name);
    assert.notEqual(key.default, undefined, key.name);
  }
});

test('the six parameters have the defaults that the product fixes', () => {
  const defaults = Object.fromEntries(described.map((key) => [key.name, key.default]));
  assert.equal(defaults.use_token_adaptive, true);
  assert.equal(defaults.uncertainty_threshold, 0.7);
  assert.equal(defaults.entropy_threshold, 2);
  assert.equal(defaults.min_prefix_length, 15);
  assert.equal(defaults.max_resamples_per_prefix, 3);
  assert.equal(defaults.adaptive_temperature_scale, 1.2);
  for (const name of Object.keys(strategyDefaults)) assert.ok(isRecipeKey(name), name);
});

test('what a key takes is said in words', () => {
  const words = Object.fromEntries(described.map((key) => [key.name, key.expects]));
  assert.equal(words.num_roots, 'a whole number of at least 2 or empty');
  assert.equal(words.reward_weights, 'a list of numbers or empty');
  assert.equal(words.scale_rewards, 'group, batch, none, true or false');
  assert.equal(words.adam_beta1, 'a number of at least 0 and below 1');
  assert.deepEqual(describeKey('loss_type').choices, ['grpo', 'bnpo', 'dr_grpo', 'dapo']);
});

test('the nearest name by edits, and none when nothing is near', () => {
  assert.equal(editDistance('kitten', 'sitting'), 3);
  assert.equal(editDistance('ab', 'ba'), 1);
  assert.equal(editDistance('', 'abc'), 3);
  assert.equal(nearest('entropy_treshold', recipeKeyNames), 'entropy_threshold');
  assert.equal(nearest('MAX-STEPS', recipeKeyNames), 'max_steps');
  assert.equal(nearest('colour', recipeKeyNames), null);
});
