import assert from 'node:assert/strict';
import { test } from 'node:test';
import { finderOf, oneLine, sharedStart, titleOf } from '../../../../src/views/model/prompt.ts';

test('what all prompts begin with is left out of their titles', () => {
  const template = 'You are a careful assistant. Answer: ';
  const start = sharedStart([`${template}what is 2+2?`, `${template}what is 3+5?`]);
  assert.equal(start, `${template}what is `);
  assert.equal(titleOf({ prompt_id: 'a', prompt: `${template}what is 2+2?` }, start), '2+2?');
  assert.equal(titleOf({ prompt_id: 'a', prompt: 'Another one' }, start), 'Another one');
  assert.equal(sharedStart(['What is 1+1?', 'What is 2+2?']), '');
  assert.equal(sharedStart([template, template]), '');
});

test('a title is one line, not too long, and an empty prompt is named by its id', () => {
  assert.equal(oneLine(' a\n\n\tb\u0000c '), 'a b c');
  assert.equal(titleOf({ prompt_id: 'train/7', prompt: '\n' }, ''), 'train/7');
  assert.equal(titleOf({ prompt_id: 'a', prompt: 'x'.repeat(5000) }, '').length, 300);
});

test('every word has to be in the prompt or its id, whatever its case', () => {
  const prompt = { prompt_id: 'train/7', prompt: 'What is Two and two?' };
  for (const query of ['', '  ', 'two WHAT', 'train/7', 'TRAIN two']) {
    assert.ok(finderOf(query)(prompt), query);
  }
  assert.ok(!finderOf('two zebra')(prompt));
});
