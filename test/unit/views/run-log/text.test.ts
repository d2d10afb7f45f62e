import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LogLines, stepMentions } from '../../../../src/views/run-log/text.ts';

test('of a progress bar, what it came to is shown; other lines as they are', () => {
  const lines = new LogLines();
  assert.equal(lines.push('a\r\nLoading: 0%\rLoad'), 'a\r\n');
  assert.equal(lines.push('ing: 100%\nb\n'), 'Loading: 100%\nb\n');
  assert.equal(lines.push('no end yet'), '');
});

test('a long line and a long progress bar are read in no time', () => {
  const lines = new LogLines();
  const long = 'x'.repeat(1_000_000);
  assert.equal(lines.push(`${long}\n`), `${long}\n`);
  for (let i = 0; i < 20_000; i += 1) assert.equal(lines.push(`${i} ${'#'.repeat(100)}\r`), '');
  assert.equal(lines.push('done\n'), 'done\n');
});

test('however a log is cut into pieces, the same is shown', () => {
  const text = fc.array(fc.constantFrom('x', 'ü', '\r', '\n', ' '), { maxLength: 60 });
  fc.assert(
    fc.property(text, fc.array(fc.nat(60)), (letters, cuts) => {
      const whole = letters.join('');
      const places = [0, ...cuts, whole.length].map((at) => Math.min(at, whole.length));
      const sorted = places.sort((a, b) => a - b);
      const lines = new LogLines();
      const shown = sorted.slice(1).map((to, i) => lines.push(whole.slice(sorted[i], to)));
      assert.equal(shown.join(''), new LogLines().push(whole));
    }),
  );
});

test('the steps that lines speak of are found, and nothing else', () => {
  const text = 'step 12/200  reward 0.5\nWarning at step 3: x\nsteps 4, footstep 5, step x\n';
  assert.deepEqual(
    stepMentions(text).map(({ step, from, to }) => [step, text.slice(from, to)]),
    [
      [12, 'step 12/200'],
      [3, 'step 3'],
    ],
  );
});
