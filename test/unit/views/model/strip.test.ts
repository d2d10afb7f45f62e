import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { levelOf, short, signed } from '../../../../src/views/model/scale.ts';
import { mean, stripOf } from '../../../../src/views/model/strip.ts';

test('one unsure token among a thousand keeps its cell', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 999 }),
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 0, max: 500 }),
      (at, stride, fork_at) => {
        const entropy = new Float32Array(1000).fill(0.01);
        entropy[at] = 2.5;
        const strip = stripOf(7, fork_at, entropy, 'entropy', stride);
        const cell = strip.levels.indexOf(7);
        assert.ok(cell >= 0);
        assert.equal(strip.positions[cell], fork_at + at);
        assert.equal(strip.levels.filter((level) => level > 0).length, 1);
      },
    ),
  );
});

test('cells stand above each other along the path, wherever a segment begins', () => {
  const strip = stripOf(1, 25, new Float32Array(12), 'entropy', 10);
  // Positions 25…36 fall into cells 2 and 3 of the tree.
  assert.equal(strip.levels.length, 2);
  assert.deepEqual([...strip.positions], [25, 30]);
});

test('a segment without tokens has no cells', () => {
  assert.equal(stripOf(1, 20, new Float32Array(0), 'max_prob', 4).levels.length, 0);
  assert.equal(mean(new Float32Array(0)), null);
});

test('levels follow the fixed bounds; what was not measured is calm', () => {
  assert.equal(levelOf('entropy', 0.01), 0);
  assert.equal(levelOf('entropy', 1.2), 5);
  assert.equal(levelOf('entropy', 99), 7);
  assert.equal(levelOf('max_prob', 0.995), 0);
  assert.equal(levelOf('max_prob', 0.69), 5);
  assert.equal(levelOf('max_prob', 0.1), 7);
  assert.equal(levelOf('logprob', -9), 7);
  assert.equal(levelOf('advantage', 0.6), 5);
  assert.equal(levelOf('advantage', -0.6), -5);
  for (const mode of ['entropy', 'max_prob', 'logprob', 'advantage'] as const) {
    assert.equal(levelOf(mode, NaN), 0);
  }
});

test('numbers fit in a row', () => {
  assert.equal(short(-0.615), '−0.61');
  assert.equal(short(NaN), '–');
  assert.equal(short(null), '–');
  assert.equal(signed(0.375), '+0.38');
  assert.equal(signed(0), '0.00');
  assert.equal(short(-0.001), '0.00');
});
