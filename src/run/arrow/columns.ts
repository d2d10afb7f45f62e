import type { ByteSource, Frame } from './frames.ts';
import { fromHalves } from './half.ts';
import type { BatchLayout, Layout } from './layout.ts';
import { DamagedError, readBatch } from './layout.ts';
import type { TypeName } from './schema.ts';

/**
 * The columns of one batch, read at their places. `Columns` decodes whole columns for the index;
 * `Cells` reads the lists and the text of a single row.
 */

const buffersOf: Record<TypeName, number> = {
  int32: 2,
  float32: 2,
  bool: 2,
  utf8: 3,
  'list<int32>': 4,
  'list<float32>': 4,
  'list<float16>': 4,
  'map<utf8, float32>': 8,
};

/** Runs of bytes closer than this are read at once. */
const GAP = 4096;

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

const aligned = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer;

function checkRun(from: number, to: number, limit: number): void {
  if (from < 0 || to < from || to > limit) throw new DamagedError('a column points outside itself');
}

export class Columns {
  readonly rows: number;
  readonly #layout: Layout;
  readonly #batch: BatchLayout;
  readonly #regions: readonly { offset: number; bytes: Uint8Array }[];

  private constructor(
    layout: Layout,
    batch: BatchLayout,
    regions: readonly { offset: number; bytes: Uint8Array }[],
  ) {
    this.rows = batch.rows;
    this.#layout = layout;
    this.#batch = batch;
    this.#regions = regions;
  }

  /**
   * Reads the columns that `wanted` names, of the given types. `lengths` names list columns of
   * which only the offsets are read.
   */
  static async read(
    source: ByteSource,
    layout: Layout,
    frame: Frame,
    wanted: readonly { name: string; type: TypeName }[],
    lengths: readonly string[],
  ): Promise<Columns> {
    const batch = readBatch(frame.metadata, layout, frame.bodyLength);
    const runs: { from: number; to: number }[] = [];
    const want = (name: string, count: number): void => {
      const slot = layout.slots.get(name);
      for (let i = 0; slot && i < count; i++) {
        const buffer = batch.buffers[slot.buffer + i];
        if (buffer) runs.push({ from: buffer.offset, to: buffer.offset + buffer.length });
      }
    };
    for (const { name, type } of wanted) want(name, buffersOf[type]);
    for (const name of lengths) want(name, 2);
    runs.sort((a, b) => a.from - b.from);
    const merged: { from: number; to: number }[] = [];
    for (const run of runs) {
      const last = merged.at(-1);
      if (last && run.from <= last.to + GAP) last.to = Math.max(last.to, run.to);
      else merged.push(run);
    }
    const regions = await Promise.all(
      merged.map(async ({ from, to }) => ({
        offset: from,
        bytes: await source.read(frame.body + from, to - from),
      })),
    );
    return new Columns(layout, batch, regions);
  }

