import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { interesting, promptList } from '../../../src/views/explorer/prompts.ts';
import { allPrompts as all, type PromptQuery } from '../../../src/views/explorer/protocol.ts';
import { group } from '../../fixtures/segments.ts';

const groups = [
  group({ prompt_id: 'a', step: 1, reward_mean: 0.2, correct: 0 }),
  group({ prompt_id: 'b', step: 1, reward_mean: 0.9, correct: 4, truncated: 3 }),
  group({ prompt_id: 'c', step: 2, reward_mean: null, correct: null, reward_std: null }),
  group({ prompt_id: 'd', step: 2, reward_mean: 0.4, resamples: 2 }),
];
const shown = (query: Partial<PromptQuery>) =>
  promptList(groups, { ...all, ...query }, '').rows.map((row) =>
    row.kind === 'step' ? `step ${row.step}` : row.prompt_id,
  );

test('prompts stand under their steps, the newest first', () => {
  assert.deepEqual(shown({}), ['step 2', 'c', 'd', 'step 1', 'a', 'b']);
});

test('a folded step keeps its header and its counts', () => {
  assert.deepEqual(shown({ folded: [2] }), ['step 2', 'step 1', 'a', 'b']);
  const [header] = promptList(groups, { ...all, folded: [2] }, '').rows;
  assert.ok(header?.kind === 'step');
  assert.equal(header.prompts, 2);
  assert.equal(header.reward, 0.4);
  assert.equal(header.folded, true);
});

test('sorting orders prompts within their step; what has no value comes last either way', () => {
  assert.deepEqual(shown({ sort: 'reward' }), ['step 2', 'd', 'c', 'step 1', 'b', 'a']);
  assert.deepEqual(shown({ sort: 'reward', descending: false }), [
    'step 2',
    'd',
    'c',
    'step 1',
    'a',
    'b',
  ]);
});

test('without steps the whole run is one list', () => {
  assert.deepEqual(shown({ by_step: false }), ['d', 'c', 'b', 'a']);
  assert.deepEqual(shown({ by_step: false, sort: 'truncated' }), ['b', 'a', 'c', 'd']);
});

test('outcomes: mixed, all right, all wrong', () => {
  assert.deepEqual(shown({ outcome: 'mixed', by_step: false }), ['d']);
  assert.deepEqual(shown({ outcome: 'right', by_step: false }), ['b']);
  assert.deepEqual(shown({ outcome: 'wrong', by_step: false }), ['a']);
});

test('without an accuracy, rewards that differ count as mixed', () => {
  const unjudged = group({ prompt_id: 'x', correct: null, reward_std: 0.3 });
  assert.equal(promptList([unjudged], { ...all, outcome: 'mixed' }, '').prompts, 1);
  assert.equal(promptList([unjudged], { ...all, outcome: 'right' }, '').prompts, 0);
});

test('only what is looked for is listed', () => {
  assert.deepEqual(shown({ text: 'PROMPT d', by_step: false }), ['d']);
});

test('steps after the one held at stay out', () => {
  assert.deepEqual(shown({ until_step: 1 }), ['step 1', 'a', 'b']);
});

test('positions and sizes are those a screen reader needs', () => {
  for (const row of promptList(groups, all, '').rows) {
    assert.ok(row.position >= 1 && row.position <= row.size);
  }
});

test('every matching prompt is listed once, whatever the order', () => {
  const anyGroup = fc.record({
    prompt_id: fc.string(),
    step: fc.nat(20),
    reward_mean: fc.option(fc.double({ noNaN: true })),
    truncated: fc.nat(9),
  });
  const sorts = fc.constantFrom('recorded', 'reward', 'truncated', 'reward_std' as const);
  fc.assert(
    fc.property(
      fc.uniqueArray(anyGroup, { selector: ({ step, prompt_id }) => `${step} ${prompt_id}` }),
      sorts,
      fc.boolean(),
      fc.boolean(),
      (some, sort, by_step, descending) => {
        const list = promptList(
          some.map((one) => group(one)),
          { ...all, sort, by_step, descending },
          '',
        );
        const listed = list.rows.filter((row) => row.kind === 'prompt');
        assert.equal(listed.length, some.length);
        assert.equal(list.prompts, some.length);
      },
    ),
  );
});

test('following goes to the newest step: answers that differ, then the most resamples', () => {
  assert.deepEqual(interesting(groups), { step: 2, prompt_id: 'd' });
  assert.equal(interesting([]), null);
});
