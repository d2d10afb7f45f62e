import { Random, hashText } from './random.ts';
import type { Problem, Task, Trace } from './task.ts';

/**
 * Multi-step arithmetic, written out: products first, then from left to right, a line a step.
 *
 *     47+8*35-19=         8*35=280
 *                         47+280=327
 *                         327-19=308
 *                         #308
 *
 * Numbers have two digits, one factor of a product has one; products are only added; every value
 * on the way lies in 0..999.
 */

type Operator = '+' | '-' | '*';

interface Step {
  left: number;
  operator: Operator;
  right: number;
  result: number;
}

/** A number or a product, with the sign it is added with. */
interface Term {
  sign: '+' | '-';
  factors: readonly [number] | readonly [number, number];
}

/** How often each kind of carry or borrow is forgotten when a trace is written (0: never). */
export interface Slips {
  /** The carry from ones to tens in a product. */
  product: number;
  /** A carry or borrow from ones to tens in a sum or difference. */
  tens: number;
  /** A carry or borrow from tens to hundreds in a sum or difference. */
  hundreds: number;
}

export const noSlips: Slips = { product: 0, tens: 0, hundreds: 0 };

/** One prompt in this many is held out, by the hash of its text. */
const HELD_OUT_SHARE = 16;
const LARGEST = 999;
/** Keys of the two random streams: held-out problems don't depend on a run's seed. */
const TRAIN = 1;
const HELD_OUT = 2;

export const arithmetic: Task = {
  name: 'arithmetic',

  train(seed, index) {
    return problemOf(drawTerms(new Random(TRAIN, seed, index), false));
  },

  heldOut(count) {
    const problems = new Map<string, Problem>();
    for (let index = 0; problems.size < count; index += 1) {
      const problem = problemOf(drawTerms(new Random(HELD_OUT, 0, index), true));
      problems.set(problem.prompt, problem);
    }
    return [...problems.values()];
  },

  verify(problem, completion) {
    return finalAnswer(completion) === problem.answer;
  },

  wellFormed(_problem, completion) {
    return written.test(completion);
  },
};

const written = /^(?:\d{1,4}[-+*]\d{1,4}=\d{1,4}\n){1,8}#\d{1,4}$/;

/** What stands after the `#` of the last line, or null. Plain ASCII digits, no leading zero. */
function finalAnswer(completion: string): string | null {
  const last = completion.slice(completion.lastIndexOf('\n') + 1);
  return /^#(0|[1-9]\d{0,3})$/.exec(last)?.[1] ?? null;
}

/** A training problem with its worked solution, the carries forgotten as often as `slips` says. */
export function arithmeticTrace(seed: number, index: number, slips: Slips = noSlips): Trace {
  const random = new Random(TRAIN, seed, index);
  const terms = drawTerms(random, false);
  const steps = work(terms, slips, random) ?? work(terms, noSlips, random) ?? [];
  return { problem: problemOf(terms), completion: write(steps) };
}

function problemOf(terms: readonly Term[]): Problem {
  const prompt = promptOf(terms);
  const result = work(terms, noSlips, new Random(TRAIN, 0, 0))?.at(-1)?.result;
  return { id: prompt, prompt, answer: String(result) };
}

function promptOf(terms: readonly Term[]): string {
  const text = terms.map(({ sign, factors }, at) => (at === 0 ? '' : sign) + factors.join('*'));
  return `${text.join('')}=`;
}

function write(steps: readonly Step[]): string {
  const lines = steps.map(
    ({ left, operator, right, result }) => `${left}${operator}${right}=${result}\n`,
  );
  return `${lines.join('')}#${steps.at(-1)?.result ?? 0}`;
}

/** Draws until the expression is in range and on the wanted side of the split. */
function drawTerms(random: Random, heldOut: boolean): Term[] {
  for (;;) {
    const count = random.integer(3, 4);
    const products = new Set([random.integer(0, count - 1)]);
    if (count === 3 && random.chance(0.5)) products.add(random.integer(0, count - 1));
    const terms = Array.from({ length: count }, (_, at) => drawTerm(random, at, products.has(at)));
    const isHeldOut = hashText(promptOf(terms)) % HELD_OUT_SHARE === 0;
    if (isHeldOut === heldOut && work(terms, noSlips, random) !== null) return terms;
  }
}

function drawTerm(random: Random, at: number, product: boolean): Term {
  if (!product) {
    const sign = at === 0 || random.chance(0.5) ? '+' : '-';
    return { sign, factors: [random.integer(11, 99)] };
  }
  const digit = random.integer(2, 9);
  const number = random.integer(11, 99);
  return { sign: '+', factors: random.chance(0.5) ? [digit, number] : [number, digit] };
}

/** The steps of the solution, or null where a value on the way leaves 0..999. */
function work(terms: readonly Term[], slips: Slips, random: Random): Step[] | null {
  const steps: Step[] = [];
  const step = (left: number, operator: Operator, right: number): number => {
    const result = calculate(left, operator, right) - slip(left, operator, right, slips, random);
    steps.push({ left, operator, right, result });
    return result;
  };
  const values = terms.map(({ sign, factors: [left, right] }) => ({
    sign,
    value: right === undefined ? left : step(left, '*', right),
  }));
  const [first, ...rest] = values;
  let total = first?.value ?? 0;
  for (const { sign, value } of rest) total = step(total, sign, value);
  return steps.every(({ result }) => result >= 0 && result <= LARGEST) ? steps : null;
}

function calculate(left: number, operator: Operator, right: number): number {
  if (operator === '*') return left * right;
  return operator === '+' ? left + right : left - right;
}

/** By how much the written result falls short when carries are forgotten (borrows: negative). */
function slip(
  left: number,
  operator: Operator,
  right: number,
  slips: Slips,
  random: Random,
): number {
  if (operator === '*') {
    const carry = Math.floor(((left % 10) * (right % 10)) / 10);
    return random.chance(slips.product) ? 10 * carry : 0;
  }
  const sign = operator === '+' ? 1 : -1;
  const ones = (left % 10) + sign * (right % 10);
  const carriesOnes = ones < 0 || ones > 9;
  const low = (left % 100) + sign * (right % 100);
  const carriesTens = low < 0 || low > 99;
  let lost = 0;
  if (carriesOnes && random.chance(slips.tens)) lost += 10;
  // The hundreds are decided by the true sum below them, so the two slips stay independent.
  if (carriesTens && random.chance(slips.hundreds)) lost += 100;
  return sign * lost;
}
