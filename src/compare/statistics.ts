import jStat from 'jstat';

/** Every interval of a comparison holds the truth this often. */
export const CONFIDENCE = 0.95;

/** A mean with the ends of its 95 % interval. */
export interface Interval {
  mean: number;
  low: number;
  high: number;
}

export function mean(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}

/** Sample variance (n − 1); NaN with fewer than two values. */
export function variance(values: readonly number[]): number {
  const centre = mean(values);
  const squares = values.reduce((total, value) => total + (value - centre) ** 2, 0);
  return values.length < 2 ? NaN : squares / (values.length - 1);
}

/** The half-width of a 95 % interval in standard errors. */
export function tFactor(degreesOfFreedom: number): number {
  return jStat.studentt.inv(1 - (1 - CONFIDENCE) / 2, degreesOfFreedom);
}

/** The t-interval of a mean; null with fewer than two values, from which no spread can be told. */
export function meanInterval(values: readonly number[]): Interval | null {
  if (values.length < 2) return null;
  const error = Math.sqrt(variance(values) / values.length);
  return around(mean(values), error, values.length - 1);
}

/**
 * The interval of the mean of `second − first` over pairs (paired t). Both arrays are in the order
 * of the pairs. Null with fewer than two.
 */
export function pairedInterval(
  first: readonly number[],
  second: readonly number[],
): Interval | null {
  if (first.length !== second.length) throw new RangeError('Pairs need one value on each side.');
  return meanInterval(second.map((value, i) => value - (first[i] ?? NaN)));
}

/**
 * The interval of `mean(second) − mean(first)` of independent samples that may differ in their
 * spread: Welch's t with the degrees of freedom of Welch and Satterthwaite. Null with fewer than
 * two values on a side.
 */
export function welchInterval(
  first: readonly number[],
  second: readonly number[],
): Interval | null {
  if (first.length < 2 || second.length < 2) return null;
  const a = variance(first) / first.length;
  const b = variance(second) / second.length;
  const degrees = (a + b) ** 2 / (a ** 2 / (first.length - 1) + b ** 2 / (second.length - 1));
  // Without any spread the formula is 0 / 0, and the interval has no width whatever it says.
  const safe = Number.isFinite(degrees) ? degrees : first.length + second.length - 2;
  return around(mean(second) - mean(first), Math.sqrt(a + b), safe);
}

/** A spread this much smaller than what it is a spread of is rounding. */
const ROUNDING = 1e-9;

function around(centre: number, error: number, degreesOfFreedom: number): Interval {
  const half = error <= ROUNDING * Math.abs(centre) ? 0 : tFactor(degreesOfFreedom) * error;
  return { mean: centre, low: centre - half, high: centre + half };
}
