import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareSides } from '../../../src/compare/comparison.ts';
import { chooseTargets } from '../../../src/compare/measures/index.ts';
import type { Pricing, Row, Sides } from '../../../src/compare/model.ts';
import { endingAt, point, runOf, sideOf } from './runs.ts';

const options = { name: 'test', created_at: '2026-01-01T00:00:00.000Z' };

function rowOf(
  sides: Sides,
  id: string,
  more: { targets?: number[]; pricing?: Pricing } = {},
): Row {
  const row = compareSides(sides, { ...options, ...more }).table.find((each) => each.id === id);
  assert.ok(row, `there is no row ${id}`);
  return row;
}

test('a clear difference over five paired seeds is more than noise, and names the better side', () => {
  const sides = [
    endingAt('baseline', [0.7, 0.71, 0.69, 0.72, 0.7]),
    endingAt('adaptive', [0.75, 0.77, 0.73, 0.77, 0.75]),
  ] as const;
  const row = rowOf(sides, 'final_accuracy');
  assert.equal(row.verdict, 'second');
  assert.equal(row.difference?.method, 'paired');
  assert.equal(row.difference.seeds, 5);
  assert.match(
    row.sentence,
    /adaptive is better: \+5\.0 points .*5 pairs of seeds.*More than noise/,
  );
  const mirrored = rowOf([sides[1], sides[0]], 'final_accuracy');
  assert.equal(mirrored.verdict, 'first');
  assert.match(mirrored.sentence, /adaptive is better: −5\.0 points for baseline/);
});

test('a small difference is called noise, whichever way it points', () => {
  const row = rowOf(
    [endingAt('baseline', [0.7, 0.8, 0.6]), endingAt('adaptive', [0.75, 0.72, 0.7])],
    'final_accuracy',
  );
  assert.equal(row.verdict, 'noise');
  assert.match(row.sentence, /^Within noise: \+2\.3 points for adaptive, but the interval holds 0/);
});

test('with one seed nothing is claimed, however large the difference', () => {
  const row = rowOf([endingAt('baseline', [0.4]), endingAt('adaptive', [0.9])], 'final_accuracy');
  assert.equal(row.verdict, 'unknown');
  assert.equal(row.difference, null);
  assert.ok(Math.abs((row.delta ?? 0) - 0.5) < 1e-12);
  assert.match(
    row.sentence,
    /^\+50\.0 points with one seed a side: nobody can tell that from noise/,
  );
});

test('other seeds are compared as two samples, by Welch', () => {
  const row = rowOf(
    [endingAt('baseline', [0.7, 0.71, 0.72], 1), endingAt('adaptive', [0.8, 0.81, 0.83], 11)],
    'final_accuracy',
  );
  assert.equal(row.difference?.method, 'welch');
  assert.equal(row.verdict, 'second');
});

test('a side with more seeds is paired by those both have', () => {
  const row = rowOf(
    [endingAt('baseline', [0.7, 0.71, 0.72, 0.9]), endingAt('adaptive', [0.8, 0.82, 0.83])],
    'final_accuracy',
  );
  assert.equal(row.difference?.method, 'paired');
  assert.equal(row.difference.seeds, 3);
});

test('the same seed twice on a side is not paired', () => {
  const twice = sideOf('adaptive', runOf(1, [0.3, 0.8]), runOf(1, [0.3, 0.9]));
  const row = rowOf([endingAt('baseline', [0.7, 0.8]), twice], 'final_accuracy');
  assert.equal(row.difference?.method, 'welch');
});

test('the same difference for every seed is not called real: there is no spread to judge by', () => {
  const row = rowOf(
    [endingAt('baseline', [0.5, 0.625]), endingAt('adaptive', [0.75, 0.875])],
    'final_accuracy',
  );
  assert.equal(row.verdict, 'unknown');
  assert.match(row.sentence, /without any spread/);
});

