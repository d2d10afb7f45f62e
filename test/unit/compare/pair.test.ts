import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import {
  overridesOf,
  pairRecipe,
  suggestedBudget,
  type BuiltInPair,
} from '../../../src/compare/pair.ts';
import { PlainError } from '../../../src/common/errors.ts';
import { parseOverrides } from '../../../src/recipe/overrides.ts';
import { settingsOf } from '../../../src/recipe/check.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';

const recipe = (name: string) =>
  readFile(new URL(`../../../recipes/${name}.yaml`, import.meta.url), 'utf8');

function pairOf(source: string, args: string[] = [], seeds = 3): BuiltInPair {
  const pair = pairRecipe(source, parseOverrides(args).settings, seeds, 'a.yaml');
  assert.ok(pair.engine === 'built-in');
  return pair;
}

test('the sides differ in the strategy alone, from whichever recipe one begins', async () => {
  for (const name of ['adaptive_grpo', 'baseline_grpo', 'tree_grpo']) {
    const source = await recipe(name);
    const pair = pairOf(source, ['--max_generated_tokens', '50000']);
    assert.deepEqual(pair.seeds, [42, 43, 44]);
    const sides = (['baseline', 'adaptive'] as const).map((side) => {
      const overrides = settingsOf({
        max_generated_tokens: 50_000,
        ...overridesOf(pair, side, 43, null),
      });
      const { recipe: resolved } = parseRecipe(source, overrides);
      assert.ok(resolved);
      return resolved;
    });
    const [baseline, adaptive] = sides;
    assert.equal(baseline?.use_token_adaptive, false);
    assert.deepEqual({ ...baseline, use_token_adaptive: true }, adaptive, name);
  }
});

test('a budget of the recipe holds for both, and steps are no limit before it', async () => {
  const pair = pairOf(await recipe('adaptive_grpo'), ['--max_generated_tokens=50000']);
  assert.equal(pair.budget, 50_000);
  for (const side of ['baseline', 'adaptive'] as const) {
    const overrides = overridesOf(pair, side, 42, 99);
    assert.equal(overrides.max_generated_tokens, 50_000);
    assert.equal(overrides.max_steps, 800);
  }
});

test('without a budget the baseline makes its steps, and the other side gets their tokens', async () => {
  const pair = pairOf(await recipe('adaptive_grpo'), ['--max_steps', '10']);
  assert.equal(pair.budget, null);
  assert.deepEqual(overridesOf(pair, 'baseline', 42, null), {
    use_token_adaptive: false,
    seed: 42,
    max_steps: 10,
  });
  assert.deepEqual(overridesOf(pair, 'adaptive', 42, 26_123), {
    use_token_adaptive: true,
    seed: 42,
    max_steps: 40,
    max_generated_tokens: 26_123,
  });
});

test('who asks for steps and tokens gets the limit of both', async () => {
  const args = ['--max_steps', '10', '--max_generated_tokens', '5000'];
  const pair = pairOf(await recipe('adaptive_grpo'), args);
  assert.deepEqual(pair.limits, { baseline: { max_steps: 10 }, adaptive: { max_steps: 10 } });
});

test('a recipe for TRL is paired too, by its passes over the data where it names no steps', async () => {
  const pair = pairRecipe(await recipe('qwen2.5_1.5b_lora_24gb'), [], 2, 'a.yaml');
  assert.equal(pair.engine, 'trl');
  const epochs = pairRecipe('engine: trl\nnum_train_epochs: 2\nseed: 7\n', [], 2, 'a.yaml');
  assert.deepEqual(epochs.seeds, [7, 8]);
  assert.deepEqual(overridesOf(epochs, 'baseline', 7, null), {
    use_token_adaptive: false,
    seed: 7,
    num_train_epochs: 2,
  });
  assert.deepEqual(overridesOf(epochs, 'adaptive', 8, 900), {
    use_token_adaptive: true,
    seed: 8,
    num_train_epochs: 8,
    max_generated_tokens: 900,
  });
  assert.match(epochs.warnings.join(), /`lr_scheduler_type: linear` lowers the learning rate/);
});

test('a budget suggested for two runs at once is round and of the right size', async () => {
  const { recipe: resolved } = pairOf(await recipe('adaptive_grpo'));
  // 200 steps of 64 completions of up to 64 tokens; really about 540,000.
  assert.equal(suggestedBudget(resolved), 550_000);
});

test('what makes a comparison unfair or blind is said before it begins', async () => {
  assert.deepEqual(pairOf(await recipe('adaptive_grpo')).warnings, []);
  const { warnings } = pairOf('lr_scheduler_type: linear\neval_num_prompts: 0\n');
  assert.equal(warnings.length, 2);
  assert.match(warnings[0] ?? '', /`lr_scheduler_type: linear` lowers the learning rate/);
  assert.match(warnings[1] ?? '', /nothing will be known/);
});

const refused = (source: string, message: RegExp, seeds = 2) =>
  assert.throws(
    () => pairRecipe(source, [], seeds, 'a.yaml'),
    (error) => {
      assert.ok(error instanceof PlainError);
      assert.match(error.message, message);
      assert.ok(error.next.length > 0);
      return true;
    },
  );

test('zero seeds, a wrong one and one without resamples are refused plainly', async () => {
  refused(await recipe('adaptive_grpo'), /0 seeds are no comparison/, 0);
  refused(await recipe('adaptive_grpo'), /1\.5 seeds/, 1.5);
  refused('learning_rate: fast\n', /a\.yaml:1:16: error/);
  refused('max_resamples_per_prefix: 0\n', /max_resamples_per_prefix/);
  refused('seed: 4294967295\n', /too large/);
  refused('', /empty/);
});
