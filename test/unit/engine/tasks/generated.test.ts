import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  arithmetic,
  arithmeticTrace,
  countdown,
  countdownTrace,
  type Task,
  type Trace,
} from '../../../../src/engine/tasks/index.ts';

const generated: { task: Task; trace: (seed: number, index: number) => Trace }[] = [
  { task: arithmetic, trace: arithmeticTrace },
  { task: countdown, trace: countdownTrace },
];

const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 });
const indices = fc.integer({ min: 0, max: 10_000_000 });

for (const { task, trace } of generated) {
  test(`${task.name}: every worked solution is right, well written, and of the prompt of its index`, () => {
    fc.assert(
      fc.property(seeds, indices, (seed, index) => {
        const { problem, completion } = trace(seed, index);
        assert.deepEqual(problem, task.train(seed, index));
        assert.ok(task.verify(problem, completion), `${problem.prompt} ${completion}`);
        assert.ok(task.wellFormed(problem, completion), completion);
        assert.ok(completion.length < 64, completion);
      }),
      { numRuns: 2000 },
    );
  });

  test(`${task.name}: no training prompt is held out, in whatever order it is asked`, () => {
    const key = (prompt: string) => (task === countdown ? sortedPrompt(prompt) : prompt);
    const heldOut = new Set(task.heldOut(500).map(({ prompt }) => key(prompt)));
    assert.equal(heldOut.size, 500);
    fc.assert(
      fc.property(seeds, indices, (seed, index) => {
        assert.ok(!heldOut.has(key(task.train(seed, index).prompt)));
      }),
      { numRuns: 5000 },
    );
  });

  test(`${task.name}: held-out prompts are the same ones whatever the count`, () => {
    assert.deepEqual(task.heldOut(20), task.heldOut(50).slice(0, 20));
  });

  test(`${task.name}: a seed gives many different prompts, another seed gives others`, () => {
    const prompts = (seed: number) => Array.from({ length: 200 }, (_, i) => task.train(seed, i).id);
    assert.ok(new Set(prompts(1)).size > 190);
    assert.ok(new Set([...prompts(1), ...prompts(2)]).size > 380);
  });

  test(`${task.name}: nothing a model can write makes the checks throw`, () => {
    const problem = task.train(0, 0);
    const pieces = fc.constantFrom(
      ...['#', '\n', '(', ')', '+', '-', '*', '/', '0', '9', '1e9', 'NaN', ' ', '٣', '４', '²'],
      ...['9'.repeat(400), '('.repeat(5000), '#'.repeat(50), '\u0000', '\ud800', '\u202e', '<b>'],
      ...['__proto__', '1/0', '0x10', '\\boxed{', '}'],
    );
    const text = fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(text, fc.string({ unit: 'binary' })), (completion) => {
        assert.equal(typeof task.verify(problem, completion), 'boolean');
        assert.equal(typeof task.wellFormed(problem, completion), 'boolean');
      }),
      { numRuns: 2000 },
    );
  });
}

function sortedPrompt(prompt: string): string {
  const [numbers = '', target = ''] = prompt.split(' -> ');
  const ordered = numbers.split(' ').map(Number);
  return `${ordered.sort((a, b) => a - b).join(' ')} -> ${target}`;
}

test('arithmetic: answers agree with a calculation by another route', () => {
  fc.assert(
    fc.property(seeds, indices, (seed, index) => {
      const { prompt, answer } = arithmetic.train(seed, index);
      assert.match(prompt, /^[\d+\-*]+=$/);
      const terms = prompt.slice(0, -1).match(/[+-]?[\d*]+/g) ?? [];
      const sum = terms.reduce((total, term) => {
        const factors = term.replace(/^[+-]/, '').split('*').map(Number);
        const value = factors.reduce((product, factor) => product * factor, 1);
        return total + (term.startsWith('-') ? -value : value);
      }, 0);
      assert.equal(answer, String(sum));
    }),
    { numRuns: 1000 },
  );
});

test('arithmetic: only the exact answer on the last line counts', () => {
  const problem = { id: '', prompt: '47+8*35-9=', answer: '318' };
  const right = '8*35=280\n47+280=327\n327-9=318\n#318';
  assert.ok(arithmetic.verify(problem, right));
  const near = ['#317', '#3180', '#0318', '# 318', '#318 ', '#318.0', '#+318', '318', '#318\n'];
  near.push('#318\n#319', '#３１８', '#318\u0000', '', '#', '#-318', '##318', '#3,18');
  for (const completion of near) assert.ok(!arithmetic.verify(problem, completion), completion);
});

test('arithmetic: the format is lines of steps and an answer, right or wrong', () => {
  const problem = { id: '', prompt: '47+8*35-9=', answer: '318' };
  assert.ok(arithmetic.wellFormed(problem, '8*35=1\n#2'));
  for (const completion of ['#318', '8*35=280', '8*35=280\n318', '8*35=280\n\n#318', 'x=1\n#1']) {
    assert.ok(!arithmetic.wellFormed(problem, completion), completion);
  }
});

test('arithmetic: forgotten carries make traces wrong but well written', () => {
  const slips = { product: 0.5, tens: 0.5, hundreds: 0.5 };
  const traces = Array.from({ length: 500 }, (_, index) => arithmeticTrace(7, index, slips));
  const right = traces.filter(({ problem, completion }) => arithmetic.verify(problem, completion));
  assert.ok(right.length > 50 && right.length < 250, String(right.length));
  for (const { problem, completion } of traces) {
    assert.ok(arithmetic.wellFormed(problem, completion), completion);
  }
});

test('countdown: any right expression counts, near misses do not', () => {
  const problem = { id: '', prompt: '4 7 9 -> 19:', answer: '4*7-9' };
  for (const right of ['#4*7-9', '#7*4-9', '#(7*4)-9', 'whatever\n#((4)*(7))-9']) {
    assert.ok(countdown.verify(problem, right), right);
  }
  const wrong = ['4*7-9', '#4*7-9=19', '#19', '#4*7-9+0', '#4*7-9*1', '#10+9', '#4*7-99/11'];
  wrong.push('#4*7-9-9+9', '#4*(7-9', '#4*7)-9', '#4*７-9', '#4 * 7 - 9', '#-9+4*7', '#4*7-9\n');
  for (const completion of wrong) assert.ok(!countdown.verify(problem, completion), completion);
});

test('countdown: division is exact', () => {
  const problem = { id: '', prompt: '3 8 8 -> 3:', answer: '3*8/8' };
  assert.ok(countdown.verify(problem, '#3/8*8'));
  assert.ok(!countdown.verify(problem, '#8/(3-8/8-2)'));
  assert.ok(!countdown.verify(problem, '#8/3+8'));
});
