import { jit, numpy as np, tree, valueAndGrad } from '@jax-js/jax';
import type { ModelConfig } from './config.ts';
import { weightLayout, type TensorPlace } from './layout.ts';
import {
  FAR_BELOW,
  decodeLayer,
  embed,
  layerParams,
  paddedVocabulary,
  ropeRows,
  rotation,
  sequenceLayer,
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
  readonly #places: TensorPlace[];
  readonly #gradients;
  readonly #values;
  readonly #embed;
  readonly #unembed;
  readonly #prefillLayer;
  readonly #decodeLayer;
  readonly #rotate: np.Array;
  readonly #one: np.Array;
  readonly #vocabulary: np.Array;
  #params: Params | null = null;

  constructor(config: ModelConfig) {
    this.config = config;
    this.#places = weightLayout(config).places;
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
    this.#values = jit(
      (params: Params, inputs: LossInputs, at: Inputs) => groupLoss(config, params, inputs, at)[1],
    );
    // Generation is compiled layer by layer: all layers are alike, so this takes a fraction of the
    // time that compiling the whole model does.
    this.#embed = jit((params: Params, ids: np.Array) => {
      const x = embed(params, ids);
      tree.dispose(params);
      return x;
    });
    this.#unembed = jit((params: Params, x: np.Array, at: Inputs) => {
      const logits = unembed(config, params, x, at);
      tree.dispose([params, at]);
      return logits;
    });
    this.#prefillLayer = jit((layer: Params, x: np.Array, mask: np.Array, at: Inputs) => {
      const length = mask.shape[0] ?? 1;
      const rows = (x.shape[0] ?? 0) / length;
      const out = sequenceLayer(config, layer, x, rows, length, mask, at);
      tree.dispose([layer, mask, at]);
      return out;
    });
    this.#decodeLayer = jit(
      (
        layer: Params,
        x: np.Array,
        positions: np.Array,
        columns: np.Array,
        key: np.Array,
        value: np.Array,
        at: Inputs,
      ) => {
        const out = decodeLayer(config, layer, x, positions, columns, key, value, at);
        tree.dispose([layer, at]);
        return out;
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

  /** Adds the gradient of the chunk's loss to `into` (flat, see `weightLayout`). */
  gradients(
    chunk: Chunk,
    scalars: ChunkScalars,
    into: Float32Array,
  ): ChunkValues & { loss: number } {
    const [[loss, values], gradient] = this.#gradients(
      this.#borrow(),
      this.#inputs(chunk, scalars),
      this.#sequenceConstants(chunk.length),
    );
    const value = floats(loss)[0] ?? NaN;
    const out = readValues(values);
    for (const { name, offset, size } of this.#places) {
      const array = gradient[name];
      if (!array) throw new Error(`no gradient for ${name}`);
      const part = floats(array);
      for (let i = 0; i < size; i++) into[offset + i] = (into[offset + i] ?? 0) + (part[i] ?? 0);
    }
    return { loss: value, ...out };
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

  /** Keys and values of rows of `length` tokens: per layer `[rows, length, K, E]`. */
  prefill(ids: Int32Array, length: number): { keys: Float32Array[]; values: Float32Array[] } {
    const mask = causalMask(length);
    const at = this.#sequenceConstants(length);
    const keys: Float32Array[] = [];
    const values: Float32Array[] = [];
    let x = this.#embed(this.#outer(), np.array(ids));
    for (let layer = 0; layer < this.config.num_hidden_layers; layer++) {
      const out = this.#prefillLayer(this.#layer(layer), x, mask.ref, tree.ref(at));
      x = out.x;
      keys.push(floats(out.key));
      values.push(floats(out.value));
    }
    tree.dispose([x, mask, at]);
    return { keys, values };
  }

  /** One position of every row, -1 on idle ones; see `decodeLayer`. Consumes the cache. */
  decode(
    ids: Int32Array,
    positions: Int32Array,
    span: number,
    keys: np.Array[],
    values: np.Array[],
  ): { logits: Float32Array; keys: np.Array[]; values: np.Array[] } {
    const { cos, sin } = ropeRows(this.config, positions);
    const shape = [ids.length, 1, this.config.head_dim];
    const rows = np.array(positions).reshape([positions.length, 1]);
    const columns = np.array(Int32Array.from({ length: span }, (_, i) => i)).reshape([1, span]);
    const at: Inputs = {
      cos: np.array(cos).reshape(shape),
      sin: np.array(sin).reshape(shape),
      rotate: this.#rotate.ref,
      one: this.#one.ref,
      vocabulary: this.#vocabulary.ref,
    };
    const next: { keys: np.Array[]; values: np.Array[] } = { keys: [], values: [] };
    let x = this.#embed(this.#outer(), np.array(ids));
    for (let layer = 0; layer < this.config.num_hidden_layers; layer++) {
      const key = keys[layer];
      const value = values[layer];
      if (!key || !value) throw new Error(`no cache for layer ${layer}`);
      const weights = this.#layer(layer);
      const again = tree.ref(at);
      const out = this.#decodeLayer(weights, x, rows.ref, columns.ref, key, value, again);
      x = out.x;
      next.keys.push(out.key);
      next.values.push(out.value);
    }
    tree.dispose([rows, columns]);
    return { logits: floats(this.#unembed(this.#outer(), x, at)), ...next };
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
