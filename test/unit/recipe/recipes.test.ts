import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { parseRecipe } from '../../../src/recipe/parse.ts';

async function read(name: string) {
  const url = new URL(`../../../recipes/${name}.yaml`, import.meta.url);
  const { recipe, findings } = parseRecipe(await readFile(url, 'utf8'));
  assert.deepEqual(findings, [], name);
  assert.ok(recipe);
  return recipe;
}

test('the baseline recipe is the adaptive one with the strategy off', async () => {
  const adaptive = await read('adaptive_grpo');
  const baseline = await read('baseline_grpo');
  assert.equal(adaptive.use_token_adaptive, true);
  // How many roots there are does not matter where nothing forks.
  assert.deepEqual(
    { ...baseline, num_roots: null },
    { ...adaptive, num_roots: null, use_token_adaptive: false },
  );
});

test('a short try of a recipe with a longer warm-up is fine, as in TRL', () => {
  const { recipe, findings } = parseRecipe('warmup_steps: 5\nmax_steps: 2\n');
  assert.deepEqual(findings, []);
  assert.equal(recipe?.max_steps, 2);
});
