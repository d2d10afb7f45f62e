import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Point } from '../../../../src/compare/model.ts';
import type { PairWindow } from '../../../../src/views/compare/protocol.ts';
import { keyOf, restoredSpec, type Spec } from '../../../../src/views/compare/spec.ts';
import { applyTail, tailOf } from '../../../../src/views/compare/tail.ts';
import { RowsWindow } from '../../../../webview/compare/rows-window.ts';
import { rowsInSight } from '../../../../webview/compare/sight.ts';
import { parseTargets, targetsText } from '../../../../webview/compare/targets.ts';

const point = (step: number, seconds = step): Point => ({
  step,
  generated_tokens: 10 * step,
  seconds,
  metrics: { reward: step / 10 },
});

test('what was sent and a tail make what is there, also after a crash', () => {
  const times = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 8 });
  fc.assert(
    fc.property(times, times, (a, b) => {
      const points = (each: readonly number[]) => each.map((seconds, i) => point(i + 1, seconds));
      const tail = tailOf(points(a), points(b));
      assert.deepEqual(applyTail(points(a), tail), points(b));
    }),
  );
  assert.deepEqual(tailOf([point(1), point(2)], [point(1), point(2), point(3)]), {
    from: 2,
    points: [point(3)],
  });
});

test('targets are percents; what is none is not taken', () => {
  assert.deepEqual(parseTargets('70, 60%;80 60'), [0.6, 0.7, 0.8]);
  assert.deepEqual(parseTargets('  '), []);
  for (const text of ['70, x', '-1', '101', 'NaN']) assert.equal(parseTargets(text), null, text);
  assert.equal(targetsText([0.6, 0.725, 1]), '60, 72.5, 100');
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 1000 })), (values) => {
      const targets = values
        .sort((a, b) => a - b)
        .map((value) => value / 1000)
        .slice(0, 20);
      assert.deepEqual(parseTargets(targetsText(targets)), targets);
    }),
  );
});

test('the rows in sight, wherever the page is scrolled to', () => {
  assert.deepEqual(rowsInSight(-500, 400, 20, 100, 0), { from: 0, to: 0 });
  assert.deepEqual(rowsInSight(-300, 400, 20, 100, 0), { from: 0, to: 5 });
  assert.deepEqual(rowsInSight(110, 400, 20, 100, 2), { from: 3, to: 28 });
  assert.deepEqual(rowsInSight(1900, 400, 20, 100, 2), { from: 93, to: 100 });
  assert.deepEqual(rowsInSight(9000, 400, 20, 100, 0), { from: 100, to: 100 });
});

test('the same runs are the same tab, whatever it is called', () => {
  const spec = (name: string, first: string[]): Spec => ({
    kind: 'runs',
    name,
    sides: [
      { name: 'a', directories: first },
      { name: 'b', directories: ['/c'] },
    ],
    targets: null,
  });
  assert.equal(keyOf(spec('one', ['/a', '/b'])), keyOf(spec('two', ['/b', '/a'])));
  assert.notEqual(keyOf(spec('one', ['/a'])), keyOf(spec('one', ['/b'])));
  assert.deepEqual(restoredSpec({ spec: spec('one', ['/a']), axis: 'step' }), spec('one', ['/a']));
  for (const state of [null, 7, {}, { spec: { kind: 'else' } }, { spec: null }]) {
    assert.equal(restoredSpec(state), null);
  }
});

const query = {
  pair: 0,
  step: 'newest',
  text: '',
  filter: 'any',
  sort: 'training',
  unfolded: [],
} as const;

const answer = (total: number, from: number, to: number): PairWindow => ({
  total,
  prompts: total,
  counts: { any: total, won: 0, lost: 0, both_right: 0, both_wrong: 0 },
  steps: [],
  step: null,
  from,
  rows: Array.from({ length: Math.max(0, Math.min(to, total) - from) }, (_, i) => ({
    kind: 'prompt' as const,
    title: String(from + i),
    sides: [half, half],
    delta: null,
    outcome: 'unknown' as const,
    unfolded: false,
    position: from + i + 1,
    size: total,
  })),
});
const half = {
  key: { step: 1, prompt_id: 'p' },
  completions: 1,
  correct: null,
  reward_mean: null,
};

test('rows are asked for once, and anew after the list has changed', async () => {
  const asked: string[] = [];
  let changes = 0;
  const rows = new RowsWindow(
    (_query, from, to) => {
      asked.push(`${from}-${to}`);
      return Promise.resolve(answer(250, from, to));
    },
    () => (changes += 1),
    (error) => assert.fail(String(error)),
  );
  await rows.need(0, 10);
  assert.deepEqual(asked, [], 'nothing is asked before there is a question');
  rows.renew({ ...query, unfolded: [] });
  await rows.need(0, 10);
  await rows.need(5, 60);
  assert.deepEqual(asked, ['0-100']);
  await rows.need(90, 130);
  assert.deepEqual(asked, ['0-100', '100-200']);
  const row = rows.row(120);
  assert.equal(row?.kind === 'prompt' ? row.title : null, '120');
  assert.equal(rows.row(249), null);
  rows.renew({ ...query, unfolded: [] });
  assert.notEqual(rows.row(120), null, 'the old rows stay until the new ones are there');
  await rows.need(90, 130);
  assert.deepEqual(asked.slice(2), ['0-130']);
  assert.equal(rows.row(140), null);
  assert.equal(changes, 3);
});

test('an answer to an older question is none, and a refusal is said', async () => {
  const answers: ((window: PairWindow) => void)[] = [];
  const problems: unknown[] = [];
  const rows = new RowsWindow(
    () => new Promise((resolve) => answers.push(resolve)),
    () => undefined,
    (error) => problems.push(error),
  );
  rows.renew({ ...query, unfolded: [] });
  const first = rows.need(0, 10);
  rows.renew({ ...query, filter: 'won', unfolded: [] });
  answers[0]?.(answer(9, 0, 10));
  await first;
  assert.equal(rows.row(0), null);
  const second = rows.need(0, 10);
  answers[1]?.(answer(3, 0, 10));
  await second;
  assert.equal(rows.head?.total, 3);
  const refused = new RowsWindow(
    () => Promise.reject(new Error('no')),
    () => undefined,
    (error) => problems.push(error),
  );
  refused.renew({ ...query, unfolded: [] });
  await refused.need(0, 10);
  assert.equal(problems.length, 1);
});
