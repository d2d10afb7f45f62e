/**
 * IEEE 754 half precision, without `Float16Array` (the shipped code runs on Node 22).
 * Rounds to nearest, ties to even, straight from double precision, so that it agrees with NumPy,
 * torch and `Math.f16round` on every input.
 */

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);

function roundTiesToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest < 0.5) return floor;
  if (rest > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** The 16 bits of `value` in half precision. */
export function toHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  double[0] = value;
  const high = words[1] ?? 0;
  const sign = (high >>> 16) & 0x8000;
  const magnitude = Math.abs(value);
  // Half way between the largest half, 65504, and the 65536 that does not exist.
  if (magnitude >= 65520) return sign | 0x7c00;
  // Subnormal: multiples of 2^-24. Rounding up to 1024 of them gives the smallest normal half.
  if (magnitude < 2 ** -14) return sign | roundTiesToEven(magnitude * 2 ** 24);
  const exponent = ((high >>> 20) & 0x7ff) - 1023;
  // Both scalings are exact, so there is one rounding only. 2048 carries into the exponent.
  const mantissa = roundTiesToEven(magnitude * 2 ** (10 - exponent));
  return sign | (((exponent + 15) << 10) + (mantissa - 1024));
}

let table: Float32Array | undefined;

function makeTable(): Float32Array {
  const values = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const exponent = (bits >>> 10) & 0x1f;
    const mantissa = bits & 0x3ff;
    const sign = bits & 0x8000 ? -1 : 1;
    if (exponent === 0x1f) values[bits] = mantissa === 0 ? sign * Infinity : NaN;
    else if (exponent === 0) values[bits] = sign * mantissa * 2 ** -24;
    else values[bits] = sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
  }
  return values;
}

/** What 16 bits of half precision mean. */
export function fromHalf(bits: number): number {
  table ??= makeTable();
  return table[bits & 0xffff] ?? NaN;
}

/** `value` as half precision keeps it. What is measured is rounded with this before it is used. */
export function roundHalf(value: number): number {
  return fromHalf(toHalf(value));
}

/** Halves, as they lie in a file, to what they mean. */
export function fromHalves(bits: Uint16Array): Float32Array {
  table ??= makeTable();
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = table[bits[i] ?? 0] ?? NaN;
  return values;
}