  /** The bytes of one buffer, at an address where typed arrays may look at them. */
  #buffer(index: number, needed: number): ArrayBuffer {
    const place = this.#batch.buffers[index];
    if (!place || place.length < needed) throw new DamagedError('a column is too short');
    const region = this.#regions.find(
      ({ offset, bytes }) =>
        place.offset >= offset && place.offset + place.length <= offset + bytes.length,
    );
    if (!region) throw new Error(`buffer ${index} was not read`);
    const from = place.offset - region.offset;
    return aligned(region.bytes.subarray(from, from + place.length));
  }

  /** First buffer of a column and which rows have a value; null where the file lacks it. */
  #column(name: string): { buffer: number; node: number; has: (row: number) => boolean } | null {
    const slot = this.#layout.slots.get(name);
    const node = slot && this.#batch.nodes[slot.node];
    if (!node) return null;
    if (node.length !== this.rows) throw new DamagedError('a column is too short');
    if (node.nulls === 0) return { ...slot, has: () => true };
    const bits = new Uint8Array(this.#buffer(slot.buffer, (this.rows + 7) >> 3));
    return { ...slot, has: (row) => ((bits[row >> 3] ?? 0) & (1 << (row & 7))) !== 0 };
  }

  #map<T>(has: (row: number) => boolean, value: (row: number) => T): (T | null)[] {
    return Array.from({ length: this.rows }, (_, row) => (has(row) ? value(row) : null));
  }

  #absent(): null[] {
    return new Array<null>(this.rows).fill(null);
  }

  /** `length + 1` offsets, none negative and none running backwards. */
  #offsets(index: number, length: number): Int32Array {
    if (length === 0) return new Int32Array(1);
    const offsets = new Int32Array(this.#buffer(index, (length + 1) * 4), 0, length + 1);
    for (let i = 0; i < length; i++) checkRun(offsets[i] ?? 0, offsets[i + 1] ?? 0, Infinity);
    return offsets;
  }

  #strings(index: number, length: number): (row: number) => string {
    const offsets = this.#offsets(index, length);
    const bytes = new Uint8Array(this.#buffer(index + 1, offsets[length] ?? 0));
    return (row) => decoder.decode(bytes.subarray(offsets[row], offsets[row + 1]));
  }

  int32(name: string): (number | null)[] {
    const column = this.#column(name);
    if (!column) return this.#absent();
    const values = new Int32Array(this.#buffer(column.buffer + 1, this.rows * 4), 0, this.rows);
    return this.#map(column.has, (row) => values[row] ?? 0);
  }

  float32(name: string): (number | null)[] {
    const column = this.#column(name);
    if (!column) return this.#absent();
    const values = new Float32Array(this.#buffer(column.buffer + 1, this.rows * 4), 0, this.rows);
    return this.#map(column.has, (row) => values[row] ?? 0);
  }

  bool(name: string): (boolean | null)[] {
    const column = this.#column(name);
    if (!column) return this.#absent();
    const bits = new Uint8Array(this.#buffer(column.buffer + 1, (this.rows + 7) >> 3));
    return this.#map(column.has, (row) => ((bits[row >> 3] ?? 0) & (1 << (row & 7))) !== 0);
  }

  utf8(name: string): (string | null)[] {
    const column = this.#column(name);
    if (!column) return this.#absent();
    return this.#map(column.has, this.#strings(column.buffer + 1, this.rows));
  }

  /** The values of a `list<int32>` or `list<float32>`, as bytes a row. */
  #lists(name: string): (ArrayBuffer | null)[] {
    const column = this.#column(name);
    if (!column) return this.#absent();
    const offsets = this.#offsets(column.buffer + 1, this.rows);
    const bytes = this.#buffer(column.buffer + 3, (offsets[this.rows] ?? 0) * 4);
    return this.#map(column.has, (row) =>
      bytes.slice((offsets[row] ?? 0) * 4, (offsets[row + 1] ?? 0) * 4),
    );
  }

  int32Lists(name: string): (Int32Array | null)[] {
    return this.#lists(name).map((bytes) => bytes && new Int32Array(bytes));
  }

  float32Lists(name: string): (Float32Array | null)[] {
    return this.#lists(name).map((bytes) => bytes && new Float32Array(bytes));
  }

  maps(name: string): (Record<string, number> | null)[] {
    const column = this.#column(name);
    if (!column) return this.#absent();
    const offsets = this.#offsets(column.buffer + 1, this.rows);
    const count = offsets[this.rows] ?? 0;
    // Buffers of a map: validity, offsets, entries' validity, then the keys' and the values'.
    const key = this.#strings(column.buffer + 4, count);
    const values = new Float32Array(this.#buffer(column.buffer + 7, count * 4), 0, count);
    const nulls = this.#batch.nodes[column.node + 3]?.nulls ?? 0;
    const bits =
      nulls === 0 ? null : new Uint8Array(this.#buffer(column.buffer + 6, (count + 7) >> 3));
    return this.#map(column.has, (row) => {
      const entries: [string, number][] = [];
      for (let i = offsets[row] ?? 0; i < (offsets[row + 1] ?? 0); i++) {
        const there = !bits || ((bits[i >> 3] ?? 0) & (1 << (i & 7))) !== 0;
        if (there) entries.push([key(i), values[i] ?? 0]);
      }
      return Object.fromEntries(entries);
    });
  }

  /** How many items each row of a list column has. */
  lengths(name: string): number[] {
    const column = this.#column(name);
    if (!column) throw new DamagedError(`it has no column ${name}`);
    const offsets = this.#offsets(column.buffer + 1, this.rows);
    return Array.from({ length: this.rows }, (_, i) => (offsets[i + 1] ?? 0) - (offsets[i] ?? 0));
  }
}

/** One row's lists and text, each read from the file where it lies. */
export class Cells {
  readonly #source: ByteSource;
  readonly #layout: Layout;
  readonly #batch: BatchLayout;
  readonly #body: number;
  readonly #row: number;

  constructor(source: ByteSource, layout: Layout, frame: Frame, row: number) {
    this.#source = source;
    this.#layout = layout;
    this.#batch = readBatch(frame.metadata, layout, frame.bodyLength);
    this.#body = frame.body;
    this.#row = row;
  }

  async #slice(buffer: number, from: number, to: number): Promise<ArrayBuffer> {
    const place = this.#batch.buffers[buffer];
    checkRun(from, to, place?.length ?? -1);
    if (from === to) return new ArrayBuffer(0);
    const start = this.#body + (place?.offset ?? 0) + from;
    return aligned(await this.#source.read(start, to - from));
  }

  /** The row's values as bytes; null where the row has none. `data`: which buffer holds them. */
  async #cell(name: string, data: number, width: number): Promise<ArrayBuffer | null> {
    const slot = this.#layout.slots.get(name);
    const node = slot && this.#batch.nodes[slot.node];
    if (!node) return null;
    const row = this.#row;
    if (node.nulls > 0) {
      const bits = new Uint8Array(await this.#slice(slot.buffer, row >> 3, (row >> 3) + 1));
      if (((bits[0] ?? 0) & (1 << (row & 7))) === 0) return null;
    }
    const ends = new Int32Array(await this.#slice(slot.buffer + 1, row * 4, row * 4 + 8));
    return await this.#slice(slot.buffer + data, (ends[0] ?? 0) * width, (ends[1] ?? 0) * width);
  }

  async text(name: string): Promise<string> {
    return decoder.decode((await this.#cell(name, 2, 1)) ?? new ArrayBuffer(0));
  }

  async int32(name: string): Promise<Int32Array | null> {
    const bytes = await this.#cell(name, 3, 4);
    return bytes && new Int32Array(bytes);
  }

  async float32(name: string): Promise<Float32Array | null> {
    const bytes = await this.#cell(name, 3, 4);
    return bytes && new Float32Array(bytes);
  }

  async float16(name: string): Promise<Float32Array> {
    return fromHalves(new Uint16Array((await this.#cell(name, 3, 2)) ?? new ArrayBuffer(0)));
  }
}
