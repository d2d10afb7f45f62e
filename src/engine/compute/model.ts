import { nn, numpy as np } from '@jax-js/jax';
import type { ModelConfig } from './config.ts';

/**
 * The Llama architecture as transformers computes it, with the weights of `fusedLayout`. Arrays are
 * reference counted: a function consumes what it is given, except `Params`, which every function
 * here borrows.
 *
 * Axes: B rows, T positions, D hidden, H query heads, K key/value heads, G = H / K, E head
 * dimension, V vocabulary, W vocabulary padded to a multiple of 16.
 */
export type Params = Record<string, np.Array>;

/** What whole sequences need besides weights. Borrowed, like `Params`. */
export interface Constants {
  /** `[T, 1, E]`. */
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
  for (let layer = 0; layer < config.num_hidden_layers; layer++)
    x = sequenceLayer(config, layerParams(params, layer), x, rows, length, mask, at);
  mask.dispose();
  return unembed(config, params, x, at.vocabulary);
}

/**
 * One layer over whole sequences.
 *
 * @param x `[B·T, D]`
 * @param mask borrowed
 */
function sequenceLayer(
  config: ModelConfig,
  layer: Params,
  x: np.Array,
  rows: number,
  length: number,
  mask: np.Array,
  at: Constants,
): np.Array {
  const { num_attention_heads: h, num_key_value_heads: k, head_dim: e } = config;
  const g = h / k;
  const heads = project(config, layer, x.ref).reshape([rows, length, h + 2 * k, e]);
  const turned = rotated(heads.ref.slice([], [], [0, h + k]), at);
  const key = turned.ref.slice([], [], [h, h + k]);
  const value = heads.slice([], [], [h + k, h + 2 * k]);
  // [B, T, K, G, E] → [B, K, G, T, E]: the heads of a group share keys, so they are one product.
  const query = np
    .transpose(turned.slice([], [], [0, h]).reshape([rows, length, k, g, e]), [0, 2, 3, 1, 4])
    .mul(at.one.ref)
    .mul(1 / Math.sqrt(e))
    .reshape([rows, k, g * length, e]);
  const scores = np
    .matmul(query, np.transpose(key, [0, 2, 3, 1]))
    .reshape([rows, k, g, length, length])
    .add(mask.ref);
  const weights = nn.softmax(scores, -1).reshape([rows, k, g * length, length]);
  const mixed = np
    .transpose(
      np.matmul(weights, np.transpose(value, [0, 2, 1, 3])).reshape([rows, k, g, length, e]),
      [0, 3, 1, 2, 4],
    )
    .mul(at.one.ref)
    .reshape([rows * length, h * e]);
  return finishLayer(config, layer, x, mixed);
}

/**
 * The first part of a layer, up to its attention.
 *
 * @param x `[N, D]`
 * @returns queries, keys and values, not rotated: `[N, (H + 2 K) · E]`
 */
export function project(config: ModelConfig, layer: Params, x: np.Array): np.Array {
  const normed = normalise(config, x, named(layer, 'input_layernorm'));
  return linear(normed, named(layer, 'self_attn.qkv_proj'));
}

/**
 * The rest of a layer: output projection, residual, gated MLP, residual.
 *
 * @param x `[N, D]`
 * @param mixed `[N, H · E]`, what its attention gave
 */
export function finishLayer(
  config: ModelConfig,
  layer: Params,
  x: np.Array,
  mixed: np.Array,
): np.Array {
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
export function unembed(
  config: ModelConfig,
  params: Params,
  x: np.Array,
  vocabulary: np.Array,
): np.Array {
  const normed = normalise(config, x, named(params, 'model.norm.weight'));
  const name = config.tie_word_embeddings ? 'model.embed_tokens.weight' : 'lm_head.weight';
  const head = named(params, name);
  const extra = paddedVocabulary(config) - config.vocab_size;
  if (extra === 0) return linear(normed, head);
  const padded = np.pad(head, [
    [0, extra],
    [0, 0],
  ]);
  return linear(normed, padded).add(vocabulary.ref);
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
  'self_attn.qkv_proj',
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
