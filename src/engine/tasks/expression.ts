/**
 * Exact value of an arithmetic expression a model wrote. The text is hostile: there is no `eval`,
 * its length, its numbers and its nesting are bounded, and anything else than ASCII digits,
 * `+ - * / ( )` is refused.
 *
 *     sum     = product (('+' | '-') product)*
 *     product = factor (('*' | '/') factor)*
 *     factor  = digits | '(' sum ')'
 */
export interface Evaluated {
  /** In lowest terms, `denominator` > 0. */
  numerator: bigint;
  denominator: bigint;
  /** Every number of the expression, in the order written. */
  numbers: number[];
}

const LONGEST_EXPRESSION = 200;
const LONGEST_NUMBER = 9;
const DEEPEST_NESTING = 20;

interface Fraction {
  numerator: bigint;
  denominator: bigint;
}

/** Null for anything that isn't an expression with a value (division by zero included). */
export function evaluate(text: string): Evaluated | null {
  if (text.length > LONGEST_EXPRESSION) return null;
  const parser = new Parser(text);
  const value = parser.sum(0);
  if (value === null || !parser.atEnd()) return null;
  return { ...value, numbers: parser.numbers };
}

class Parser {
  readonly numbers: number[] = [];
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  atEnd(): boolean {
    return this.at === this.text.length;
  }

  sum(depth: number): Fraction | null {
    let left = this.product(depth);
    for (;;) {
      const operator = this.take('+-');
      if (left === null || operator === null) return left;
      const right = this.product(depth);
      if (right === null) return null;
      const other = left.denominator * right.numerator;
      const numerator = left.numerator * right.denominator;
      left = lowest(
        operator === '+' ? numerator + other : numerator - other,
        left.denominator * right.denominator,
      );
    }
  }

  private product(depth: number): Fraction | null {
    let left = this.factor(depth);
    for (;;) {
      const operator = this.take('*/');
      if (left === null || operator === null) return left;
      const right = this.factor(depth);
      if (right === null) return null;
      left =
        operator === '*'
          ? lowest(left.numerator * right.numerator, left.denominator * right.denominator)
          : lowest(left.numerator * right.denominator, left.denominator * right.numerator);
    }
  }

  private factor(depth: number): Fraction | null {
    if (this.take('(') !== null) {
      if (depth >= DEEPEST_NESTING) return null;
      const inner = this.sum(depth + 1);
      return this.take(')') === null ? null : inner;
    }
    const start = this.at;
    while (this.take('0123456789') !== null);
    const digits = this.text.slice(start, this.at);
    if (digits === '' || digits.length > LONGEST_NUMBER) return null;
    this.numbers.push(Number(digits));
    return { numerator: BigInt(digits), denominator: 1n };
  }

  private take(characters: string): string | null {
    const next = this.text[this.at];
    if (next === undefined || !characters.includes(next)) return null;
    this.at += 1;
    return next;
  }
}

function lowest(numerator: bigint, denominator: bigint): Fraction | null {
  if (denominator === 0n) return null;
  const sign = denominator < 0n ? -1n : 1n;
  let divisor = numerator < 0n ? -numerator : numerator;
  let rest = denominator * sign;
  while (rest !== 0n) [divisor, rest] = [rest, divisor % rest];
  return { numerator: (sign * numerator) / divisor, denominator: (sign * denominator) / divisor };
}
