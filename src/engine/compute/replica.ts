import { jit, numpy as np, tree, valueAndGrad } from '@jax-js/jax';
import { KeyValueCache, type CachedPath } from './cache.ts';
import type { ModelConfig } from './config.ts';
import { fusedLayout, type TensorPlace } from './layout.ts';
import {
  FAR_BELOW,
  embed,
  finishLayer,
  layerParams,
  paddedVocabulary,
  project,
  ropeRows,
  rotation,
  unembed,
  type Params,
} from './model.ts';
import { groupLoss, type Inputs, type LossInputs } from './objective.ts';

/** Sequences of equal padded length, flattened; `[rows, length]` each. */
export interface Chunk {
  rows: number;
  length: number;
  ids: Int32Array;
  /** The token after each position. */
  targets: Int32Array;
  /** Weight of each position's loss, normalisation included; 0 on padding. */
  coefficient: Float32Array;
  /** Advantage times importance weight. */
  advantage: Float32Array;
  old_logprob: Float32Array;
  ref_logprob: Float32Array;
}

export interface ChunkScalars {
  temperature: number;
  epsilon: number;
  epsilon_high: number;
  beta: number;
  /** False: the old policy is the current one. */
  use_old_logprob: boolean;
}

/** Per position of a chunk, of its target. */
export interface ChunkValues {
  logprob: Float32Array;
  entropy: Float32Array;
  /** Log probability of the most likely token. */
  best: Float32Array;
}

/** A model's weights on this thread, and what can be computed with them. */
export class Replica {
  readonly config: ModelConfig;
  /** What `decode` works on. */
  readonly cache: KeyValueCache;
  readonly #places: TensorPlace[];
  readonly #gradients;
  readonly #add;
  readonly #values;
  readonly #enter;
  readonly #between;
  readonly #leave;
  readonly #rotate: np.Array;
  readonly #one: np.Array;
  readonly #vocabulary: np.Array;
  #params: Params | null = null;