test('the same runs on both sides differ in nothing', () => {
  const side = endingAt('a', [0.5, 0.6, 0.7]);
  for (const row of compareSides([side, { ...side, name: 'b' }], { ...options, targets: [0.4] })
    .table) {
    assert.equal(row.delta, 0, row.id);
    assert.equal(row.verdict, 'noise', row.id);
    assert.equal(row.sentence, 'The same on both sides for every seed.');
  }
});

test('tokens to a target are read off the line between two evaluations', () => {
  // 0.3 at 0 tokens, 0.5 at 1,000, 0.7 at 2,000.
  const side = endingAt('baseline', [0.7]);
  const value = (target: number) =>
    rowOf([side, side], `tokens_to/${target}`, { targets: [target] }).sides[0].values[0]?.value;
  assert.ok(Math.abs((value(0.4) ?? 0) - 500) < 1e-6);
  assert.equal(value(0.5), 1000);
  assert.equal(value(0.2), 0);
});

test('a target that is not reached is said, and no mean is made of the runs that reached it', () => {
  const row = rowOf(
    [endingAt('baseline', [0.7, 0.5, 0.7]), endingAt('adaptive', [0.7, 0.8, 0.9])],
    'tokens_to/0.6',
    { targets: [0.6] },
  );
  assert.equal(row.sides[0].mean, null);
  assert.equal(row.delta, null);
  assert.equal(row.verdict, 'unknown');
  assert.deepEqual(row.sides[0].values[1], { seed: 2, value: null, beyond: 2000 });
  assert.match(
    row.sentence,
    /^baseline: 2 of 3 seeds reached it, the others not within 2,000 tokens\. adaptive: all 3 seeds reached it/,
  );
});

test('nobody reached the target', () => {
  const side = endingAt('baseline', [0.4]);
  const { sentence } = rowOf([side, { ...side, name: 'b' }], 'tokens_to/0.9', { targets: [0.9] });
  assert.match(sentence, /baseline: not reached within 2,000 tokens\. b: not reached/);
});

test('a point of accuracy has a price in tokens, and in money where there is one', () => {
  const sides = [endingAt('baseline', [0.8]), endingAt('adaptive', [0.8])] as const;
  const pricing = { per_hour: null, per_million_tokens: 1e6, currency: '€' };
  assert.ok(Math.abs((rowOf(sides, 'tokens_per_point').sides[0].mean ?? 0) - 40) < 1e-9);
  assert.ok(Math.abs((rowOf(sides, 'cost_per_point', { pricing }).sides[0].mean ?? 0) - 40) < 1e-9);
  const ids = compareSides(sides, options).table.map(({ id }) => id);
  assert.ok(!ids.includes('cost_per_point') && !ids.includes('cost'));
});

test('a run that gained nothing has no price for a point', () => {
  const row = rowOf([endingAt('baseline', [0.3]), endingAt('adaptive', [0.5])], 'tokens_per_point');
  assert.equal(row.sides[0].mean, null);
  assert.match(row.sentence, /^baseline: not reached within 2,000 tokens\. adaptive: /);
  // A mean over those alone that gained something would praise a side for the others.
  const mixed = [endingAt('baseline', [0.8, 0.3]), endingAt('adaptive', [0.5, 0.5])] as const;
  const pricing = { per_hour: null, per_million_tokens: 1e6, currency: '€' };
  const { sides, verdict, sentence } = rowOf(mixed, 'cost_per_point', { pricing });
  assert.deepEqual([sides[0].mean, verdict], [null, 'unknown']);
  assert.match(sentence, /^baseline: 1 of 2 seeds reached it, the others not within €2,000\./);
});

test('runs of different length are also compared where the shortest one ended', () => {
  const short = sideOf('adaptive', runOf(1, [0.3, 0.6], { strategy: 'adaptive' }));
  const long = endingAt('baseline', [0.7]);
  const row = rowOf([long, short], 'accuracy_at_equal_tokens');
  assert.deepEqual(
    row.sides.map(({ mean }) => mean),
    [0.5, 0.6],
  );
  const even = compareSides([long, endingAt('adaptive', [0.7])], options).table;
  assert.ok(!even.some(({ id }) => id === 'accuracy_at_equal_tokens'));
});

