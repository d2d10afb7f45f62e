import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { catalog, chartsFor } from '../../../webview/charts/catalog.ts';
import type { ChartSpec } from '../../../webview/charts/catalog.ts';
import {
  format,
  nearestIndex,
  pointAt,
  rangeOf,
  runningMean,
  seriesOf,
  summaryOf,
  windowOf,
} from '../../../webview/charts/model.ts';
import { ticksOf } from '../../../webview/shared/ticks.ts';

function chart(id: string): ChartSpec {
  const spec = catalog.find((each) => each.id === id);
  assert.ok(spec);
  return spec;
}

const steps = [
  { step: 1, metrics: { reward: 0.2, 'tokens/generated': 1000, 'tokens/reused': 100 } },
  { step: 2, metrics: { 'tokens/generated': 2500, 'tokens/reused': 300 } },
  { step: 3, metrics: { reward: 0.5, 'tokens/generated': 3000, 'tokens/reused': 900 } },
];
const evaluations = [
  { step: 0, metrics: { 'eval/accuracy': 0.25, 'eval/pass@1': 0.2, 'tokens/generated': 0 } },
  { step: 3, metrics: { 'eval/accuracy': 0.75, 'eval/pass@1': 0.5, 'tokens/generated': 3000 } },
];
const rows = { steps, evaluations };

test('a step without a metric has no point, and NaN is no value', () => {
  const [series] = seriesOf(chart('reward'), rows, 'step');
  assert.deepEqual(series?.points, [
    { x: 1, y: 0.2, step: 1 },
    { x: 3, y: 0.5, step: 3 },
  ]);
  const nothing = { steps: [{ step: 1, metrics: { reward: NaN } }], evaluations: [] };
  assert.deepEqual(seriesOf(chart('reward'), nothing, 'step')[0]?.points, []);
});

test('against generated tokens the base model lies at zero', () => {
  const [greedy, sampled] = seriesOf(chart('accuracy'), rows, 'tokens');
  assert.deepEqual(
    greedy?.points.map(({ x, y }) => [x, y]),
    [
      [0, 0.25],
      [3000, 0.75],
    ],
  );
  assert.equal(sampled?.points.length, 2);
});

test('tokens are counted over the run and shown by the step', () => {
  const [generated, reused] = seriesOf(chart('tokens'), rows, 'step');
  assert.deepEqual(
    generated?.points.map(({ y }) => y),
    [1000, 1500, 500],
  );
  assert.deepEqual(
    reused?.points.map(({ y }) => y),
    [100, 200, 600],
  );
});

test('a row that doesn’t say its tokens, or goes back, has no place on that axis', () => {
  const odd = {
    steps: [
      { step: 1, metrics: { reward: 1 } },
      { step: 2, metrics: { reward: 2, 'tokens/generated': 50 } },
      { step: 3, metrics: { reward: 3, 'tokens/generated': 40 } },
      { step: 4, metrics: { reward: 4, 'tokens/generated': 60 } },
    ],
    evaluations: [],
  };
  assert.deepEqual(
    seriesOf(chart('reward'), odd, 'tokens')[0]?.points.map(({ step }) => step),
    [2, 4],
  );
});

test('the point under the cursor is the last one before it, or the nearest', () => {
  const ascending = fc
    .uniqueArray(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 40 })
    .map((xs) => xs.sort((a, b) => a - b).map((x) => ({ x, y: 0, step: x })));
  fc.assert(
    fc.property(ascending, fc.integer({ min: -5, max: 1005 }), (points, x) => {
      const before = points.filter((point) => point.x <= x).at(-1) ?? null;
      assert.equal(pointAt(points, x), before);
      const distance = (point: { x: number } | undefined) => Math.abs((point?.x ?? Infinity) - x);
      const best = Math.min(...points.map(distance));
      assert.equal(distance(points[nearestIndex(points, x)]), best);
    }),
  );
  assert.equal(pointAt([], 1), null);
  assert.equal(nearestIndex([], 1), -1);
});

