import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { levelOf } from '../../../src/views/model/scale.ts';
import { heatOf, ruledPlaces } from '../../../src/views/rollout/heat.ts';
import { offsetOf } from '../../../src/views/rollout/rollout.ts';
import { row, tokensOf } from '../../fixtures/segments.ts';
import { covered, rolloutOf } from './rollouts.ts';

const unsure = async (text: string, entropies: readonly number[]) => {
  const length = Array.from(text).length;
  const entropy = Float32Array.from({ length }, (_, i) => entropies[i % entropies.length] ?? 0);
  return await rolloutOf([row({ segment_id: 0, tokens: tokensOf(text, { entropy }) })], 0);
};

test('each level has its tokens; a line break is marked where its line ends', async () => {
  const rollout = await unsure('ab\nc', [0, 3, 1.2, 3]);
  const heat = heatOf(rollout, 'entropy', 0, Infinity);
  assert.deepEqual([...heat.keys()].sort(), [5, 7]);
  assert.deepEqual(
    heat.get(7)?.spans.map((span) => covered(rollout, span)),
    ['b', 'c'],
  );
  assert.deepEqual(heat.get(5)?.breaks, [{ line: 1, character: 2 }]);
  assert.equal(heatOf(rollout, 'max_prob', 0, Infinity).get(1), undefined);
});

test('advantages have two sides', async () => {
  const tokens = tokensOf('ab', { advantage: Float32Array.of(-1, 0.3) });
  const heat = heatOf(await rolloutOf([row({ segment_id: 0, tokens })], 0), 'advantage', 0, 100);
  assert.deepEqual([...heat.keys()].sort(), [-7, 3]);
});

test('a window has the tokens that touch it, and no others', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(60), fc.nat(60), async (a, b) => {
      const rollout = await unsure('some text\nof several\r\nlines, and more of them', [2.5]);
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      const heat = heatOf(rollout, 'entropy', from, to).get(7)?.spans ?? [];
      const wanted = rollout.view.ends.length;
      let expected = 0;
      for (let i = 0; i < wanted; i++) {
        const [begin, end] = [offsetOf(rollout, i), offsetOf(rollout, i + 1)];
        if (begin < to && end > from) expected += 1;
      }
      assert.equal(heat.length, expected);
    }),
  );
});

test('what stands out is marked once a line beside the scroll bar', async () => {
  const rollout = await unsure(`${'x'.repeat(50)}\n${'y'.repeat(250)}`, [levelBound()]);
  const places = ruledPlaces(rollout, 'entropy');
  assert.deepEqual(
    places.map(({ line }) => line),
    [1, 2, 2, 2],
  );
  assert.deepEqual(ruledPlaces(rollout, 'max_prob'), []);
  const sure = await rolloutOf([row({ segment_id: 0, tokens: tokensOf('ab') })], 0);
  assert.deepEqual(
    ruledPlaces({ ...sure, view: { ...sure.view, advantage: Float32Array.of(1, 1) } }, 'advantage'),
    [],
  );
});

/** Just unsure enough. */
function levelBound(): number {
  assert.equal(levelOf('entropy', 1.6), 6);
  return 1.6;
}