test('what only one side has is said to be unknown, and what none has makes no row', () => {
  const rates = { 'adaptive/rescue_rate': 0.25 };
  const adaptive = sideOf('adaptive', runOf(1, [0.3, 0.5], { steps: [point(1, 100, rates)] }));
  const table = compareSides([endingAt('baseline', [0.5]), adaptive], options).table;
  const rescue = table.find(({ id }) => id === 'adaptive/rescue_rate');
  assert.equal(rescue?.sides[1].mean, 0.25);
  assert.equal(rescue.verdict, 'unknown');
  assert.ok(!table.some(({ id }) => id === 'adaptive/avg_failure_point'));
});

test('the best of k samples has a row only where there are several', () => {
  const side = (name: string, best: number) => {
    const metrics = { 'eval/accuracy': 0.5, 'eval/pass@1': 0.25, 'eval/pass@k': best };
    return sideOf(name, runOf(1, [], { evaluations: [point(1, 100, metrics)] }));
  };
  const ids = (best: number) =>
    compareSides([side('a', best), side('b', best)], options).table.map(({ id }) => id);
  assert.ok(!ids(0.25).includes('final_pass@k'));
  assert.ok(ids(0.75).includes('final_pass@k'));
});

test('a benchmark has a row', () => {
  const benchmark = (accuracy: number) => [
    { name: 'countdown', prompts: 50, metrics: { 'eval/accuracy': accuracy } },
  ];
  const row = rowOf(
    [
      sideOf('baseline', runOf(1, [0.5], { benchmarks: benchmark(0.1) })),
      sideOf('adaptive', runOf(1, [0.5], { benchmarks: benchmark(0.2) })),
    ],
    'benchmark/countdown',
  );
  assert.ok(Math.abs((row.delta ?? 0) - 0.1) < 1e-12);
});

test('sides without runs, and runs without anything, make no row and no error', () => {
  assert.deepEqual(compareSides([sideOf('a'), sideOf('b')], options).table, []);
  const nothing = runOf(1, [], { steps: [], evaluations: [] });
  assert.deepEqual(compareSides([sideOf('a', nothing), sideOf('b', nothing)], options).table, []);
});

test('targets are round, at most four, between the beginning and the best end', () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(share, share, (a, b) => {
      const sides = [endingAt('a', [a]), endingAt('b', [b])] as const;
      const targets = chooseTargets(sides);
      assert.ok(targets.length <= 4);
      for (const target of targets) {
        assert.ok(target > 0.3 && target <= Math.max(a, b) + 1e-9);
        assert.ok(Math.abs(target * 100 - Math.round(target * 100)) < 1e-9);
      }
      if (Math.max(a, b) >= 0.52) assert.ok(targets.length > 0);
    }),
  );
  assert.deepEqual(
    chooseTargets([endingAt('a', [0.785]), endingAt('b', [0.6])]),
    [0.4, 0.5, 0.6, 0.7],
  );
});

test('whatever the runs hold, every row has a sentence and its verdict fits its interval', () => {
  const finals = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 5 });
  fc.assert(
    fc.property(finals, finals, fc.boolean(), (a, b, same) => {
      const sides = [endingAt('baseline', a), endingAt('adaptive', b, same ? 1 : 50)] as const;
      for (const { sentence, verdict, difference, id } of compareSides(sides, options).table) {
        assert.ok(sentence.length > 0 && !sentence.includes('NaN'), `${id}: ${sentence}`);
        if (difference === null) assert.equal(verdict, 'unknown');
        else if (verdict === 'noise') assert.ok(difference.low <= 0 && difference.high >= 0);
        else if (verdict !== 'unknown') assert.ok(difference.low > 0 || difference.high < 0);
      }
    }),
  );
});