test('the vertical axis holds every value, and begins at zero for scores', () => {
  const values = fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1 });
  fc.assert(
    fc.property(values, fc.boolean(), (ys, fromZero) => {
      const points = ys.map((y, x) => ({ x, y, step: x }));
      const { min, max } = rangeOf([{ label: '', points }], fromZero);
      assert.ok(min < max);
      assert.ok(ys.every((y) => min <= y && y <= max));
      if (fromZero) assert.ok(min <= 0);
    }),
  );
  const points = [{ x: 0, y: 0.3, step: 0 }];
  assert.equal(rangeOf([{ label: '', points }], true).min, 0);
});

test('a long curve has a running mean, a short one is clear as it is', () => {
  assert.equal(windowOf(39), 1);
  for (const points of [40, 200, 5000]) assert.equal(windowOf(points) % 2, 1);
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -50, max: 50 }), { maxLength: 60 }),
      fc.integer({ min: 0, max: 6 }),
      (ys, half) => {
        const points = ys.map((y, x) => ({ x, y, step: x }));
        const expected = ys.map((_, i) => {
          const near = ys.slice(Math.max(0, i - half), i + half + 1);
          return near.reduce((sum, y) => sum + y, 0) / near.length;
        });
        const means = runningMean(points, 2 * half + 1);
        means.forEach(({ x, y }, i) => {
          assert.equal(x, i);
          assert.ok(Math.abs(y - (expected[i] ?? NaN)) < 1e-9);
        });
        assert.equal(means.length, ys.length);
      },
    ),
  );
});

test('a small axis has two or three round numbers on it', () => {
  assert.deepEqual(ticksOf({ min: 0, max: 43.6 }), [0, 20, 40]);
  assert.deepEqual(ticksOf({ min: 0, max: 1.12 }), [0, 0.5, 1]);
  assert.deepEqual(ticksOf({ min: 0, max: 0.67 }), [0, 0.25, 0.5]);
  fc.assert(
    fc.property(
      fc.integer({ min: -1e6, max: 1e6 }),
      fc.integer({ min: 1, max: 1e6 }),
      (min, size) => {
        const ticks = ticksOf({ min, max: min + size });
        assert.ok(ticks.length >= 1 && ticks.length <= 3, ticks.join(' '));
        const slack = size * 1e-6;
        assert.ok(ticks.every((tick) => tick >= min - slack && tick <= min + size + slack));
      },
    ),
  );
});

test('values are written as a person reads them', () => {
  const cases: [number, ChartSpec['format'], string][] = [
    [0.314, 'share', '31%'],
    [0.0312, 'share', '3.1%'],
    [0, 'share', '0.0%'],
    [1, 'share', '100%'],
    [1_234_567, 'count', '1.2M'],
    [0.627, 'number', '0.63'],
    [0, 'number', '0'],
    [27.43, 'number', '27.4'],
    [127.6, 'number', '128'],
    [0.0001, 'number', '1.0e-4'],
    [-0.5, 'number', '-0.50'],
  ];
  for (const [value, kind, text] of cases) assert.equal(format(value, kind), text);
});

test('a chart is summed up in words', () => {
  const spec = chart('reward');
  assert.equal(
    summaryOf(spec, seriesOf(spec, rows, 'step')),
    'Reward. latest 0.50 at step 3, from 0.20 at step 1; highest 0.50 at step 3, lowest 0.20 at step 1.',
  );
  assert.equal(summaryOf(spec, [{ label: 'reward', points: [] }]), 'Reward. No values.');
  const accuracy = chart('accuracy');
  const words = summaryOf(accuracy, seriesOf(accuracy, rows, 'step'));
  assert.match(words, /greedy: latest 75% at step 3.*sampled: latest 50% at step 3/);
});

test('every metric of a run can be charted, each once', () => {
  const metrics = {
    steps: new Set(['reward', 'kl', 'time/step']),
    evaluations: new Set(['eval/accuracy', 'eval/pass@k']),
  };
  assert.deepEqual(chartsFor(metrics, false), [...catalog]);
  const rest = chartsFor(metrics, true).slice(catalog.length);
  assert.deepEqual(
    rest.map(({ title }) => title),
    ['eval/pass@k', 'kl', 'time/step'],
  );
  const ids = chartsFor(metrics, true).map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
});
