import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  meanInterval,
  pairedInterval,
  tFactor,
  variance,
  welchInterval,
} from '../../../src/compare/statistics.ts';

const near = (actual: number | undefined, expected: number, tolerance = 1e-6) =>
  assert.ok(
    actual !== undefined && Math.abs(actual - expected) <= tolerance,
    `${String(actual)} is not ${expected}`,
  );

test('the quantiles of t are those of the printed tables', () => {
  // NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2, t at 0.975.
  const table: [number, number][] = [
    [1, 12.706],
    [2, 4.303],
    [3, 3.182],
    [4, 2.776],
    [5, 2.571],
    [9, 2.262],
    [10, 2.228],
    [19, 2.093],
    [29, 2.045],
    [60, 2.0],
    [100, 1.984],
    [1e6, 1.96],
  ];
  for (const [degrees, value] of table) near(tFactor(degrees), value, 5.1e-4);
});

test('the quantiles of t at fractional degrees lie between their neighbours', () => {
  fc.assert(
    fc.property(fc.double({ min: 1, max: 200, noNaN: true }), (degrees) => {
      const value = tFactor(degrees);
      assert.ok(value <= tFactor(Math.floor(degrees)) + 1e-6);
      assert.ok(value >= tFactor(Math.ceil(degrees)) - 1e-6);
    }),
  );
});

test('the interval of a mean is the textbook one', () => {
  // n = 5, mean 3, s = √2.5, t(4) = 2.77645: 3 ± 1.96324.
  const interval = meanInterval([1, 2, 3, 4, 5]);
  near(interval?.mean, 3);
  near(interval?.low, 3 - 1.963243, 1e-5);
  near(interval?.high, 3 + 1.963243, 1e-5);
});

test('one value or none has no interval', () => {
  assert.equal(meanInterval([]), null);
  assert.equal(meanInterval([1]), null);
  assert.equal(pairedInterval([1], [2]), null);
  assert.equal(welchInterval([1], [2, 3]), null);
  assert.ok(Number.isNaN(variance([1])));
});

test("paired t agrees with R's t.test(paired = TRUE) on the sleep data", () => {
  // Student's sleep data: t = -4.0621, df = 9, 95 % of the difference -2.4598858 to -0.7001142.
  const first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
  const second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
  const interval = pairedInterval(first, second);
  near(interval?.mean, 1.58);
  near(interval?.low, 0.7001142, 1e-6);
  near(interval?.high, 2.4598858, 1e-6);
});

test("Welch's t agrees with R's t.test on the sleep data", () => {
  // t = -1.8608, df = 17.776, 95 % of the difference -3.3654832 to 0.2054832.
  const first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
  const second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
  const interval = welchInterval(first, second);
  near(interval?.low, -0.2054832, 1e-6);
  near(interval?.high, 3.3654832, 1e-6);
});

test('swapping the sides mirrors every interval', () => {
  const values = fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), {
    minLength: 2,
    maxLength: 9,
  });
  fc.assert(
    fc.property(values, values, (a, b) => {
      const count = Math.min(a.length, b.length);
      const [x, y] = [a.slice(0, count), b.slice(0, count)];
      for (const interval of [pairedInterval, welchInterval]) {
        const [there, back] = [interval(x, y), interval(y, x)];
        near(there?.mean, -(back?.mean ?? NaN), 1e-6);
        near(there?.low, -(back?.high ?? NaN), 1e-6);
      }
    }),
  );
});

test('no spread at all gives an interval without width, not one of NaN', () => {
  assert.deepEqual(welchInterval([1, 1], [3, 3, 3]), { mean: 2, low: 2, high: 2 });
  assert.deepEqual(pairedInterval([1, 2], [2, 3]), { mean: 1, low: 1, high: 1 });
});

test('95 % intervals hold the truth 95 % of the time', () => {
  // Gaussian samples of 4 by Box and Muller from a fixed generator; truth 0.
  let state = 12345;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  const gauss = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  const tries = 4000;
  let paired = 0;
  let welch = 0;
  for (let i = 0; i < tries; i += 1) {
    const [a, b] = [0, 1].map(() => Array.from({ length: 4 }, gauss));
    const p = pairedInterval(a ?? [], b ?? []);
    const w = welchInterval(a ?? [], b ?? []);
    if (p && p.low <= 0 && p.high >= 0) paired += 1;
    if (w && w.low <= 0 && w.high >= 0) welch += 1;
  }
  near(paired / tries, 0.95, 0.012);
  // Welch's approximation errs on the careful side with few values.
  assert.ok(welch / tries >= 0.94 && welch / tries <= 0.985, String(welch / tries));
});

test('what differs by rounding alone is no spread', () => {
  // 0.12 − 0.1 is not 0.52 − 0.5 in binary.
  const paired = pairedInterval([0.1, 0.5], [0.12, 0.52]);
  assert.ok(paired !== null);
  assert.equal(paired.low, paired.high);
  // The mean of three times 0.1 is not 0.1.
  const welch = welchInterval([0.1, 0.1, 0.1], [0.7, 0.7]);
  assert.ok(welch !== null);
  assert.equal(welch.low, welch.high);
});
