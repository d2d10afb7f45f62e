import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recipeSchema, recipeShape } from '../../../src/recipe/keys.ts';
import { changeableIn, changeableKeys, liveChanges } from '../../../src/recipe/live.ts';

const running = recipeSchema.parse({ uncertainty_threshold: 0.7, num_generations: 8 });

test('what a recipe says and a live run does not do yet', () => {
  assert.deepEqual(
    liveChanges('uncertainty_threshold: 0.6\ntemperature: 1.0\nnum_generations: 4\n', running),
    [{ key: 'uncertainty_threshold', from: 0.7, to: 0.6 }],
  );
  assert.deepEqual(liveChanges('seed: 42', running), []);
});

test('nothing is applied from a recipe with a mistake, or to what the run does not know', () => {
  assert.equal(liveChanges('uncertainty_threshold: 2', running), null);
  assert.equal(liveChanges('engine: trl', running), null);
  assert.deepEqual(liveChanges('temperature: 0.5', { temperature: 'warm' }), []);
  assert.deepEqual(liveChanges('temperature: 0.5', {}), []);
});

test('a TRL run changes by its recipe too, but for what TRL builds into the model', () => {
  const trl = {
    engine: 'trl',
    uncertainty_threshold: 0.7,
    temperature: 0.9,
    learning_rate: 1e-6,
    use_token_adaptive: true,
  };
  const source = 'engine: trl\nuncertainty_threshold: 0.4\nlearning_rate: 2e-6\ntemperature: 0.5\n';
  assert.deepEqual(liveChanges(source, trl), [
    { key: 'uncertainty_threshold', from: 0.7, to: 0.4 },
    { key: 'learning_rate', from: 1e-6, to: 2e-6 },
  ]);
  assert.equal(liveChanges('engine: trl\nuncertainty_threshold: 4', trl), null);
  assert.equal(liveChanges('uncertainty_threshold: 0.4', trl), null, 'for the other engine');
  assert.ok(changeableIn('built-in').includes('temperature'));
});

test('every key that can change is one of the recipe', () => {
  for (const key of changeableKeys) assert.ok(key in recipeShape);
});
