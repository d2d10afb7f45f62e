import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { applyChange, editsFor, valueText } from '../../../src/recipe/edit.ts';
import type { Change } from '../../../src/recipe/findings.ts';

const source = `# What to train
model_name_or_path: base   # the shipped one

# Rewards
reward_funcs:
- accuracy # what we want
- format
learning_rate: 1.0e-4
seed:
run_name: "a: b" # quoted
last: 1
`;

const cases: [string, Change, (text: string) => string][] = [
  [
    'a number keeps the comment behind it',
    { kind: 'set', key: 'model_name_or_path', value: './mine' },
    (text) => text.replace(' base ', ' ./mine '),
  ],
  [
    'a small number is written so that Python takes it for one',
    { kind: 'set', key: 'learning_rate', value: 1e-6 },
    (text) => text.replace('1.0e-4', '0.000001'),
  ],
  [
    'a missing value goes behind the colon',
    { kind: 'set', key: 'seed', value: 7 },
    (text) => text.replace('seed:', 'seed: 7'),
  ],
  [
    'an entry of a list changes by itself',
    { kind: 'set', key: 'reward_funcs', value: ['accuracy', 'tag_count'] },
    (text) => text.replace('- format', '- tag_count'),
  ],
  [
    'a list of another length is written anew',
    { kind: 'set', key: 'reward_funcs', value: ['accuracy'] },
    (text) => text.replace('\n- accuracy # what we want\n- format', ' [accuracy]'),
  ],
  [
    'a text that would mean something else is quoted',
    { kind: 'set', key: 'run_name', value: 'no' },
    (text) => text.replace('"a: b"', '"no"'),
  ],
  [
    'a key that is missing is added at the end',
    { kind: 'set', key: 'num_roots', value: 3 },
    (text) => `${text}num_roots: 3\n`,
  ],
  [
    'or after another one, lists and all',
    { kind: 'set', key: 'reward_weights', value: [1, 0.1], after: 'reward_funcs' },
    (text) => text.replace('- format\n', '- format\nreward_weights: [1, 0.1]\n'),
  ],
  [
    'removing takes the value and its comments, and no other line',
    { kind: 'remove', key: 'reward_funcs' },
    (text) => text.replace('reward_funcs:\n- accuracy # what we want\n- format\n', ''),
  ],
  [
    'renaming touches the name only',
    { kind: 'rename', key: 'run_name', to: 'project' },
    (text) => text.replace('run_name', 'project'),
  ],
  [
    'renaming to a key that is there removes the old one',
    { kind: 'rename', key: 'last', to: 'seed' },
    (text) => text.replace('last: 1\n', ''),
  ],
  [
    'renaming with another value',
    { kind: 'rename', key: 'last', to: 'gradient_checkpointing_kwargs', value: { a: false } },
    (text) => text.replace('last: 1', 'gradient_checkpointing_kwargs: {a: false}'),
  ],
];

for (const [name, change, expected] of cases) {
  test(name, () => {
    assert.equal(applyChange(source, change), expected(source));
    const windows = source.replaceAll('\n', '\r\n');
    assert.equal(applyChange(windows, change), expected(source).replaceAll('\n', '\r\n'));
  });
}

test('nothing to do means no edit', () => {
  assert.deepEqual(editsFor(source, { kind: 'set', key: 'last', value: 1 }), []);
  assert.deepEqual(editsFor(source, { kind: 'remove', key: 'nowhere' }), []);
  assert.deepEqual(editsFor('- a list', { kind: 'set', key: 'seed', value: 1 }), []);
  assert.deepEqual(editsFor('{seed: 1}', { kind: 'set', key: 'seed', value: 2 }), []);
});

test('the first key of an empty recipe, and a file without a last line break', () => {
  assert.equal(applyChange('', { kind: 'set', key: 'seed', value: 1 }), 'seed: 1\n');
  assert.equal(applyChange('a: 1', { kind: 'set', key: 'seed', value: 1 }), 'a: 1\nseed: 1\n');
  assert.equal(applyChange('a: 1', { kind: 'remove', key: 'a' }), '');
});

