import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { parseRecipe } from '../../../src/recipe/parse.ts';

const folder = new URL('../../../recipes/', import.meta.url);
const read = (name: string) => readFile(new URL(name, folder), 'utf8');

test('every shipped recipe is clean, says on top what it is for, and who runs it is clear', async () => {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.yaml'));
  for (const name of names) {
    const source = await read(name);
    assert.match(source, /^# \S/, name);
    const { engine, findings } = parseRecipe(source);
    assert.deepEqual(findings, [], name);
    assert.equal(engine, name.startsWith('qwen') ? 'trl' : 'built-in', name);
  }
  assert.equal(names.filter((name) => name.startsWith('qwen')).length, 3);
});

test('the tree recipe is the adaptive one with another strategy, so that they compare', async () => {
  const adaptive = parseRecipe(await read('adaptive_grpo.yaml')).recipe;
  const tree = parseRecipe(await read('tree_grpo.yaml')).recipe;
  assert.ok(adaptive && tree);
  const { fork_policy, fork_spacing, min_prefix_length, max_resamples_per_prefix } = tree;
  assert.equal(fork_policy, 'top_entropy');
  assert.deepEqual(tree, {
    ...adaptive,
    ...{ fork_policy, fork_spacing, min_prefix_length, max_resamples_per_prefix },
  });
});
