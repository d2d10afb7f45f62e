import { evaluate } from './expression.ts';
import { Random, hashText } from './random.ts';
import type { Problem, Task, Trace } from './task.ts';

/**
 * Countdown: reach the target with `+ - * /` and parentheses, each given number exactly once.
 *
 *     4 7 9 -> 19:        4*7=28
 *                         28-9=19
 *                         #4*7-9
 */

const NUMBERS = 3;
const LARGEST_NUMBER = 20;
const LARGEST_TARGET = 99;
/** One set of numbers and target in this many is held out, in whatever order it is asked. */
const HELD_OUT_SHARE = 16;
const TRAIN = 3;
const HELD_OUT = 4;

type Operator = '+' | '-' | '*';

interface Drawn {
  numbers: number[];
  /** `first operator second`, then its result and the third number in the order of `swapped`. */
  inner: { left: number; operator: Operator; right: number; result: number };
  outer: { operator: Operator; other: number; swapped: boolean; result: number };
}

export const countdown: Task = {
  name: 'countdown',

  train(seed, index) {
    return problemOf(draw(new Random(TRAIN, seed, index), false));
  },

  heldOut(count) {
    const problems = new Map<string, Problem>();
    for (let index = 0; problems.size < count && index < 50 * (count + 100); index += 1) {
      const drawn = draw(new Random(HELD_OUT, 0, index), true);
      problems.set(keyOf(drawn), problems.get(keyOf(drawn)) ?? problemOf(drawn));
    }
    return [...problems.values()];
  },

  verify(problem, completion) {
    const asked = /^(\d+(?: \d+)*) -> (\d+):$/.exec(problem.prompt);
    const expression = completion.slice(completion.lastIndexOf('\n') + 1);
    const found = expression.startsWith('#') ? evaluate(expression.slice(1)) : null;
    if (asked === null || found === null) return false;
    const given = (asked[1] ?? '').split(' ').map(Number);
    return (
      found.denominator === 1n &&
      found.numerator === BigInt(asked[2] ?? '') &&
      sorted(given) === sorted(found.numbers)
    );
  },

  wellFormed(_problem, completion) {
    return /^(?:\d{1,4}[-+*/]\d{1,4}=\d{1,4}\n){1,8}#[-+*/()\d]{1,40}$/.test(completion);
  },
};

/** A training problem with its worked solution. */
export function countdownTrace(seed: number, index: number): Trace {
  const drawn = draw(new Random(TRAIN, seed, index), false);
  const { inner, outer } = drawn;
  const second = outer.swapped
    ? `${outer.other}${outer.operator}${inner.result}`
    : `${inner.result}${outer.operator}${outer.other}`;
  const lines = [
    `${inner.left}${inner.operator}${inner.right}=${inner.result}`,
    `${second}=${outer.result}`,
    `#${expressionOf(drawn)}`,
  ];
  return { problem: problemOf(drawn), completion: lines.join('\n') };
}

function problemOf(drawn: Drawn): Problem {
  const prompt = `${drawn.numbers.join(' ')} -> ${drawn.outer.result}:`;
  return { id: prompt, prompt, answer: expressionOf(drawn) };
}

function expressionOf({ inner, outer }: Drawn): string {
  const first = `${inner.left}${inner.operator}${inner.right}`;
  const bare =
    inner.operator === '*' || outer.operator === '+' || (outer.operator === '-' && !outer.swapped);
  const group = bare ? first : `(${first})`;
  return outer.swapped
    ? `${outer.other}${outer.operator}${group}`
    : `${group}${outer.operator}${outer.other}`;
}

function sorted(numbers: readonly number[]): string {
  return numbers.toSorted((a, b) => a - b).join(' ');
}

function keyOf({ numbers, outer }: Drawn): string {
  return `${sorted(numbers)} -> ${outer.result}`;
}

/** Draws until the target is in range and on the wanted side of the split. */
function draw(random: Random, heldOut: boolean): Drawn {
  for (;;) {
    const numbers = Array.from({ length: NUMBERS }, () => random.integer(1, LARGEST_NUMBER));
    const [a, b, other] = random.shuffled(numbers);
    if (a === undefined || b === undefined || other === undefined) continue;
    const operator = drawOperator(random);
    const [left, right] = operator === '-' && a < b ? [b, a] : [a, b];
    const result = calculate(left, operator, right);
    const outerOperator = drawOperator(random);
    const swapped = outerOperator === '-' && result < other;
    const target = swapped ? other - result : calculate(result, outerOperator, other);
    if (target < 1 || target > LARGEST_TARGET) continue;
    const drawn: Drawn = {
      numbers,
      inner: { left, operator, right, result },
      outer: { operator: outerOperator, other, swapped, result: target },
    };
    if ((hashText(keyOf(drawn)) % HELD_OUT_SHARE === 0) === heldOut) return drawn;
  }
}

function drawOperator(random: Random): Operator {
  const operators = ['+', '-', '*'] as const;
  return operators[random.integer(0, 2)] ?? '+';
}

function calculate(left: number, operator: Operator, right: number): number {
  if (operator === '*') return left * right;
  return operator === '+' ? left + right : left - right;
}
