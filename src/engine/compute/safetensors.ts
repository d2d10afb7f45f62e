import { z } from 'zod';
import { PlainError } from '../../common/errors.ts';
import { fromHalf, toHalf } from '../../run/arrow/half.ts';

/** A tensor of a safetensors file, in single precision whatever the file's was. */
export interface NamedTensor {
  name: string;
  shape: number[];
  data: Float32Array;
}

export type FloatFormat = 'F32' | 'F16';

const widths: Record<string, number> = { F32: 4, F16: 2, BF16: 2 };
const MAX_HEADER = 100_000_000;

const entrySchema = z.object({
  dtype: z.string(),
  shape: z.array(z.number().int().nonnegative()),
  data_offsets: z.tuple([z.number().int().nonnegative(), z.number().int().nonnegative()]),
});

/** The tensors' places in a file, checked against its size, and what `__metadata__` says. */
export class SafetensorsFile {
  readonly #file: string;
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #entries = new Map<string, z.infer<typeof entrySchema>>();
  readonly metadata: Readonly<Record<string, string>>;

  /**
   * @param file named in errors
   * @throws PlainError where the file is not safetensors, or cut short
   */
  constructor(bytes: Uint8Array, file: string) {
    this.#file = file;
    this.#bytes = bytes;
    if (bytes.length < 8) throw this.#broken(`it has only ${bytes.length} bytes`);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const headerSize = Number(view.getBigUint64(0, true));
    if (headerSize > MAX_HEADER || 8 + headerSize > bytes.length)
      throw this.#broken(`its header would have ${headerSize} bytes`);
    this.#start = 8 + headerSize;
    let header: Record<string, unknown>;
    try {
      const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, this.#start));
      header = z.record(z.string(), z.unknown()).parse(JSON.parse(text));
    } catch (cause) {
      throw this.#broken('its header is not JSON', cause);
    }
    const metadata = z.record(z.string(), z.string()).safeParse(header.__metadata__ ?? {});
    this.metadata = metadata.success ? metadata.data : {};
    for (const [name, value] of Object.entries(header)) {
      if (name === '__metadata__') continue;
      const entry = entrySchema.safeParse(value);
      if (!entry.success) throw this.#broken(`the entry of ${name} is malformed`);
      const { dtype, shape, data_offsets } = entry.data;
      const [begin, end] = data_offsets;
      if (end < begin || this.#start + end > bytes.length)
        throw this.#broken(`the data of ${name} lie beyond its end; it may be cut short`);
      const width = widths[dtype];
      const size = shape.reduce((a, b) => a * b, 1);
      if (width !== undefined && end - begin !== size * width)
        throw this.#broken(`${name} has ${end - begin} bytes for ${size} numbers of ${dtype}`);
      this.#entries.set(name, entry.data);
    }
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** @throws PlainError where the tensor is missing, of another shape, or of an integer type */
  read(name: string, shape: readonly number[]): Float32Array {
    const entry = this.#entries.get(name);
    if (!entry)
      throw new PlainError(
        `${this.#file} has no tensor ${name}.`,
        'Check that config.json belongs to these weights.',
      );
    if (entry.shape.join() !== shape.join())
      throw new PlainError(
        `${this.#file}: ${name} has the shape [${entry.shape.join(', ')}], config.json asks for [${shape.join(', ')}].`,
        'Check that config.json belongs to these weights.',
      );
    const width = widths[entry.dtype];
    if (width === undefined)
      throw new PlainError(
        `${this.#file}: ${name} has the type ${entry.dtype}; the built-in engine reads F32, F16 and BF16.`,
        'Save the checkpoint in one of these types.',
      );
    const [begin, end] = entry.data_offsets;
    const from = this.#bytes.byteOffset + this.#start;
    const view = new DataView(this.#bytes.buffer, from + begin, end - begin);
    const data = new Float32Array((end - begin) / width);
    for (let i = 0; i < data.length; i++) {
      if (entry.dtype === 'F32') data[i] = view.getFloat32(i * 4, true);
      else {
        const half = view.getUint16(i * 2, true);
        data[i] = entry.dtype === 'F16' ? fromHalf(half) : fromBfloat16Bits(half);
      }
    }
    return data;
  }

  #broken(what: string, cause?: unknown): PlainError {
    return new PlainError(
      `${this.#file} is not a readable safetensors file: ${what}.`,
      'Copy or download the checkpoint again.',
      { cause },
    );
  }
}

/** The bytes of a safetensors file. Tensors are written in the given order. */
export function writeSafetensors(
  tensors: readonly NamedTensor[],
  format: FloatFormat,
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): Uint8Array {
  const width = widths[format] ?? 4;
  const header: Record<string, unknown> = { __metadata__: metadata };
  let size = 0;
  for (const { name, shape, data } of tensors) {
    const end = size + data.length * width;
    header[name] = { dtype: format, shape, data_offsets: [size, end] };
    size = end;
  }
  // The data start at a multiple of eight; spaces after JSON are part of the format.
  const json = JSON.stringify(header);
  const padded = new TextEncoder().encode(json);
  const headerSize = Math.ceil(padded.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerSize + size).fill(0x20, 8 + padded.length, 8 + headerSize);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(headerSize), true);
  bytes.set(padded, 8);
  let at = 8 + headerSize;
  for (const { data } of tensors)
    for (const value of data) {
      if (format === 'F32') view.setFloat32(at, value, true);
      else view.setUint16(at, toHalf(value), true);
      at += width;
    }
  return bytes;
}

const bits = new Uint32Array(1);
const float = new Float32Array(bits.buffer);

/** A bfloat16 is the upper half of a single-precision number. */
function fromBfloat16Bits(half: number): number {
  bits[0] = half << 16;
  return float[0] ?? 0;
}
