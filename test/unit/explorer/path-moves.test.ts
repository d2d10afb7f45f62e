import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PathLayout } from '../../../webview/explorer/path-layout.ts';
import { moveBy, nextFailure } from '../../../webview/explorer/path-moves.ts';

/** A line of the prompt, then three lines of 3, 1 and 2 stops. */
const layout: PathLayout = {
  lines: [[], [], [], []],
  stops: Float64Array.of(0, 1, 1.5, 2, 3, 4),
  stopLines: Uint32Array.of(1, 1, 1, 2, 3, 3),
  failures: [1.5],
};
const from = (at: number, key: string): number | null => moveBy(key, layout, at, 2);

test('keys go along the path and stop at its ends', () => {
  assert.equal(from(-1, 'ArrowRight'), 0);
  assert.equal(from(2, 'ArrowRight'), 3);
  assert.equal(from(5, 'ArrowRight'), 5);
  assert.equal(from(0, 'ArrowLeft'), 0);
  assert.equal(from(3, 'Home'), 0);
  assert.equal(from(0, 'End'), 5);
  assert.equal(from(0, 'Tab'), null);
});

test('up and down keep the place on the line as far as the line goes', () => {
  assert.equal(from(1, 'ArrowDown'), 3);
  assert.equal(from(1, 'PageDown'), 5);
  assert.equal(from(2, 'PageDown'), 5);
  assert.equal(from(5, 'ArrowUp'), 3);
  assert.equal(from(5, 'PageUp'), 1);
  assert.equal(from(0, 'ArrowUp'), 0, 'never into the prompt');
  assert.equal(from(4, 'ArrowDown'), 5);
});

test('a path without stops has nowhere to go, and no key fails on it', () => {
  const empty: PathLayout = { ...layout, stops: new Float64Array(), stopLines: new Uint32Array() };
  for (const key of ['ArrowRight', 'ArrowDown', 'PageUp', 'End']) {
    assert.equal(moveBy(key, empty, -1, 5), 0);
  }
});

test('failure points are found in both directions', () => {
  assert.equal(nextFailure(layout, null, 1), 1.5);
  assert.equal(nextFailure(layout, 1.5, 1), null);
  assert.equal(nextFailure(layout, 3, -1), 1.5);
  assert.equal(nextFailure(layout, null, -1), 1.5);
  assert.equal(nextFailure(layout, 0, -1), null);
});
