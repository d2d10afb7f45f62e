import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { applyTail, tailOf } from '../../../src/views/charts/tail.ts';

const row = (step: number, reward = 0) => ({ step, metrics: { reward } });

test('rows that grew travel alone', () => {
  const [one, two, three] = [row(1), row(2), row(3)];
  assert.deepEqual(tailOf([one, two], [one, two, three]), { from: 2, rows: [three] });
  assert.deepEqual(tailOf([one], [one]), { from: 1, rows: [] });
});

test('a repeated step is sent again with all that follows', () => {
  const [one, two, three] = [row(1), row(2), row(3)];
  const again = row(2, 1);
  assert.deepEqual(tailOf([one, two, three], [one, again, three]), {
    from: 1,
    rows: [again, three],
  });
});

test('whatever happened, the receiver ends up with what the sender has', () => {
  const pool = Array.from({ length: 6 }, (_, step) => row(step));
  const rows = fc.array(fc.constantFrom(...pool), { maxLength: 8 });
  fc.assert(
    fc.property(rows, rows, (sent, now) => {
      assert.deepEqual(applyTail(sent, tailOf(sent, now)), now);
    }),
  );
});
