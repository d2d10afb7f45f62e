import { nn, numpy as np } from '@jax-js/jax';
import type { ModelConfig } from './config.ts';

/**
 * The Llama architecture as transformers computes it. Arrays are reference counted: a function
 * consumes what it is given, except `Params`, which every function here borrows.
 *
 * Axes: B rows, T positions, D hidden, H query heads, K key/value heads, G = H / K, E head
 * dimension, S cache positions, V vocabulary, W vocabulary padded to a multiple of 16.
 */
export type Params = Record<string, np.Array>;

/** What a forward pass needs besides weights. Borrowed, like `Params`. */
export interface Constants {
  /** `[T, 1, E]` (sequence) or `[B, 1, E]` (one position a row). */
  cos: np.Array;
  sin: np.Array;
  /** `[E, E]`: `x @ rotate` is transformers' `rotate_half(x)`. A product is cheaper than a concat. */
  rotate: np.Array;
  /**
   * `[1]`, holds 1. Multiplying by it makes the compiler write a transposed intermediate down
   * once, instead of reading it through two views in the innermost loop of a product.
   */
  one: np.Array;
  /**
   * `[1, W]`: 0 on the vocabulary, very negative on the `W − V` columns that pad it. Products are
   * several times faster when their width is a multiple of the vector unit's.
   */
  vocabulary: np.Array;
}

/** The vocabulary's padded width W. */
export function paddedVocabulary(config: ModelConfig): number {
  return Math.ceil(config.vocab_size / 16) * 16;
}

/** What masked scores and padded logits are set to: `exp` of it is 0, and it is no infinity. */
export const FAR_BELOW = -1e30;

/** Makes the `cos` and `sin` rows of the given positions, `[positions, E]` each. */
export function ropeRows(
  config: ModelConfig,
  positions: ArrayLike<number>,
): { cos: Float32Array; sin: Float32Array } {
  const { head_dim, rope_theta } = config;
  const half = head_dim / 2;
  const cos = new Float32Array(positions.length * head_dim);
  const sin = new Float32Array(positions.length * head_dim);
  for (let row = 0; row < positions.length; row++) {
    for (let i = 0; i < half; i++) {
      // transformers computes frequency and angle in single precision, and so does this.
      const frequency = Math.fround(1 / Math.fround(rope_theta ** Math.fround(i / half)));
      const angle = Math.fround((positions[row] ?? 0) * frequency);
      const at = row * head_dim + i;
      cos[at] = cos[at + half] = Math.cos(angle);
      sin[at] = sin[at + half] = Math.sin(angle);
    }
  }
  return { cos, sin };
}

/** The matrix R with `x @ R = concat(−x[half:], x[:half])`. */
export function rotation(headDim: number): Float32Array {
  const half = headDim / 2;
  const matrix = new Float32Array(headDim * headDim);
  for (let i = 0; i < half; i++) {
    matrix[(i + half) * headDim + i] = -1;
    matrix[i * headDim + i + half] = 1;
  }
  return matrix;
}

/**
 * Logits of whole sequences, padded on the right: with a causal mask no token sees padding.
 *
 * @param ids `[B, T]` int32
 * @param mask `[T, T]`, 0 where a query sees a key, very negative where not
 * @returns logits `[B·T, W]`
 */
export function sequenceLogits(
  config: ModelConfig,
  params: Params,
  ids: np.Array,
  mask: np.Array,
  at: Constants,
): np.Array {
  const [rows = 0, length = 0] = ids.shape;
  let x = embed(params, ids.reshape([rows * length]));
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const out = sequenceLayer(config, layerParams(params, layer), x, rows, length, mask, at);
    x = out.x;
    out.key.dispose();
    out.value.dispose();
  }
  mask.dispose();
  return unembed(config, params, x, at);
}

/**
 * One layer of decoding one position of every row, with a cache.
 *
 * @param layer the layer's own weights, see `layerParams`
 * @param x `[B, D]`
 * @param positions `[B, 1]` int32: where each row's token stands; -1 on idle rows
 * @param columns `[1, S]` int32: 0, 1, 2, …
 * @param key, value `[B, K, S, E]`, the cache; consumed
 * @returns the layer's output and the new cache
 */
export function decodeLayer(
  config: ModelConfig,
  layer: Params,
  x: np.Array,
  positions: np.Array,
  columns: np.Array,
  key: np.Array,
  value: np.Array,
  at: Constants,
): { x: np.Array; key: np.Array; value: np.Array } {
  const { num_attention_heads: h, num_key_value_heads: k, head_dim: e } = config;
  const rows = x.shape[0] ?? 0;
  const span = columns.shape[1] ?? 0;
  const wide = np.equal(columns.ref, positions.ref).reshape([rows, 1, span, 1]);
  const seen = np.where(np.lessEqual(columns, positions), 0, FAR_BELOW).reshape([rows, 1, 1, span]);
  const normed = normalise(config, x.ref, named(layer, 'input_layernorm'));
  const heads = (name: string, count: number) =>
    linear(normed.ref, named(layer, `self_attn.${name}`)).reshape([rows, count, e]);
  const query = rotated(heads('q_proj', h), at).reshape([rows, k, h / k, e]);
  const newKey = rotated(heads('k_proj', k), at).reshape([rows, k, 1, e]);
  const newValue = heads('v_proj', k).reshape([rows, k, 1, e]);
  normed.dispose();
  const cachedKey = np.where(wide.ref, newKey, key);
  const cachedValue = np.where(wide, newValue, value);
  const scores = np
    .matmul(query, np.transpose(cachedKey.ref, [0, 1, 3, 2]))
    .mul(1 / Math.sqrt(e))
    .add(seen);
  const mixed = np.matmul(nn.softmax(scores, -1), cachedValue.ref).reshape([rows, h * e]);
  return { x: finishLayer(config, layer, x, mixed), key: cachedKey, value: cachedValue };
}

