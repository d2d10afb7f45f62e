import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { openProgress, summary } from '../../../src/engine/progress.ts';

const metrics = {
  reward: 0.51234,
  'adaptive/truncation_rate': 0.314,
  entropy: 0.0512,
  'tokens/generated': 1234567,
  'time/step': 1.26,
};

function watch(columns: number | null) {
  const out = new PassThrough();
  let text = '';
  out.setEncoding('utf8').on('data', (more: string) => (text += more));
  const stream = columns === null ? out : Object.assign(out, { isTTY: true, columns });
  const logged: string[] = [];
  const progress = openProgress((line) => logged.push(line), stream, 5);
  return { progress, logged, shown: () => text };
}

test('a step in figures; what it lacks is left out', () => {
  assert.equal(
    summary(7, 200, metrics),
    'step 7/200  reward 0.512  truncated 31%  entropy 0.051  1.23M tokens  1.3 s',
  );
  assert.equal(summary(1, 2, { 'tokens/generated': 9000 }), 'step 1/2  9000 tokens');
  assert.equal(summary(1, 2, {}), 'step 1/2');
});

test('without a terminal: a plain line every few steps and for the last, in the log too', () => {
  const { progress, logged, shown } = watch(null);
  progress.line('it begins');
  for (let step = 1; step <= 12; step++) progress.step(step, 12, {});
  progress.close();
  assert.deepEqual(logged, ['it begins', 'step 5/12', 'step 10/12', 'step 12/12']);
  assert.equal(shown(), `${logged.join('\n')}\n`);
});

test('on a terminal: one line that moves, never wider than the screen', () => {
  const { progress, logged, shown } = watch(40);
  for (let step = 1; step <= 12; step++) progress.step(step, 12, metrics);
  progress.line('held out: 0.4');
  progress.close();
  const lines = shown().split('\n');
  assert.equal(lines.length, 3);
  assert.match(lines[0] ?? '', /held out: 0\.4$/);
  const escapes = new RegExp(`${String.fromCharCode(27)}\\[[\\dGK]*`, 'g');
  const frames = (lines[1] ?? '').split(escapes);
  for (const frame of frames) assert.ok(frame.length < 40, frame);
  assert.match(frames.at(-1) ?? '', /^█{20} step 12\/12/);
  assert.equal(logged.length, 4);
});
