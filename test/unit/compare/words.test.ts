import assert from 'node:assert/strict';
import { test } from 'node:test';
import { amount, amountWithin, change, range } from '../../../src/compare/amounts.ts';
import { noPricing, type Unit } from '../../../src/compare/model.ts';

const euros = { ...noPricing, currency: '€' };

test('amounts have their unit, and as many figures as count', () => {
  const cases: [number, Unit, string][] = [
    [0.72749, 'fraction', '72.7 %'],
    [61_200.4, 'tokens', '61,200 tokens'],
    [28.31, 'tokens', '28.3 tokens'],
    [2229, 'segments', '2,229 segments'],
    [0.0585, 'nats', '0.0585 nats'],
    [1.2678, 'cost', '€1.27'],
    [0.372, 'reward', '0.372'],
    [12.34, 'seconds', '12.3 s'],
    [200, 'seconds', '3 min 20 s'],
    [59.97, 'seconds', '60.0 s'],
    [3599.6, 'seconds', '1 h 0 min'],
    [86_400, 'seconds', '24 h 0 min'],
  ];
  for (const [value, unit, text] of cases) assert.equal(amount(value, unit, euros), text);
});

test('a margin shares the unit of its mean', () => {
  assert.equal(amountWithin(0.727, 0.019, 'fraction', euros), '72.7 ± 1.9 %');
  assert.equal(amountWithin(1.5, 0.25, 'cost', euros), '€1.5 ± 0.25');
  assert.equal(amountWithin(200, 20, 'seconds', euros), '3 min 20 s ± 20.0 s');
});

test('differences have a sign, shares are told in points, and nothing has no sign', () => {
  assert.equal(change(0.058, 'fraction', euros), '+5.8 points');
  assert.equal(change(-2170, 'tokens', euros), '−2,170 tokens');
  assert.equal(change(-1.5, 'cost', euros), '−€1.5');
  assert.equal(change(-90, 'seconds', euros), '−1 min 30 s');
  assert.equal(change(0, 'fraction', euros), '0.0 points');
  assert.equal(range(-0.026, 0.142, 'fraction', euros), '−2.6 to +14.2 points');
  assert.equal(range(-1, 2, 'cost', euros), '−€1 to +€2');
});