test('values read alike in Python and here', () => {
  const values: [unknown, string][] = [
    [1e-7, '1.0e-7'],
    [2.5e-8, '2.5e-8'],
    [1e21, '1.0e+21'],
    [0.7, '0.7'],
    ['yes', '"yes"'],
    ['0x10', '"0x10"'],
    ['a b', 'a b'],
    [null, 'null'],
    [['a', 'no'], '[a, "no"]'],
    [{ x: 1 }, '{x: 1}'],
    [
      ['(]', 'a,b', 1e-7],
      '[ "(]", "a,b", 1.0e-7 ]'.replaceAll(/^\[ | \]$/g, (edge) => edge.trim()),
    ],
    ['two\nlines', '"two\\nlines"'],
  ];
  for (const [value, text] of values) {
    assert.equal(valueText(value), text);
    assert.deepEqual(parse(text), value);
    assert.deepEqual(parse(text, { version: '1.1' }), value);
  }
});

const keys = ['alpha', 'beta', 'gamma', 'delta', 'epsilon'];
const scalar = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => (Object.is(x, -0) ? 0 : x)),
  fc.boolean(),
  fc.string(),
  fc.constantFrom('no', 'null', '~', '# not a comment', 'a: b', '- x', '1e-3', ' edge ', "it's"),
);
const value = fc.oneof(scalar, fc.array(scalar, { maxLength: 4 }), fc.constant(null));
const written = fc.constantFrom(
  '1',
  '1.0e-4 # a comment',
  '"text" # another',
  'plain text',
  '[1, 2] # flow',
  '\n- a # first\n- b',
  '\n  - a\n  - b # second',
  '\n  nested: 1\n  other: 2',
  '|\n  a block\n  of text',
  '',
  '# only a comment',
);
const recipe = fc
  .record({
    order: fc.shuffledSubarray(keys, { minLength: 1 }),
    values: fc.array(written, { minLength: 5, maxLength: 5 }),
    gaps: fc.array(fc.constantFrom('', '\n', '# about the next one\n'), {
      minLength: 5,
      maxLength: 5,
    }),
    end: fc.constantFrom('', '\n', '\n# the end\n'),
  })
  .map(
    ({ order, values, gaps, end }) =>
      order
        .map((key, i) => {
          const text = values[i] ?? '';
          return `${gaps[i] ?? ''}${key}:${text.startsWith('\n') ? '' : ' '}${text}`;
        })
        .join('\n') + end,
  );

const read = (text: string): Record<string, unknown> => {
  const all: unknown = parse(text);
  return typeof all === 'object' && all !== null ? { ...all } : {};
};
const comments = (text: string) => text.match(/# (about the next one|the end)/g) ?? [];

test('whatever is set, that is what is read, and nothing else changes', () => {
  fc.assert(
    fc.property(recipe, fc.constantFrom(...keys, 'zeta'), value, (text, key, next) => {
      const after = applyChange(text, { kind: 'set', key, value: next });
      assert.deepEqual(read(after), { ...read(text), [key]: next });
      assert.deepEqual(comments(after), comments(text));
    }),
    { numRuns: 1500 },
  );
});

test('whatever is removed or renamed, the rest stays as it was', () => {
  fc.assert(
    fc.property(recipe, fc.constantFrom(...keys), (text, key) => {
      const { [key]: gone, ...rest } = read(text);
      const removed = applyChange(text, { kind: 'remove', key });
      assert.deepEqual(read(removed), rest);
      assert.deepEqual(comments(removed), comments(text));
      const renamed = applyChange(text, { kind: 'rename', key, to: 'zeta' });
      assert.deepEqual(read(renamed), gone === undefined ? rest : { ...rest, zeta: gone });
    }),
    { numRuns: 1500 },
  );
});
