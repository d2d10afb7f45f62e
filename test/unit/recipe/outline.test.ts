import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  engineOfText,
  keyLines,
  looksLikeRecipe,
  spotAt,
  type Spot,
} from '../../../src/recipe/outline.ts';
import { suggestionsFor } from '../../../src/recipe/suggest.ts';

/** `|` marks the place. */
function spot(marked: string): (Spot & { text: string }) | null {
  const offset = marked.indexOf('|');
  const source = marked.replace('|', '');
  const found = spotAt(source, offset);
  return found === null ? null : { ...found, text: source.slice(found.from, found.to) };
}

test('keys, whatever the rest of the text looks like', () => {
  const source =
    'seed: 1\r\n# note: 2\nreward_funcs: [\n  nested: 3\nrun_name:  "a # b" \nlast:# 4\nx :5';
  assert.deepEqual(
    keyLines(source).map(({ key, value, valueFrom, valueTo }) => [
      key,
      value,
      source.slice(valueFrom, valueTo),
    ]),
    [
      ['seed', '1', '1'],
      ['reward_funcs', '[', '['],
      ['run_name', '"a # b"', '"a # b"'],
    ],
  );
});

test('what is being written at a place', () => {
  const cases: [string, object | null][] = [
    ['|', { kind: 'key', text: '' }],
    ['se|', { kind: 'key', text: 'se' }],
    ['se|ed: 1', { kind: 'key', text: 'seed' }],
    ['a: 1\nnum|', { kind: 'key', text: 'num' }],
    ['loss_type: |', { kind: 'value', key: 'loss_type', text: '', inList: false }],
    ['loss_type:|', { kind: 'value', key: 'loss_type', text: '', inList: false }],
    ['loss_type: da|po # x', { kind: 'value', key: 'loss_type', text: 'dapo', inList: false }],
    ['loss_type: dapo # x|', null],
    ['# se|', null],
    ['reward_funcs: [|]', { kind: 'value', key: 'reward_funcs', text: '', inList: true }],
    ['reward_funcs: [a, fo|]', { kind: 'value', key: 'reward_funcs', text: 'fo', inList: true }],
    ['reward_funcs: [a]|', { kind: 'value', key: 'reward_funcs', inList: false }],
    ['reward_funcs:\n- |', { kind: 'value', key: 'reward_funcs', text: '', inList: true }],
    [
      'reward_funcs:\n  - a\n  - fo|',
      { kind: 'value', key: 'reward_funcs', text: 'fo', inList: true },
    ],
    ['lr_scheduler_kwargs:\n  mi|', null],
    ['seed: 1\n- |', null],
  ];
  for (const [marked, expected] of cases) {
    const found = spot(marked);
    if (expected === null) assert.equal(found, null, marked);
    else assert.partialDeepStrictEqual(found, expected, marked);
  }
});

test('a place is found in any text without trouble', () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(), (source, nat) => {
      const offset = nat % (source.length + 1);
      const found = spotAt(source, offset);
      if (found === null) return;
      assert.ok(found.from >= 0 && found.to <= source.length && found.from <= found.to);
      assert.equal(source.slice(found.from, found.to), found.word);
    }),
    { numRuns: 2000 },
  );
});

test('which files are recipes', () => {
  assert.ok(looksLikeRecipe('/w/recipes/new.yaml', ''));
  assert.ok(looksLikeRecipe('/w/recipes/new.yml', 'seed: 1\nlearning_rat: 2\n'));
  assert.ok(looksLikeRecipe('/w/recipes/Qwen/grpo/config_demo.yaml', 'num_generations: 4\n'));
  assert.ok(looksLikeRecipe('/w/config.yaml', 'a: 1\nreward_funcs:\n- accuracy\n'));
  assert.ok(!looksLikeRecipe('/w/docker-compose.yaml', 'services:\n  web:\n    image: x\n'));
  assert.ok(!looksLikeRecipe('/w/config.yaml', 'seed: 1\nlearning_rate: 2\n'));
  assert.ok(!looksLikeRecipe('/w/recipes/soup.yaml', 'title: Soup\nserves: 4\nsteps: []\n'));
  assert.ok(
    !looksLikeRecipe('/w/recipes/accelerate_configs/zero3.yaml', 'num_processes: 8\ndebug: false'),
  );
});

test('the engine is known while the text is broken', () => {
  assert.equal(engineOfText('engine: "trl"\nreward_funcs: [\n'), 'trl');
  assert.equal(engineOfText('model_name_or_path: a/b\nuse_vllm: true\nx: {'), 'trl');
  assert.equal(engineOfText('seed: 1'), 'built-in');
});

test('what may be written for a key, the default first', () => {
  const texts = (...args: Parameters<typeof suggestionsFor>) =>
    suggestionsFor(...args).map(({ text }) => text);
  assert.deepEqual(texts('built-in', 'use_token_adaptive', false), ['true', 'false']);
  assert.deepEqual(texts('built-in', 'loss_type', false), ['dapo', 'grpo', 'bnpo', 'dr_grpo']);
  assert.deepEqual(texts('built-in', 'dataset_name', false), ['arithmetic', 'countdown']);
  assert.deepEqual(texts('built-in', 'reward_funcs', true), ['accuracy', 'format']);
  assert.deepEqual(texts('built-in', 'num_roots', false), ['null']);
  assert.deepEqual(texts('trl', 'eval_strategy', false), ['"no"', 'steps', 'epoch']);
  assert.deepEqual(texts('trl', 'learning_rate', false), ['0.000001']);
  assert.ok(texts('trl', 'reward_funcs', true).includes('tag_count'));
  assert.deepEqual(texts('built-in', 'nonsense', false), []);
});
