/**
 * A small assembler of WebAssembly: instructions are arrays of bytes, and what takes operands is a
 * function of them, so code reads like expressions. Holds what `attention.ts` needs of
 * https://webassembly.github.io/spec/core/binary, and nothing else.
 */
export type Code = readonly number[];

const unsigned = (value: number): Code =>
  value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(Math.floor(value / 0x80))];

const signed = (value: number): Code => {
  const low = value & 0x7f;
  const rest = value >> 7;
  const last = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
  return last ? [low] : [low | 0x80, ...signed(rest)];
};

const bytesOf = (value: number): Code => [
  ...new Uint8Array(Float32Array.of(value).buffer, 0, Float32Array.BYTES_PER_ELEMENT),
];

const unary = (op: Code) => (a: Code) => [...a, ...op];
const binary = (op: Code) => (a: Code, b: Code) => [...a, ...b, ...op];
const vector = (code: number): Code => [0xfd, ...unsigned(code)];
const load = (op: Code) => (address: Code, offset: number) => [
  ...address,
  ...op,
  2,
  ...unsigned(offset),
];

export const get = (local: number): Code => [0x20, ...unsigned(local)];
export const set = (local: number, value: Code): Code => [...value, 0x21, ...unsigned(local)];

export const int = (value: number): Code => [0x41, ...signed(value)];
export const add = binary([0x6a]);
export const multiply = binary([0x6c]);
export const loadInt = load([0x28]);
/** The smaller of two that have no side effects. */
export const least = (a: Code, b: Code): Code => [...a, ...b, ...a, ...b, 0x49, 0x1b];
/** Adds to a local. */
export const bump = (local: number, by: Code): Code => set(local, add(get(local), by));

export const float = (value: number): Code => [0x43, ...bytesOf(value)];
export const addFloats = binary([0x92]);
export const divideFloats = binary([0x95]);
export const maxFloat = binary([0x97]);
export const storeFloat = (address: Code, value: Code): Code => [...address, ...value, 0x38, 2, 0];

/** Vectors are of four floats; `…Ints` are those of four integers. */
export const load4 = load(vector(0));
export const store4 = (address: Code, offset: number, value: Code): Code => [
  ...address,
  ...value,
  ...vector(11),
  2,
  ...unsigned(offset),
];
export const splat = unary(vector(19));
export const loadSplat = load(vector(9));
export const lane = (a: Code, index: number): Code => [...a, ...vector(31), index];
export const add4 = binary(vector(228));
export const subtract4 = binary(vector(229));
export const multiply4 = binary(vector(230));
export const max4 = binary(vector(233));
export const nearest4 = unary(vector(106));
export const truncate4 = unary(vector(248));
export const splatInt = unary(vector(17));
export const addInts = binary(vector(174));
export const shiftInts = binary(vector(171));

/** Runs the body again and again while the local is below the bound. */
export const whileBelow = (local: number, bound: Code, body: readonly Code[]): Code => [
  ...[0x02, 0x40, 0x03, 0x40],
  ...[...get(local), ...bound, 0x4f, 0x0d, 0x01],
  ...body.flat(),
  ...[0x0c, 0x00, 0x0b, 0x0b],
];

const types = { i32: 0x7f, f32: 0x7d, v128: 0x7b } as const;
export type ValueType = keyof typeof types;

/** Hands out the local variables of a function, its parameters first. */
export class Locals {
  readonly #types: ValueType[] = [];

  declare(type: ValueType): number {
    return this.#types.push(type) - 1;
  }

  many(type: ValueType, count: number): number[] {
    return Array.from({ length: count }, () => this.declare(type));
  }

  encode(parameters: number): Code {
    const own = this.#types.slice(parameters);
    return [...unsigned(own.length), ...own.flatMap((type) => [1, types[type]])];
  }
}

/**
 * A module that exports one function `run` of `parameters` integers, without a result, on the
 * memory it imports as `env.memory`.
 */
export function assemble(parameters: number, locals: Locals, body: Code): Uint8Array<ArrayBuffer> {
  const name = (text: string): Code => [
    ...unsigned(text.length),
    ...new TextEncoder().encode(text),
  ];
  const section = (id: number, content: Code): Code => [
    id,
    ...unsigned(content.length),
    ...content,
  ];
  const code = [...locals.encode(parameters), ...body, 0x0b];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, 0x60, parameters, ...Array<number>(parameters).fill(types.i32), 0]),
    ...section(2, [1, ...name('env'), ...name('memory'), 0x02, 0x00, 0]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...name('run'), 0x00, 0]),
    ...section(10, [1, ...unsigned(code.length), ...code]),
  ]);
}
