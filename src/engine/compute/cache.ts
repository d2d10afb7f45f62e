import { numpy as np, tree } from '@jax-js/jax';
import type { ModelConfig } from './config.ts';
import { floats } from './replica.ts';

/** Keys and values of the first `length` positions of one row, per layer `[K, length, E]`. */
export interface CachedPrefix {
  length: number;
  keys: Float32Array[];
  values: Float32Array[];
}

/** Where a row of the next cache comes from. */
export type RowSource =
  /** The row stays what it is, at another place perhaps. */
  | { kind: 'row'; row: number }
  /** The first `length` positions of a row that may live on elsewhere. */
  | { kind: 'copy'; row: number; length: number }
  | { kind: 'prefix'; prefix: CachedPrefix; length: number }
  | { kind: 'empty' };

/**
 * The keys and values of all rows being decoded, per layer `[rows, K, S, E]`. Rows are moved
 * about on the host: the tensor library has no update in place, and a copy of the whole cache
 * costs less than one decoding step.
 */
export class KeyValueCache {
  readonly #layers: number;
  readonly #heads: number;
  readonly #width: number;
  /** S. */
  readonly span: number;
  rows = 0;
  keys: np.Array[] = [];
  values: np.Array[] = [];

  constructor(config: ModelConfig, span: number) {
    this.#layers = config.num_hidden_layers;
    this.#heads = config.num_key_value_heads;
    this.#width = config.head_dim;
    this.span = span;
  }

  /**
   * Rebuilds the cache row by row, and returns the prefixes of rows that are to be kept (`keep`:
   * row → number of positions) although they leave the cache.
   */
  rearrange(
    sources: readonly RowSource[],
    keep: ReadonlyMap<number, number>,
  ): Map<number, CachedPrefix> {
    const kept = new Map<number, CachedPrefix>();
    for (const [row, length] of keep) kept.set(row, { length, keys: [], values: [] });
    const move = (old: np.Array | undefined, layer: number, part: 'keys' | 'values') => {
      const from = old ? floats(old) : new Float32Array(0);
      for (const [row, prefix] of kept) prefix[part].push(this.#cut(from, row, prefix.length));
      const to = new Float32Array(sources.length * this.#rowSize);
      sources.forEach((source, row) => this.#place(to, row, from, source, layer, part));
      return np.array(to).reshape([sources.length, this.#heads, this.span, this.#width]);
    };
    for (let layer = 0; layer < this.#layers; layer++) {
      this.keys[layer] = move(this.keys[layer], layer, 'keys');
      this.values[layer] = move(this.values[layer], layer, 'values');
    }
    this.rows = sources.length;
    return kept;
  }

  dispose(): void {
    tree.dispose([this.keys, this.values]);
    this.keys = [];
    this.values = [];
    this.rows = 0;
  }

  get #rowSize(): number {
    return this.#heads * this.span * this.#width;
  }

  #cut(from: Float32Array, row: number, length: number): Float32Array {
    const own = new Float32Array(this.#heads * length * this.#width);
    for (let head = 0; head < this.#heads; head++) {
      const start = (row * this.#heads + head) * this.span * this.#width;
      own.set(from.subarray(start, start + length * this.#width), head * length * this.#width);
    }
    return own;
  }

  #place(
    to: Float32Array,
    row: number,
    from: Float32Array,
    source: RowSource,
    layer: number,
    part: 'keys' | 'values',
  ): void {
    const size = this.#rowSize;
    switch (source.kind) {
      case 'empty':
        return;
      case 'row':
        to.set(from.subarray(source.row * size, (source.row + 1) * size), row * size);
        return;
      case 'copy':
      case 'prefix': {
        const stored =
          source.kind === 'copy' ? from : (source.prefix[part][layer] ?? new Float32Array(0));
        for (let head = 0; head < this.#heads; head++) {
          const start =
            source.kind === 'copy'
              ? (source.row * this.#heads + head) * this.span * this.#width
              : head * source.prefix.length * this.#width;
          to.set(
            stored.subarray(start, start + source.length * this.#width),
            (row * this.#heads + head) * this.span * this.#width,
          );
        }
      }
    }
  }
}
