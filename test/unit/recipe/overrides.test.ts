import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseOverrides } from '../../../src/recipe/overrides.ts';
import { formatFinding } from '../../../src/recipe/findings.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';

function read(...args: string[]) {
  const { settings, findings } = parseOverrides(args);
  const parsed = parseRecipe('seed: 1\nlearning_rate: 1e-3\n', settings);
  const all = [...findings, ...parsed.findings].map((each) => formatFinding(each, 'r.yaml'));
  return { recipe: parsed.recipe, said: all };
}

test('underscores, dashes, blanks and equal signs are all understood, and win over the file', () => {
  for (const args of [
    ['--learning_rate', '1e-4'],
    ['--learning-rate', '1e-4'],
    ['--learning_rate=1e-4'],
    ['--learning-rate=1e-4'],
  ]) {
    const { recipe, said } = read(...args);
    assert.deepEqual(said, []);
    assert.equal(recipe?.learning_rate, 1e-4);
    assert.equal(recipe.seed, 1);
  }
});

test('booleans as TRL takes them', () => {
  const cases: [string[], boolean][] = [
    [['--use_token_adaptive', 'false'], false],
    [['--use_token_adaptive=False'], false],
    [['--no_use_token_adaptive'], false],
    [['--no-use-token-adaptive'], false],
    [['--use-token-adaptive'], true],
    [['--use_token_adaptive', '--seed', '2'], true],
  ];
  for (const [args, value] of cases) assert.equal(read(...args).recipe?.use_token_adaptive, value);
});

test('lists, negative numbers, empty values and texts', () => {
  const { recipe, said } = read(
    ...['--reward_funcs', 'accuracy', 'format', '--reward_weights', '1', '-0.5'],
    ...['--eval_steps', 'null', '--run_name', 'a: b', '--output_dir', 'C:\\runs\\x'],
    ...['--resume_from_checkpoint', 'true'],
  );
  assert.deepEqual(said, []);
  assert.deepEqual(recipe?.reward_weights, [1, -0.5]);
  assert.equal(recipe.eval_steps, null);
  assert.equal(recipe.run_name, 'a: b');
  assert.equal(recipe.output_dir, 'C:\\runs\\x');
  assert.equal(recipe.resume_from_checkpoint, true);
  const one = read('--reward_funcs', 'accuracy').recipe;
  assert.deepEqual(one?.reward_funcs, ['accuracy']);
  assert.deepEqual(read('--reward_funcs', '[accuracy, format]').said, []);
});

test('what is wrong names the argument', () => {
  const cases: [string[], RegExp][] = [
    [['--seed'], /^argument --seed: error: A value is missing after it\.$/],
    [['--seed', '1', '2'], /^argument --seed: error: It takes one value, but 2 follow it\.$/],
    [['seed'], /^argument seed: error: This is neither a recipe nor a `--key value`\.$/],
    [['--temperature', '-1'], /^argument --temperature: error: `temperature` must be/],
    [['--temperature', 'hot'], /but it is "hot"\.$/],
    [['--learning_rat', '1'], /Did you mean `learning_rate`\?$/],
    [['--num_generations', '3'], /^argument --num_generations: error: .* does not divide/],
    [['--vllm-mode', 'server'], /^argument --vllm-mode: warning: /],
  ];
  for (const [args, line] of cases) assert.match(read(...args).said[0] ?? 'nothing', line);
});
