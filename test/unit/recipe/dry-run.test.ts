import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dryRunRecipe } from '../../../src/recipe/dry-run.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';
import { strategyOf, strategyParametersOf } from '../../../src/recipe/strategy.ts';
import { strategyDefaults } from '../../../src/strategy/index.ts';

const large = `model_name_or_path: Qwen/Qwen2.5-7B-Instruct
dataset_name: somebody/math
use_vllm: true
torch_dtype: bfloat16
use_token_adaptive: true
uncertainty_threshold: 0.5
entropy_threshold: hot
fork_policy: top_entropy
num_generations: 16
num_roots: 4
temperature: 0.7
loss_type: vespo
beta: 0.04
max_steps: -1
`;

test('the strategy of a recipe, whichever engine it is for and however wrong the rest is', () => {
  assert.deepEqual(strategyOf(large), {
    ...strategyDefaults,
    uncertainty_threshold: 0.5,
    fork_policy: 'top_entropy',
    num_generations: 16,
    num_roots: 4,
    temperature: 0.7,
  });
  assert.deepEqual(strategyOf('seed: 1'), strategyDefaults);
  assert.equal(strategyOf('num_generations: 6')?.num_roots, 3);
  assert.equal(strategyOf('reward_funcs: ['), null);
  assert.equal(strategyOf(''), null);
});

test('the strategy of a manifest', () => {
  const parameters = strategyParametersOf({ use_token_adaptive: false, num_roots: null, x: [1] });
  assert.deepEqual(parameters, { ...strategyDefaults, use_token_adaptive: false });
});

test('any recipe becomes a short one for the built-in engine, with its strategy and objective', () => {
  const { engine, recipe, findings } = parseRecipe(dryRunRecipe(large, 'large.yaml') ?? '');
  assert.deepEqual(findings, []);
  assert.equal(engine, 'built-in');
  assert.partialDeepStrictEqual(recipe, {
    model_name_or_path: 'base',
    dataset_name: 'arithmetic',
    uncertainty_threshold: 0.5,
    entropy_threshold: 2,
    fork_policy: 'top_entropy',
    num_generations: 16,
    num_roots: 4,
    temperature: 0.7,
    // The tiny model's engine has no such loss.
    loss_type: 'dapo',
    beta: 0.04,
    per_device_train_batch_size: 32,
    max_steps: 5,
    max_completion_length: 80,
  });
});

test('odd numbers of completions, a hostile name, and no recipe at all', () => {
  const odd = dryRunRecipe('num_generations: 7', 'a\nseed: 1\u2028');
  assert.deepEqual(parseRecipe(odd ?? '').findings, []);
  assert.equal(parseRecipe(odd ?? '').recipe?.seed, 42);
  assert.equal(parseRecipe(odd ?? '').recipe?.per_device_train_batch_size, 28);
  assert.equal(dryRunRecipe('- a list', 'x'), null);
});
