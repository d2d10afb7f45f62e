import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { nameOfRecipe, newDirectoryName } from '../../../src/run/names.ts';

test('a run is called as its recipe, its directory with the local time', () => {
  const recipe = join('some where', 'my.first recipe.yaml');
  assert.equal(nameOfRecipe(recipe), 'my.first recipe');
  const now = new Date(2026, 0, 2, 3, 4, 5);
  assert.equal(newDirectoryName(recipe, now), 'my.first recipe-20260102-030405');
});
