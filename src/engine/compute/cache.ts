import { PlainError } from '../../common/errors.ts';
import { attentionModule, PAGE, pageBytes, type AttentionShape } from './attention.ts';
import type { ModelConfig } from './config.ts';
import { ropeRows } from './model.ts';

/**
 * The first `length` positions of a sequence, as pages of keys and values. Pages are shared by all
 * paths that have them in common; only the last, where it is not full, belongs to one path alone.
 */
export interface CachedPath {
  length: number;
  /** Addresses. */
  readonly pages: number[];
}

/** WebAssembly's memory comes in units of this many bytes, and has at most so many of them. */
const UNIT = 65536;
const MOST_UNITS = 65536;

/**
 * The keys and values of all paths of a generation round, and the attention over them. They are
 * written in place, once, and stay until the round ends.
 */
export class KeyValueCache {
  readonly #config: ModelConfig;
  readonly #shape: Omit<AttentionShape, 'scores'>;
  readonly #memory = new WebAssembly.Memory({ initial: 1, maximum: MOST_UNITS });
  readonly #instances = new Map<number, WebAssembly.Instance>();
  /** Positions of the longest path, in whole pages. */
  #span = 0;
  /** Most rows. */
  #rows = 0;
  /** Where the parts of the memory begin; new pages come last. */
  #at = { query: 0, out: 0, scores: 0, table: 0, free: 0 };
  #rope: { cos: Float32Array; sin: Float32Array } = {
    cos: new Float32Array(0),
    sin: new Float32Array(0),
  };
  /** Of the rows that `extend` was given. */
  #positions = new Int32Array(0);

  constructor(config: ModelConfig) {
    this.#config = config;
    const { num_attention_heads, num_key_value_heads, head_dim } = config;
    this.#shape = {
      groups: num_key_value_heads,
      heads: num_attention_heads / num_key_value_heads,
      width: Math.ceil(head_dim / 4) * 4,
    };
  }

  /** Forgets all paths, and prepares for up to `rows` rows of paths of up to `span` positions. */
  reset(rows: number, span: number): void {
    const { groups, heads, width } = this.#shape;
    this.#span = Math.ceil(span / PAGE) * PAGE;
    this.#rows = rows;
    const out = rows * groups * heads * width * 4;
    const scores = 2 * out;
    const table = scores + heads * this.#span * 4;
    const free = Math.ceil((table + rows * this.#tableStride) / 64) * 64;
    this.#at = { query: 0, out, scores, table, free };
    this.#reserve(free);
    // What pads a head's width is 0.
    this.#floats(0, scores).fill(0);
    if (this.#rope.cos.length < this.#span * this.#config.head_dim) {
      const positions = Array.from({ length: this.#span }, (_, i) => i);
      this.#rope = ropeRows(this.#config, positions);
    }
  }

  /** A path that begins as another does. */
  fork(path: CachedPath, length: number): CachedPath {
    if (length > path.length) throw new Error('a path has not come to where it is forked');
    const pages = path.pages.slice(0, Math.floor(length / PAGE));
    const rest = path.pages[pages.length];
    if (length % PAGE > 0 && rest !== undefined) {
      const own = this.#newPage();
      this.#floats(own, this.#pageSize).set(this.#floats(rest, this.#pageSize));
      pages.push(own);
    }
    return { length, pages };
  }

  /**
   * Makes room for one more position on every path; a path may come several times, for positions
   * one after the other. What `attend` is given next belongs to them.
   */
  extend(paths: readonly CachedPath[]): void {
    if (paths.length > this.#rows) throw new Error('more rows than were prepared for');
    this.#positions = Int32Array.from(paths, (path) => {
      if (path.length % PAGE === 0) path.pages.push(this.#newPage());
      return path.length++;
    });
    const table = new Uint32Array(this.#memory.buffer);
    paths.forEach(({ pages }, row) => {
      const entry = this.#tableEntry(row);
      table[entry] = (this.#positions[row] ?? 0) + 1;
      table.set(pages, entry + 1);
    });
  }

  /**
   * Attention of the positions that `extend` made, each over its path up to itself.
   *
   * @param projected `[rows, (H + 2 K) · E]`: queries, keys and values, not rotated yet. Rows
   *   beyond those of `extend` are idle.
   * @returns `[rows, H · E]`, 0 on idle rows
   */
  attend(layer: number, projected: Float32Array): Float32Array {
    const { num_attention_heads, num_key_value_heads, head_dim } = this.#config;
    const memory = new Float32Array(this.#memory.buffer);
    const rowSize = (num_attention_heads + 2 * num_key_value_heads) * head_dim;
    this.#positions.forEach((_, row) => {
      this.#write(memory, layer, row, projected.subarray(row * rowSize, (row + 1) * rowSize));
    });
    const { query, out, scores, table } = this.#at;
    const block = this.#block(layer);
    const rows = this.#positions.length;
    this.#kernel.run(rows, query, out, scores, table, this.#tableStride, block);
    const { groups, heads, width } = this.#shape;
    const mixed = new Float32Array((projected.length / rowSize) * num_attention_heads * head_dim);
    for (let head = 0; head < rows * groups * heads; head++) {
      const from = out / 4 + head * width;
      mixed.set(memory.subarray(from, from + head_dim), head * head_dim);
    }
    return mixed;
  }

  /** Rotates a row's queries and keys, and puts them and its values where they are read. */
  #write(memory: Float32Array, layer: number, row: number, projected: Float32Array): void {
    const { num_attention_heads: h, num_key_value_heads: k, head_dim: e } = this.#config;
    const { groups, heads, width } = this.#shape;
    const position = this.#positions[row] ?? 0;
    const slot = position % PAGE;
    const query = this.#at.query / 4 + row * groups * heads * width;
    for (let head = 0; head < h; head++)
      this.#rotate(
        projected,
        head * e,
        position,
        memory,
        query + head * width,
        1,
        1 / Math.sqrt(e),
      );
    const entry = this.#tableEntry(row) + 1 + (position - slot) / PAGE;
    const page = (new Uint32Array(memory.buffer)[entry] ?? 0) + this.#block(layer);
    const size = pageBytes(this.#shape) / 4;
    for (let head = 0; head < k; head++) {
      const keys = page / 4 + head * 2 * size;
      this.#rotate(projected, (h + head) * e, position, memory, keys + slot, PAGE, 1);
      const from = (h + k + head) * e;
      memory.set(projected.subarray(from, from + e), keys + size + slot * width);
    }
  }

  /** transformers' rotary embedding of one head, times `scale`. */
  #rotate(
    from: Float32Array,
    start: number,
    position: number,
    to: Float32Array,
    at: number,
    stride: number,
    scale: number,
  ): void {
    const { head_dim } = this.#config;
    const { cos, sin } = this.#rope;
    const half = head_dim / 2;
    for (let i = 0; i < half; i++) {
      const a = from[start + i] ?? 0;
      const b = from[start + half + i] ?? 0;
      const c = cos[position * head_dim + i] ?? 1;
      const s = sin[position * head_dim + i] ?? 0;
      to[at + i * stride] = (a * c - b * s) * scale;
      to[at + (half + i) * stride] = (b * c + a * s) * scale;
    }
  }

  /** Compiled once a span: scores of heads lie that far apart. */
  get #kernel(): WebAssembly.Instance['exports'] {
    let instance = this.#instances.get(this.#span);
    if (!instance) {
      const module = attentionModule({ ...this.#shape, scores: this.#span * 4 });
      instance = new WebAssembly.Instance(new WebAssembly.Module(module), {
        env: { memory: this.#memory },
      });
      this.#instances.set(this.#span, instance);
    }
    return instance.exports;
  }

  /** Where a layer begins in a page. */
  #block(layer: number): number {
    return layer * this.#shape.groups * 2 * pageBytes(this.#shape);
  }

  get #pageSize(): number {
    return this.#block(this.#config.num_hidden_layers);
  }

  #newPage(): number {
    const page = this.#at.free;
    this.#at.free += this.#pageSize;
    this.#reserve(this.#at.free);
    this.#floats(page, this.#pageSize).fill(0);
    return page;
  }

  /** Index of a row's entry in the table. */
  #tableEntry(row: number): number {
    return (this.#at.table + row * this.#tableStride) / 4;
  }

  /** Bytes of the table a row. */
  get #tableStride(): number {
    return (1 + this.#span / PAGE) * 4;
  }

  #floats(at: number, bytes: number): Float32Array {
    return new Float32Array(this.#memory.buffer, at, bytes / 4);
  }

  /** Makes the memory hold that many bytes. */
  #reserve(bytes: number): void {
    const have = this.#memory.buffer.byteLength / UNIT;
    const need = Math.ceil(bytes / UNIT) - have;
    if (need <= 0) return;
    // By half as much again at least, because growing copies.
    const some = Math.min(Math.floor(have / 2), MOST_UNITS - have);
    try {
      this.#memory.grow(Math.max(need, some));
    } catch (error) {
      throw new PlainError(
        "The keys and values of a round's tokens do not fit into memory.",
        'Lower num_generations, max_completion_length or the number of prompts a step.',
        { cause: error },
      );
    }
  }
}
