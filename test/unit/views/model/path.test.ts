import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SegmentRow } from '../../../../src/run/model/segment.ts';
import { watchingOf } from '../../../../src/views/model/explain.ts';
import { partsOf, pathView, tokenDetail } from '../../../../src/views/model/path.ts';
import { Vocabulary } from '../../../../src/views/model/vocabulary.ts';
import { cutRow, row, summaries, tokensOf } from '../../../fixtures/segments.ts';

const rules = watchingOf({});

function viewOf(rows: SegmentRow[], segment_id: number, vocabulary = new Vocabulary()) {
  const parts = partsOf(summaries(rows), segment_id);
  const tokens = parts.map(({ segment }) => {
    const found = rows.find((one) => one.segment_id === segment.segment_id)?.tokens;
    assert.ok(found);
    vocabulary.learn(found);
    return found;
  });
  return { parts, tokens, view: pathView(summaries(rows), parts, tokens, rules, vocabulary) };
}

const chain = [
  cutRow({
    segment_id: 0,
    tokens: tokensOf('47+280=3'),
    failure_top: { ids: Int32Array.of(50, 51, 999), logprobs: Float32Array.of(-0.9, -1.1, -2) },
  }),
  row({
    segment_id: 1,
    parent_id: 0,
    fork_at: 8,
    tokens: tokensOf('27', { max_prob: Float32Array.of(0.41, 0.99) }),
    temperature: 1.2,
  }),
  row({
    segment_id: 2,
    parent_id: 0,
    fork_at: 8,
    attempt: 2,
    tokens: tokensOf('17'),
    rewards: { accuracy: 0 },
    reward: 0,
  }),
];

test('a path is its prefix and its own tokens', () => {
  const { view } = viewOf(chain, 1);
  assert.equal(view.text, '47+280=327');
  assert.equal(view.ends.length, 10);
  assert.deepEqual(
    view.parts.map(({ label, from, to, temperature }) => [label, from, to, temperature]),
    [
      ['root 1', 0, 8, 1],
      ['try 1', 8, 10, 1.2],
    ],
  );
  assert.ok(Math.abs((view.max_prob[8] ?? 0) - 0.41) < 1e-6);
});

test('the failure point is a mark with its alternatives and the branches that leave there', () => {
  const [mark] = viewOf(chain, 1).view.marks;
  assert.equal(mark?.at, 8);
  assert.match(mark.failure?.sentence ?? '', /0\.41 < 0\.7/);
  assert.deepEqual(
    mark.failure?.alternatives.map(({ text }) => text),
    ['2', '3', null],
  );
  assert.deepEqual(
    mark.branches.map(({ label, outcome, taken }) => [label, outcome, taken]),
    [
      ['try 1', 'right', true],
      ['try 2', 'wrong', false],
    ],
  );
});

test('the path to a cut segment ends at its failure point', () => {
  const { view } = viewOf(chain, 0);
  assert.equal(view.status, 'truncated');
  assert.equal(view.ends.length, 8);
  assert.equal(view.marks[0]?.at, 8);
});

test('a branch from the middle keeps its prefix exactly, and the parent is a branch there too', () => {
  const rows = [
    row({ segment_id: 0, tokens: tokensOf('a😀cdef') }),
    row({ segment_id: 1, parent_id: 0, fork_at: 2, tokens: tokensOf('XY') }),
    row({ segment_id: 2, parent_id: 0, fork_at: 4, attempt: 1, tokens: tokensOf('Z') }),
  ];
  const { view } = viewOf(rows, 1);
  assert.equal(view.text, 'a😀XY');
  assert.deepEqual([...view.ends], [1, 3, 4, 5]);
  assert.deepEqual(
    view.marks.map(({ at, branches }) => [at, branches.map(({ segment_id }) => segment_id)]),
    [[2, [0, 1]]],
  );
  // Seen from the root both branches leave it, and none is taken.
  assert.deepEqual(
    viewOf(rows, 0).view.marks.map(({ at, branches }) => [at, branches.map((b) => b.taken)]),
    [
      [2, [false]],
      [4, [false]],
    ],
  );
});

test('details: rank, alternatives, ratio, sentence', () => {
  const tokens = tokensOf('27', {
    max_prob: Float32Array.of(0.41, 0.999),
    entropy: Float32Array.of(1.32, 0.01),
    logprob: Float32Array.of(-1.1, -0.01),
    train_logprob: Float32Array.of(-0.9, -0.01),
    top: new Map([[0, { ids: Int32Array.of(51, 50), logprobs: Float32Array.of(-0.9, -1.1) }]]),
  });
  const rows = [chain[0], row({ segment_id: 1, parent_id: 0, fork_at: 8, tokens })].filter(
    (one) => one !== undefined,
  );
  const vocabulary = new Vocabulary((id) => (id === 51 ? '3' : null));
  const { parts } = viewOf(rows, 1, vocabulary);
  const part = parts[1];
  assert.ok(part);
  const first = tokenDetail(part, tokens, 'try 1', 8, rules, vocabulary);
  assert.equal(first.text, '2');
  assert.equal(first.rank, '2');
  assert.deepEqual(
    first.alternatives.map(({ text, sampled }) => [text, sampled]),
    [
      ['3', false],
      ['2', true],
    ],
  );
  assert.ok(Math.abs((first.ratio ?? 0) - Math.exp(0.2)) < 1e-5);
  assert.match(first.sentence, /position 8 < min_prefix_length 15/);
  assert.match(first.alternatives_note, /All others together 0\.26/);
  const second = tokenDetail(part, tokens, 'try 1', 9, rules, vocabulary);
  assert.equal(second.rank, '1');
  assert.match(second.alternatives_note, /was sure/);
  assert.throws(() => tokenDetail(part, tokens, 'try 1', 10, rules, vocabulary), /no token 10/);
});

test('values nobody measured become null, never NaN: messages are JSON', () => {
  const tokens = tokensOf('a', {
    entropy: Float32Array.of(NaN),
    logprob: Float32Array.of(-Infinity),
  });
  const rows = [row({ segment_id: 0, tokens })];
  const { parts } = viewOf(rows, 0);
  const part = parts[0];
  assert.ok(part);
  const detail = tokenDetail(part, tokens, 'root 1', 0, rules, new Vocabulary());
  assert.equal(detail.entropy, null);
  assert.equal(detail.logprob, null);
  assert.equal(detail.rank, 'unknown');
});

test('the vocabulary learns whole characters only', () => {
  const vocabulary = new Vocabulary();
  vocabulary.learn(
    tokensOf('é', {
      token_ids: Int32Array.of(7, 8),
      token_ends: Int32Array.of(0, 1),
    }),
  );
  assert.equal(vocabulary.textOf(7), null);
  assert.equal(vocabulary.textOf(8), null);
  vocabulary.learn(
    tokensOf('xé', { token_ids: Int32Array.of(5, 9), token_ends: Int32Array.of(1, 2) }),
  );
  assert.equal(vocabulary.textOf(9), 'é');
});
