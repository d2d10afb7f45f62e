import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { costAt, curveOf, seriesOf, smoothed, valueAt } from '../../../src/compare/curves.ts';
import { noPricing, type Pricing } from '../../../src/compare/model.ts';
import { endingAt, point, runOf, sideOf } from './runs.ts';

const priced: Pricing = { per_hour: 3.6, per_million_tokens: 2, currency: '$' };

test('cost is the hours and the tokens at their prices', () => {
  const at = point(500, 1_000_000, {}); // 1,000 s
  assert.equal(costAt(at, noPricing), null);
  assert.equal(costAt(at, { ...priced, per_million_tokens: null }), 1);
  assert.equal(costAt(at, { ...priced, per_hour: null }), 2);
  assert.equal(costAt(at, priced), 3);
  assert.equal(costAt({ ...at, generated_tokens: null }, priced), null);
});

test('a series leaves out what has no place on the axis, and keeps the later of two at one place', () => {
  const run = runOf(1, [], {
    steps: [
      point(1, 10, { reward: 1 }),
      point(2, 10, { reward: 2 }),
      point(3, null, { reward: 3 }),
      point(4, 20, {}),
      point(5, 30, { reward: 5 }),
    ],
  });
  assert.deepEqual(seriesOf(run, 'reward', 'generated_tokens', noPricing), {
    seed: 1,
    x: [10, 30],
    y: [2, 5],
  });
  assert.deepEqual(seriesOf(run, 'reward', 'step', noPricing).x, [1, 2, 3, 5]);
  assert.deepEqual(seriesOf(run, 'reward', 'cost', noPricing).x, []);
});

const ascending = fc
  .uniqueArray(fc.integer({ min: 0, max: 10_000 }), { minLength: 1, maxLength: 40 })
  .map((values) => values.sort((a, b) => a - b));

test('interpolation hits the points, stays between neighbours, and is nothing outside', () => {
  fc.assert(
    fc.property(ascending, fc.double({ min: 0, max: 10_000, noNaN: true }), (x, at) => {
      const y = x.map((value) => Math.sin(value));
      const series = { seed: 1, x, y };
      x.forEach((value, i) => assert.equal(valueAt(series, value), y[i]));
      const [first = 0, last = 0] = [x[0], x.at(-1)];
      const value = valueAt(series, at);
      assert.equal(value === null, at < first || at > last);
      if (value === null) return;
      const next = x.findIndex((each) => each >= at);
      const around = [y[next] ?? NaN, y[Math.max(0, next - 1)] ?? NaN];
      assert.ok(value >= Math.min(...around) - 1e-9 && value <= Math.max(...around) + 1e-9);
    }),
  );
});

test('smoothing keeps a constant, and begins at the first value', () => {
  const series = { seed: 1, x: [1, 2, 3], y: [5, 5, 5] };
  smoothed(series, 0.9).y.forEach((value) => assert.ok(Math.abs(value - 5) < 1e-12));
  assert.equal(smoothed({ ...series, y: [2, 8, 4] }, 0.6).y[0], 2);
  assert.deepEqual(smoothed({ ...series, y: [2, 8, 4] }, 0).y, [2, 8, 4]);
});

test('one seed is drawn as it is, without a band', () => {
  const curve = curveOf(endingAt('a', [0.5]), 'eval/accuracy', 'generated_tokens', noPricing);
  assert.deepEqual(curve.x, [0, 1000, 2000]);
  assert.deepEqual(curve.mean, [0.3, 0.4, 0.5]);
  assert.equal(curve.band, null);
  assert.equal(curve.seeds, 1);
});

test('the mean over seeds lies within the band, and within the runs', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 6 }),
      (finals) => {
        const side = endingAt('a', finals);
        const curve = curveOf(side, 'eval/accuracy', 'generated_tokens', noPricing);
        assert.ok(curve.band);
        assert.equal(curve.x.length, curve.mean.length);
        assert.equal(curve.x.length, curve.band.low.length);
        curve.mean.forEach((mean, i) => {
          assert.ok((curve.band?.low[i] ?? NaN) <= mean + 1e-12);
          assert.ok((curve.band?.high[i] ?? NaN) >= mean - 1e-12);
        });
        const last = curve.mean.at(-1) ?? NaN;
        assert.ok(Math.abs(last - finals.reduce((a, b) => a + b, 0) / finals.length) < 1e-9);
      },
    ),
  );
});

test('a run that crashed early is drawn, but does not cut the mean of the others', () => {
  const side = endingAt('a', [0.5, 0.6]);
  const crashed = runOf(9, [0.3], {
    state: 'crashed',
    evaluations: [point(0, 0, { 'eval/accuracy': 0.3 })],
  });
  const curve = curveOf(sideOf('a', ...side.runs, crashed), 'eval/accuracy', 'step', noPricing);
  assert.equal(curve.runs.length, 3);
  assert.deepEqual(curve.left_out, [9]);
  assert.equal(curve.seeds, 2);
  assert.equal(curve.x.at(-1), 20);
});

test('no runs, no points and runs without the metric give an empty curve', () => {
  for (const side of [sideOf('a'), sideOf('a', runOf(1, [])), endingAt('a', [0.5, 0.6])]) {
    const curve = curveOf(side, 'eval/pass@k', 'step', noPricing);
    assert.deepEqual([curve.x, curve.mean, curve.runs], [[], [], []]);
    assert.equal(curve.band, null);
  }
});
