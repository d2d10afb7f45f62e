import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { evaluate } from '../../../../src/engine/tasks/expression.ts';

interface Tree {
  text: string;
  value: number;
}

/** Random expressions beside their value as JavaScript calculates it (small integers: exact). */
const { tree } = fc.letrec<{ tree: Tree; leaf: Tree; node: Tree }>((tie) => ({
  tree: fc.oneof({ maxDepth: 4 }, tie('leaf'), tie('node')),
  leaf: fc.integer({ min: 0, max: 9 }).map((value) => ({ text: String(value), value })),
  node: fc
    .tuple(tie('tree'), fc.constantFrom('+', '-', '*'), tie('tree'))
    .map(([a, operator, b]) => {
      const results = new Map([
        ['+', a.value + b.value],
        ['-', a.value - b.value],
        ['*', a.value * b.value],
      ]);
      return { text: `(${a.text}${operator}${b.text})`, value: results.get(operator) ?? NaN };
    }),
}));

test('values agree with plain calculation', () => {
  fc.assert(
    fc.property(tree, ({ text, value }) => {
      fc.pre(text.length <= 200);
      const found = evaluate(text);
      assert.equal(found?.denominator, 1n);
      assert.equal(found.numerator, BigInt(value));
    }),
  );
});

test('products bind tighter, equal operators go from left to right', () => {
  const cases: [string, bigint, bigint][] = [
    ['2+3*4', 14n, 1n],
    ['20-3-4', 13n, 1n],
    ['8/4/2', 1n, 1n],
    ['2-3', -1n, 1n],
    ['1/3+1/6', 1n, 2n],
    ['1/(2-5)', -1n, 3n],
    ['0/5', 0n, 1n],
  ];
  for (const [text, numerator, denominator] of cases) {
    const found = evaluate(text);
    assert.equal(found?.numerator, numerator, text);
    assert.equal(found.denominator, denominator, text);
  }
});

test('what is no expression has no value', () => {
  const texts = ['', '+', '1+', '(', ')', '()', '1)', '(1', '1 2', '1**2', '-1', '1/0', '1/(2-2)'];
  texts.push('1e3', '0x1', '١', '２+1', '1,000', '1.5', 'a', '1\n', '1//2');
  for (const text of texts) assert.equal(evaluate(text), null, text);
});

test('length, digits and nesting are bounded', () => {
  assert.equal(evaluate('9'.repeat(10)), null);
  assert.equal(evaluate(`${'('.repeat(21)}1${')'.repeat(21)}`), null);
  assert.equal(evaluate(`${'('.repeat(20)}1${')'.repeat(20)}`)?.numerator, 1n);
  assert.equal(evaluate('('.repeat(1_000_000)), null);
  assert.equal(evaluate(`1${'+1'.repeat(100)}`), null);
  const large = Array.from({ length: 20 }, () => '999999999').join('*');
  assert.equal(evaluate(large)?.numerator, 999_999_999n ** 20n);
});