/**
 * One layer over whole sequences.
 *
 * @param x `[B·T, D]`
 * @param mask borrowed
 * @returns the layer's output, and its keys (rotated) and values, `[B, T, K, E]` each
 */
export function sequenceLayer(
  config: ModelConfig,
  layer: Params,
  x: np.Array,
  rows: number,
  length: number,
  mask: np.Array,
  at: Constants,
): { x: np.Array; key: np.Array; value: np.Array } {
  const { num_attention_heads: h, num_key_value_heads: k, head_dim: e } = config;
  const g = h / k;
  const normed = normalise(config, x.ref, named(layer, 'input_layernorm'));
  const heads = (name: string, count: number) =>
    linear(normed.ref, named(layer, `self_attn.${name}`)).reshape([rows, length, count, e]);
  const key = rotated(heads('k_proj', k), at);
  const value = heads('v_proj', k);
  // [B, T, K, G, E] → [B, K, G, T, E]: the heads of a group share keys, so they are one product.
  const query = np
    .transpose(rotated(heads('q_proj', h), at).reshape([rows, length, k, g, e]), [0, 2, 3, 1, 4])
    .mul(at.one.ref)
    .mul(1 / Math.sqrt(e))
    .reshape([rows, k, g * length, e]);
  normed.dispose();
  const scores = np
    .matmul(query, np.transpose(key.ref, [0, 2, 3, 1]))
    .reshape([rows, k, g, length, length])
    .add(mask.ref);
  const weights = nn.softmax(scores, -1).reshape([rows, k, g * length, length]);
  const mixed = np
    .transpose(
      np.matmul(weights, np.transpose(value.ref, [0, 2, 1, 3])).reshape([rows, k, g, length, e]),
      [0, 3, 1, 2, 4],
    )
    .mul(at.one.ref)
    .reshape([rows * length, h * e]);
  return { x: finishLayer(config, layer, x, mixed), key, value };
}

/** The second half of a layer: output projection, residual, gated MLP, residual. */
function finishLayer(config: ModelConfig, layer: Params, x: np.Array, mixed: np.Array): np.Array {
  const attended = x.add(linear(mixed, named(layer, 'self_attn.o_proj')));
  const normed = normalise(config, attended.ref, named(layer, 'post_attention_layernorm'));
  const gate = nn.silu(linear(normed.ref, named(layer, 'mlp.gate_proj')));
  const up = linear(normed, named(layer, 'mlp.up_proj'));
  return attended.add(linear(gate.mul(up), named(layer, 'mlp.down_proj')));
}

function rotated(x: np.Array, at: Constants): np.Array {
  const turned = np.matmul(x.ref, at.rotate.ref);
  return x.mul(at.cos.ref).add(turned.mul(at.sin.ref));
}

export function embed(params: Params, ids: np.Array): np.Array {
  return np.take(named(params, 'model.embed_tokens.weight'), ids, 0);
}

/** Final norm and output projection; tied to the embedding where there is no `lm_head`. */
export function unembed(config: ModelConfig, params: Params, x: np.Array, at: Constants): np.Array {
  const normed = normalise(config, x, named(params, 'model.norm.weight'));
  const name = config.tie_word_embeddings ? 'model.embed_tokens.weight' : 'lm_head.weight';
  const head = named(params, name);
  const extra = paddedVocabulary(config) - config.vocab_size;
  if (extra === 0) return linear(normed, head);
  const padded = np.pad(head, [
    [0, extra],
    [0, 0],
  ]);
  return linear(normed, padded).add(at.vocabulary.ref);
}

/** RMSNorm. */
function normalise(config: ModelConfig, x: np.Array, weight: np.Array): np.Array {
  const square = np.mean(x.ref.mul(x.ref), -1, { keepdims: true });
  return x.mul(np.reciprocal(np.sqrt(square.add(config.rms_norm_eps)))).mul(weight);
}

/** `x @ wᵀ`, weights as torch stores them: `[out, in]`. */
function linear(x: np.Array, weight: np.Array): np.Array {
  return np.matmul(x, np.transpose(weight));
}

const layerTensors = [
  'input_layernorm',
  'self_attn.q_proj',
  'self_attn.k_proj',
  'self_attn.v_proj',
  'self_attn.o_proj',
  'post_attention_layernorm',
  'mlp.gate_proj',
  'mlp.up_proj',
  'mlp.down_proj',
] as const;

/** The weights of one layer by their names within it. No new references are made. */
export function layerParams(params: Params, layer: number): Params {
  const own: Params = {};
  for (const name of layerTensors) {
    const array = params[`model.layers.${layer}.${name}.weight`];
    if (array) own[name] = array;
  }
  return own;
}

/** A new reference to a weight. */
function named(params: Params, name: string): np.Array {
  const array = params[name];
  if (!array) throw new Error(`no tensor ${name}`);
  return array.ref;
}
