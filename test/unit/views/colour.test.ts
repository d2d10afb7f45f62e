import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ColourChoice } from '../../../src/views/colour.ts';

function memory(stored?: unknown) {
  const kept = new Map<string, unknown>([['colour', stored]]);
  return {
    kept,
    get: (key: string) => kept.get(key),
    update: (key: string, value: unknown) => {
      kept.set(key, value);
      return Promise.resolve();
    },
  };
}

test('the choice is told to everybody once, and kept', () => {
  const store = memory();
  const colour = new ColourChoice(store);
  assert.equal(colour.value, 'entropy');
  const told: string[] = [];
  const listener = colour.onDidChange((value) => told.push(value));
  colour.set('advantage');
  colour.set('advantage');
  listener.dispose();
  colour.set('logprob');
  assert.deepEqual(told, ['advantage']);
  assert.equal(new ColourChoice(store).value, 'logprob');
});

test('what another version kept falls back to entropy', () => {
  assert.equal(new ColourChoice(memory('taste')).value, 'entropy');
  assert.equal(new ColourChoice(memory({})).value, 'entropy');
});