  constructor(config: ModelConfig) {
    this.config = config;
    this.cache = new KeyValueCache(config);
    this.#places = fusedLayout(config);
    const { head_dim, vocab_size } = config;
    this.#rotate = np.array(rotation(head_dim)).reshape([head_dim, head_dim]);
    this.#one = np.array(new Float32Array([1]));
    const vocabulary = new Float32Array(paddedVocabulary(config)).fill(FAR_BELOW, vocab_size);
    this.#vocabulary = np.array(vocabulary).reshape([1, vocabulary.length]);
    this.#gradients = jit(
      valueAndGrad(
        (params: Params, inputs: LossInputs, at: Inputs) => groupLoss(config, params, inputs, at),
        { hasAux: true },
      ),
    );
    this.#add = jit((a: Params, b: Params): Params =>
      tree.map((x: np.Array, y: np.Array) => x.add(y), a, b),
    );
    this.#values = jit(
      (params: Params, inputs: LossInputs, at: Inputs) => groupLoss(config, params, inputs, at)[1],
    );
    // Decoding is compiled from one attention to the next: all layers are alike, so this takes a
    // fraction of the time that compiling the whole model does.
    this.#enter = jit((outer: Params, layer: Params, ids: np.Array) => {
      const x = embed(outer, ids);
      const projected = project(config, layer, x.ref);
      tree.dispose([outer, layer]);
      return { x, projected };
    });
    this.#between = jit((layer: Params, next: Params, state: np.Array, mixed: np.Array) => {
      const x = finishLayer(config, layer, state, mixed);
      const projected = project(config, next, x.ref);
      tree.dispose([layer, next]);
      return { x, projected };
    });
    this.#leave = jit(
      (layer: Params, outer: Params, x: np.Array, mixed: np.Array, vocabulary: np.Array) => {
        const logits = unembed(config, outer, finishLayer(config, layer, x, mixed), vocabulary);
        tree.dispose([layer, outer, vocabulary]);
        return logits;
      },
    );
  }

  /** Takes over the given weights (copied). */
  load(weights: Float32Array): void {
    tree.dispose(this.#params);
    const params: Params = {};
    for (const { name, shape, offset, size } of this.#places)
      params[name] = np.array(weights.slice(offset, offset + size)).reshape(shape);
    this.#params = params;
  }

  /** Sets `into` (flat, see `weightLayout`) to the gradient of the loss over all chunks. */
  gradients(
    chunks: readonly Chunk[],
    scalars: ChunkScalars,
    into: Float32Array,
  ): { loss: number; values: ChunkValues[] } {
    const values: ChunkValues[] = [];
    let loss = 0;
    let total: Params | null = null;
    for (const chunk of chunks) {
      const [[own, out], gradient] = this.#gradients(
        this.#borrow(),
        this.#inputs(chunk, scalars),
        this.#sequenceConstants(chunk.length),
      );
      loss += floats(own)[0] ?? NaN;
      values.push(readValues(out));
      // Summed where they are, because reading them takes as long as all of that.
      total = total === null ? gradient : this.#add(total, gradient);
    }
    into.fill(0);
    if (total === null) return { loss, values };
    for (const { name, offset } of this.#places) {
      const gradient = total[name];
      if (!gradient) throw new Error(`no gradient for ${name}`);
      into.set(floats(gradient), offset);
    }
    return { loss, values };
  }

  /** Log probabilities and entropies of the chunk's targets, without a gradient. */
  values(chunk: Chunk, temperature: number): ChunkValues {
    const scalars = { temperature, epsilon: 0, epsilon_high: 0, beta: 0, use_old_logprob: false };
    return readValues(
      this.#values(
        this.#borrow(),
        this.#inputs(chunk, scalars),
        this.#sequenceConstants(chunk.length),
      ),
    );
  }

  /**
   * Feeds a token to every path, which grows by it; a path may be fed several, one after the other.
   *
   * @returns logits `[paths, W]`, or none where nobody wants them
   */
  decode(ids: readonly number[], paths: readonly CachedPath[], wanted: boolean): Float32Array {
    const { num_hidden_layers, num_attention_heads, head_dim } = this.config;
    const rows = decodedRows(ids.length);
    const fed = new Int32Array(rows);
    fed.set(ids);
    this.cache.extend(paths);
    let { x, projected } = this.#enter(this.#outer(), this.#layer(0), np.array(fed));
    const attend = (layer: number) =>
      np
        .array(this.cache.attend(layer, floats(projected)))
        .reshape([rows, num_attention_heads * head_dim]);
    const last = num_hidden_layers - 1;
    for (let layer = 0; layer < last; layer++) {
      const mixed = attend(layer);
      ({ x, projected } = this.#between(this.#layer(layer), this.#layer(layer + 1), x, mixed));
    }
    const mixed = attend(last);
    if (!wanted) {
      tree.dispose([x, mixed]);
      return new Float32Array(0);
    }
    return floats(this.#leave(this.#layer(last), this.#outer(), x, mixed, this.#vocabulary.ref));
  }

  /** References to one layer's weights, and to all that belong to no layer. */
  #layer(layer: number): Params {
    if (!this.#params) throw new Error('no weights were loaded');
    return tree.ref(layerParams(this.#params, layer));
  }

  #outer(): Params {
    const params = Object.entries(this.#params ?? {});
    return tree.ref(Object.fromEntries(params.filter(([name]) => !name.includes('.layers.'))));
  }

  #borrow(): Params {
    if (!this.#params) throw new Error('no weights were loaded');
    return tree.ref(this.#params);
  }

  #sequenceConstants(length: number): Inputs {
    const { cos, sin } = ropeRows(
      this.config,
      Array.from({ length }, (_, i) => i),
    );
    const shape = [length, 1, this.config.head_dim];
    return {
      cos: np.array(cos).reshape(shape),
      sin: np.array(sin).reshape(shape),
      rotate: this.#rotate.ref,
      one: this.#one.ref,
      vocabulary: this.#vocabulary.ref,
    };
  }

  #inputs(chunk: Chunk, scalars: ChunkScalars): LossInputs {
    const width = paddedVocabulary(this.config);
    const column = (values: Float32Array | Int32Array) =>
      np.array(values).reshape([values.length, 1]);
    const scalar = (value: number) => np.array(new Float32Array([value])).reshape([1, 1]);
    return {
      ids: np.array(chunk.ids).reshape([chunk.rows, chunk.length]),
      mask: causalMask(chunk.length),
      targets: column(chunk.targets),
      coefficient: column(chunk.coefficient),
      advantage: column(chunk.advantage),
      old: column(chunk.old_logprob),
      reference: column(chunk.ref_logprob),
      vocabularyIds: np.array(Int32Array.from({ length: width }, (_, i) => i)).reshape([1, width]),
      temperature: scalar(scalars.temperature),
      low: scalar(1 - scalars.epsilon),
      high: scalar(1 + scalars.epsilon_high),
      beta: scalar(scalars.beta),
      useOld: scalar(scalars.use_old_logprob ? 1 : 0),
    };
  }
}

/** Rows come in multiples of 8, because each number of them is compiled once. */
export function decodedRows(wanted: number): number {
  return Math.max(8, Math.ceil(wanted / 8) * 8);
}

function causalMask(length: number): np.Array {
  const mask = new Float32Array(length * length);
  for (let query = 0; query < length; query++)
    mask.fill(FAR_BELOW, query * length + query + 1, (query + 1) * length);
  return np.array(mask).reshape([length, length]);
}

function readValues(values: Record<'logprob' | 'entropy' | 'best', np.Array>): ChunkValues {
  return {
    logprob: floats(values.logprob),
    entropy: floats(values.entropy),
    best: floats(values.best),
  };
}

/** Reads and consumes an array of single-precision numbers. */
export function floats(array: np.Array): Float32Array {
  const dtype = array.dtype;
  const data: unknown = array.dataSync();
  if (!(data instanceof Float32Array)) throw new Error(`not single precision: ${dtype}`);
  return data;
}
