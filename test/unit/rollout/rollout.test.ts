import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PlainError } from '../../../src/common/errors.ts';
import { pieces as pieceOf } from '../../fixtures/synthesize.ts';
import { firstDifference } from '../../../src/views/rollout/difference.ts';
import { failurePoints, nextPoint } from '../../../src/views/rollout/points.ts';
import {
  groupOf,
  idsOf,
  offsetOf,
  positionAt,
  textOf,
  tokenAt,
} from '../../../src/views/rollout/rollout.ts';
import { crumbs, endsOf, siblingsAt } from '../../../src/views/rollout/siblings.ts';
import { Vocabulary } from '../../../src/views/model/vocabulary.ts';
import { cutRow, row, tokensOf } from '../../fixtures/segments.ts';
import { chain, rolloutOf, sourceOf } from './rollouts.ts';

test('a document is the prompt, a line break and the completion, exactly', async () => {
  const rollout = await rolloutOf(chain, 1);
  assert.equal(rollout.document.text, 'What?\n8*35=280\n47+280=327\n#327');
  assert.equal(rollout.document.text.slice(rollout.start), rollout.view.text);
  assert.deepEqual(rollout.key, { step: 1, prompt_id: 'p' });
  assert.equal(idsOf(rollout).length, 24);
});

test('a segment that the run does not have is said in a sentence', async () => {
  await assert.rejects(rolloutOf(chain, 77), (error: unknown) => {
    assert.ok(error instanceof PlainError);
    assert.match(error.message, /has no segment 77/);
    assert.notEqual(error.next, '');
    return true;
  });
});

test('every character is of the token that wrote it, whatever the text', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...pieceOf, '\r', '\r\n', '\ud800', '\ufeff'), { maxLength: 40 }),
      async (written) => {
        const ends: number[] = [];
        let text = '';
        for (const piece of written) {
          text += piece;
          ends.push(Array.from(text).length);
        }
        const tokens = tokensOf(text, {
          token_ids: Int32Array.from(written, (_, i) => i),
          token_ends: Int32Array.from(ends),
          ...Object.fromEntries(
            ['logprob', 'entropy', 'max_prob', 'advantage'].map((name) => [
              name,
              new Float32Array(written.length),
            ]),
          ),
        });
        const rollout = await rolloutOf([row({ segment_id: 0, tokens })], 0);
        assert.equal(rollout.document.text, `What?\n${text}`);
        for (let offset = rollout.start; offset < rollout.document.text.length; offset++) {
          const token = tokenAt(rollout, offset);
          assert.ok(token !== null);
          assert.ok(offsetOf(rollout, token) <= offset && offset < offsetOf(rollout, token + 1));
          const { from, to } = groupOf(rollout, token);
          assert.ok(from <= token && token < to);
          assert.equal(positionAt(rollout, offset), from);
        }
        assert.equal(tokenAt(rollout, 0), null);
        assert.equal(tokenAt(rollout, rollout.document.text.length), null);
      },
    ),
    { numRuns: 200 },
  );
});

test('parts of a character are one', async () => {
  const tokens = tokensOf('xé!', {
    token_ids: Int32Array.of(1, 2, 3, 4),
    token_ends: Int32Array.of(1, 1, 2, 3),
    logprob: new Float32Array(4),
    entropy: new Float32Array(4),
    max_prob: new Float32Array(4),
    advantage: new Float32Array(4),
  });
  const rollout = await rolloutOf([row({ segment_id: 0, tokens })], 0);
  assert.deepEqual(groupOf(rollout, 1), { from: 1, to: 3 });
  assert.deepEqual(groupOf(rollout, 2), { from: 1, to: 3 });
  assert.equal(positionAt(rollout, offsetOf(rollout, 2)), 1);
  assert.equal(textOf(rollout, 0, 3), 'xé');
});

test('failure points: forwards, backwards, and round the end', async () => {
  const rollout = await rolloutOf(chain, 1);
  const points = failurePoints(rollout);
  assert.deepEqual(points, [{ position: 8, offset: rollout.start + 8 }]);
  assert.equal(nextPoint(points, 0, 1)?.position, 8);
  assert.equal(nextPoint(points, 20, 1)?.position, 8);
  assert.equal(nextPoint(points, 0, -1)?.position, 8);
  assert.equal(nextPoint([], 0, 1), null);
  const three = [3, 7, 9].map((offset) => ({ position: offset, offset }));
  assert.equal(nextPoint(three, 7, 1)?.offset, 9);
  assert.equal(nextPoint(three, 7, -1)?.offset, 3);
  assert.equal(nextPoint(three, 9, 1)?.offset, 3);
  assert.equal(nextPoint(three, 3, -1)?.offset, 9);
});

test('a cut path ends at its failure point', async () => {
  const rollout = await rolloutOf(chain, 0);
  assert.deepEqual(failurePoints(rollout), [{ position: 8, offset: rollout.document.text.length }]);
});

test('a path that was never cut has what would trigger instead', async () => {
  const tokens = tokensOf('abcdefghijklmnopqrst', {
    max_prob: Float32Array.from({ length: 20 }, (_, i) => (i === 2 || i === 17 ? 0.3 : 0.99)),
  });
  const rollout = await rolloutOf([row({ segment_id: 0, tokens })], 0);
  // The token at 2 is inside the prefix that never triggers.
  assert.deepEqual(
    failurePoints(rollout).map(({ position }) => position),
    [17],
  );
});

test('two rollouts part at the first token that differs, by id or by text', async () => {
  const [right, wrong, cut] = await Promise.all([1, 2, 0].map((id) => rolloutOf(chain, id)));
  assert.ok(right && wrong && cut);
  assert.equal(firstDifference(right, wrong), '8*35=280\n47+280=3'.length);
  assert.equal(firstDifference(right, right), null);
  // One is only the beginning of the other.
  assert.equal(firstDifference(cut, right), 8);
  assert.equal(firstDifference(right, cut), 8);
  const other = tokensOf('8*35=281', { token_ids: chain[0]?.tokens.token_ids ?? new Int32Array() });
  const elsewhere = await rolloutOf([cutRow({ segment_id: 0, tokens: other })], 0);
  assert.equal(firstDifference(cut, elsewhere), 7);
});

test('what siblings have at a position, the closest first', async () => {
  const rows = [
    ...chain,
    row({ segment_id: 3, tokens: tokensOf('9') }),
    row({ segment_id: 4, parent_id: 1, fork_at: 20, kind: 'probe', tokens: tokensOf('zz') }),
  ];
  const rollout = await rolloutOf(rows, 1);
  const found = await siblingsAt(sourceOf(rows), new Vocabulary(), rollout, 17);
  assert.deepEqual(
    found.map(({ row: { segment_id }, parted, token }) => [
      segment_id,
      parted,
      token?.text ?? null,
    ]),
    [
      [4, 20, '2'],
      [2, 17, '1'],
      [3, 0, null],
    ],
  );
  const [probe, wrong] = found;
  assert.ok(probe !== undefined && wrong !== undefined);
  assert.equal(wrong.after, '17\n#317');
  assert.ok(Math.abs((wrong.token?.probability ?? 0) - Math.exp(-0.01)) < 1e-6);
  assert.equal(crumbs(probe.row, rollout.rows), 'root 1 › try 1 › probe 1');
  // The truncated root that others went on from is no rollout of its own.
  assert.deepEqual(
    endsOf(rows).map(({ segment_id }) => segment_id),
    [1, 2, 3, 4],
  );
});
