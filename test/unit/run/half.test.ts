import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { fromHalf, fromHalves, roundHalf, toHalf } from '../../../src/run/arrow/half.ts';

// The tests run on a Node that has half precision. What ships must not rely on it, and neither do
// the types, so it is looked up by name.
function builtIn(owner: object, name: string): (...args: number[]) => number {
  const method: unknown = Reflect.get(owner, name);
  assert.ok(typeof method === 'function', `this Node has no ${name}`);
  return (...args) => Number(Reflect.apply(method, owner, args));
}
const f16round = builtIn(Math, 'f16round');
const view = new DataView(new ArrayBuffer(2));
const getFloat16 = builtIn(view, 'getFloat16');

test('every half is read as the engine reads it, and goes back to the same bits', () => {
  for (let pattern = 0; pattern < 65536; pattern++) {
    view.setUint16(0, pattern);
    const value = getFloat16(0);
    assert.ok(Object.is(fromHalf(pattern), value), `bits ${pattern}`);
    if (!Number.isNaN(value)) assert.equal(toHalf(value), pattern);
  }
});

test('rounds to nearest even, from double precision', () => {
  const tricky = [65504, 65519.999, 65520, -65520, 2 ** -24, 2 ** -25, 2 ** -25 * 1.0000001];
  // Just above a tie, by less than single precision can tell: rounding twice goes wrong here.
  tricky.push(1 + 2 ** -11 + 2 ** -40, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 0.1, 0.7, -0, NaN);
  for (const value of tricky) assert.ok(Object.is(roundHalf(value), f16round(value)));
  fc.assert(
    fc.property(fc.double(), (value) => Object.is(roundHalf(value), f16round(value))),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.double({ min: -70000, max: 70000 }), (value) =>
      Object.is(roundHalf(value), f16round(value)),
    ),
    { numRuns: 5000 },
  );
});

test('whole arrays', () => {
  assert.deepEqual(fromHalves(Uint16Array.of(0x3c00, 0xc000)), Float32Array.of(1, -2));
});
