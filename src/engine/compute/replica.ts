import { jit, lax, numpy as np, tree, valueAndGrad } from '@jax-js/jax';
import type { ModelConfig } from './config.ts';
import { weightLayout, type TensorPlace } from './layout.ts';
import {
  FAR_BELOW,
  decodeLogits,
  paddedVocabulary,
  ropeRows,
  rotation,
  sequenceKeysValues,
  sequenceLogits,
  type Constants,
  type Params,
} from './model.ts';

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

interface LossInputs {
  [name: string]: np.Array;
  ids: np.Array;
  mask: np.Array;
  targets: np.Array;
  coefficient: np.Array;
  advantage: np.Array;
  old: np.Array;
  reference: np.Array;
  vocabularyIds: np.Array;
  /** `[temperature, 1 − epsilon, 1 + epsilon_high, beta, use_old_logprob]`, `[1]` each. */
  temperature: np.Array;
  low: np.Array;
  high: np.Array;
  beta: np.Array;
  useOld: np.Array;
}

/** A model's weights on this thread, and what can be computed with them. */
export class Replica {
  readonly config: ModelConfig;
  readonly #places: TensorPlace[];
  readonly #gradients;
  readonly #values;
  readonly #prefill;
  readonly #decode;
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
        (params: Params, inputs: LossInputs, at: Constants & Record<string, np.Array>) =>
          groupLoss(config, params, inputs, at),
        { hasAux: true },
      ),
    );
    this.#values = jit(
      (params: Params, inputs: LossInputs, at: Constants & Record<string, np.Array>) =>
        groupLoss(config, params, inputs, at)[1],
    );
    this.#prefill = jit(
      (params: Params, ids: np.Array, mask: np.Array, at: Constants & Record<string, np.Array>) => {
        const out = sequenceKeysValues(config, params, ids, mask, at);
        tree.dispose([params, at]);
        return out;
      },
    );
    this.#decode = jit(
      (
        params: Params,
        ids: np.Array,
        positions: np.Array,
        columns: np.Array,
        keys: np.Array[],
        values: np.Array[],
        at: Constants & Record<string, np.Array>,
      ) => {
        const out = decodeLogits(config, params, ids, positions, columns, keys, values, at);
        tree.dispose([params, at]);
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

  /** Keys and values of `[rows, length]` tokens: per layer `[rows, length, K, E]`. */
  prefill(
    ids: Int32Array,
    rows: number,
    length: number,
  ): { keys: Float32Array[]; values: Float32Array[] } {
    const out = this.#prefill(
      this.#borrow(),
      np.array(ids).reshape([rows, length]),
      causalMask(length),
      this.#sequenceConstants(length),
    );
    return { keys: out.keys.map(floats), values: out.values.map(floats) };
  }

  /** One position of every row, -1 on idle ones; see `decodeLogits`. Consumes the cache. */
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
    const out = this.#decode(this.#borrow(), np.array(ids), rows, columns, keys, values, {
      cos: np.array(cos).reshape(shape),
      sin: np.array(sin).reshape(shape),
      rotate: this.#rotate.ref,
      one: this.#one.ref,
      vocabulary: this.#vocabulary.ref,
    });
    return { logits: floats(out.logits), keys: out.keys, values: out.values };
  }

  #borrow(): Params {
    if (!this.#params) throw new Error('no weights were loaded');
    return tree.ref(this.#params);
  }

  #sequenceConstants(length: number) {
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

/**
 * TRL's `_compute_loss` (token-level importance), with every normalisation already in
 * `coefficient`: Σ coefficient · (−min(ratio · A, clip(ratio) · A) + beta · k3).
 *
 * @returns `[loss, {logprob, entropy, best}]`, the latter `[B·T, 1]` each
 */
function groupLoss(
  config: ModelConfig,
  params: Params,
  inputs: LossInputs,
  at: Constants & Record<string, np.Array>,
): [np.Array, Record<'logprob' | 'entropy' | 'best', np.Array>] {
  const { ids, mask, targets, coefficient, advantage, old, reference, vocabularyIds } = inputs;
  const logits = sequenceLogits(config, params, ids, mask, at).div(inputs.temperature);
  const highest = lax.stopGradient(np.max(logits.ref, -1, { keepdims: true }));
  const shifted = logits.sub(highest);
  const unnormalised = np.exp(shifted.ref);
  const total = np.sum(unnormalised.ref, -1, { keepdims: true });
  const logTotal = np.log(total.ref);
  const chosen = np.sum(np.where(np.equal(targets, vocabularyIds), shifted.ref, 0), -1, {
    keepdims: true,
  });
  const logprob = chosen.sub(logTotal.ref);
  // H = ln Z − Σ p z, with the logits shifted so that the largest is 0; padded columns are 0 · z.
  const weighted = np.sum(unnormalised.mul(shifted), -1, { keepdims: true });
  const entropy = lax.stopGradient(logTotal.ref.sub(weighted.div(total)));
  const best = lax.stopGradient(np.negative(logTotal));
  const current = lax.stopGradient(logprob.ref);
  const before = old.mul(inputs.useOld.ref).add(current.ref.mul(np.subtract(1, inputs.useOld)));
  const ratio = np.exp(logprob.ref.sub(before));
  const clipped = np.minimum(np.maximum(ratio.ref, inputs.low), inputs.high);
  const gain = np.minimum(ratio.mul(advantage.ref), clipped.mul(advantage));
  const lead = reference.sub(logprob);
  const divergence = np.exp(lead.ref).sub(lead).sub(1);
  const loss = np.sum(coefficient.mul(divergence.mul(inputs.beta).sub(gain)));
  tree.dispose([params, at]);
  return [loss, { logprob: current, entropy, best }];
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
