import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { csvOf } from '../../../src/compare/csv.ts';
import { compareAgain, compareSides } from '../../../src/compare/comparison.ts';
import { comparisonText, parseComparison } from '../../../src/compare/file.ts';
import { markdownOf } from '../../../src/compare/markdown.ts';
import { PlainError } from '../../../src/common/errors.ts';
import { endingAt, runOf, sideOf } from './runs.ts';

const options = {
  name: 'test',
  created_at: '2026-01-01T00:00:00.000Z',
  commands: ['./compare_strategies.sh recipes/a.yaml --seeds 3'],
  budget: 2000,
};
const comparison = compareSides(
  [endingAt('baseline', [0.6, 0.7, 0.65]), endingAt('adaptive', [0.8, 0.9, 0.87])],
  options,
);

test('comparison.json opens again and says the same', () => {
  const again = parseComparison(comparisonText(comparison), 'comparison.json');
  assert.equal(comparisonText(again), comparisonText(comparison));
  assert.deepEqual(
    again.table.map(({ sentence }) => sentence),
    comparison.table.map(({ sentence }) => sentence),
  );
  // Worked out anew from the curves in the file, the table is the same one.
  assert.deepEqual(
    compareAgain(again, {}).table.map(({ sentence }) => sentence),
    comparison.table.map(({ sentence }) => sentence),
  );
});

const plainError = (message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof PlainError);
  assert.match(error.message, message);
  assert.ok(error.next.length > 0);
  return true;
};

test('wherever comparison.json is cut off, a plain sentence says so', () => {
  const text = comparisonText(comparison).trimEnd();
  fc.assert(
    fc.property(fc.integer({ min: 0, max: text.length - 1 }), (end) => {
      assert.throws(
        () => parseComparison(text.slice(0, end), 'c.json'),
        plainError(/not valid JSON/),
      );
    }),
  );
});

test('a newer version and another file are told apart', () => {
  const newer = JSON.stringify({ version: 7, sides: 'other' });
  assert.throws(
    () => parseComparison(newer, 'c.json'),
    plainError(/newer Adaptive GRPO \(version 7/),
  );
  assert.throws(() => parseComparison('[]', 'c.json'), plainError(/is not a comparison/));
  assert.throws(
    () => parseComparison('{"version":1}', 'c.json'),
    plainError(/is not a comparison: name/),
  );
});

test('Markdown has a row and a sentence for each row of the table, and how it was made', () => {
  const text = markdownOf(comparison);
  const rows = text.split('\n').filter((line) => line.startsWith('|'));
  assert.equal(rows.length, comparison.table.length + 2);
  for (const row of rows) assert.equal(row.split(/(?<!\\)\|/).length, 8, row);
  for (const { label } of comparison.table) assert.ok(text.includes(`**${label}.**`), label);
  assert.ok(text.includes('```sh\n./compare_strategies.sh recipes/a.yaml --seeds 3\n```'));
  assert.match(text, /seed 2: 20 steps, 2,000 generated tokens, finished; runs\/2/);
  assert.match(text, /Budget of each run: 2,000 generated tokens/);
});

test('a name with marks in it breaks neither the table nor the page', () => {
  const hostile = '| evil `x` <script> [a](b) # \n## no';
  const text = markdownOf(
    compareSides([sideOf(hostile, runOf(1, [0.3, 0.5])), endingAt('adaptive', [0.5])], {
      ...options,
      name: hostile,
      commands: ['echo ```'],
    }),
  );
  assert.ok(!/^## no/m.test(text));
  assert.ok(!/(?<!\\)<script/.test(text));
  for (const row of text.split('\n').filter((line) => line.startsWith('|'))) {
    assert.equal(row.split(/(?<!\\)\|/).length, 8, row);
  }
  assert.ok(text.includes('````sh\necho ```\n````'));
});

test('CSV has every value once, and survives names with commas, quotes and formulas', () => {
  const lines = csvOf(comparison).trimEnd().split('\r\n');
  const points = comparison.sides
    .flatMap((side) => side.runs)
    .flatMap((run) => [...run.steps, ...run.evaluations])
    .reduce((total, { metrics }) => total + Object.keys(metrics).length, 0);
  const results = comparison.table
    .flatMap((row) => row.sides)
    .flatMap(({ values }) => values.filter(({ value, beyond }) => (value ?? beyond) !== null));
  assert.equal(lines.length, 1 + points + results.length);
  for (const line of lines) assert.equal(line.split(',').length, 10, line);
  assert.ok(lines.includes('adaptive,run-2-adaptive,2,evaluation,20,2000,40,,eval/accuracy,0.9'));

  const odd = csvOf(compareSides([endingAt('=1+1, "x"', [0.5]), endingAt('b', [0.5])], options));
  assert.ok(odd.includes(`"'=1+1, ""x""",`));
});
