import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commands } from '../../../src/views/ids.ts';
import { lensesOf } from '../../../src/views/rollout/lenses.ts';
import { row, tokensOf } from '../../fixtures/segments.ts';
import { chain, rolloutOf } from './rollouts.ts';

test('each segment says what it is, and leads to its siblings', async () => {
  const lenses = lensesOf(await rolloutOf(chain, 1), 'entropy', null);
  assert.deepEqual(
    lenses.map(({ line, title, call }) => [line, title, call?.command]),
    [
      [0, 'test run · step 1 · prompt p', commands.revealInExplorer],
      [0, 'coloured by entropy', commands.colourTokens],
      [1, 'root 1 · T 1.00 · 8 tokens · value 0.50 · advantage +0.50', commands.revealInExplorer],
      [
        1,
        'try 1 · T 1.20 · 16 tokens · reward 1.00 ✓ · advantage +0.50',
        commands.revealInExplorer,
      ],
      [1, '1 sibling', commands.siblingsAtToken],
      [1, 'diff with try 2 ✗', commands.diffRollouts],
    ],
  );
  assert.deepEqual(lenses.at(-1)?.call?.arguments, [
    { directory: '/runs/one', segment_id: 1 },
    { directory: '/runs/one', segment_id: 2 },
  ]);
});

test('the end says why the path was cut and what grew from it, probes apart', async () => {
  const rows = [
    ...chain,
    row({ segment_id: 3, parent_id: 0, fork_at: 8, kind: 'probe', tokens: tokensOf('x') }),
  ];
  const titles = lensesOf(await rolloutOf(rows, 0), 'advantage', null).map(({ title }) => title);
  assert.ok(titles.includes('coloured by advantage'));
  assert.ok(titles.includes('◆ Cut here: max prob 0.41 < 0.7. The token was never sampled.'));
  assert.ok(titles.includes('3 segments grew from this one, 1 of them probes'));
});

test('what the reader has to know comes first', async () => {
  const [first] = lensesOf(await rolloutOf(chain, 1), 'entropy', 'The run is gone.');
  assert.deepEqual(first, { line: 0, title: '⚠ The run is gone.', call: null });
});
