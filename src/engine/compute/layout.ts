import type { ModelConfig } from './config.ts';

/** A tensor's place in the flat buffer that holds all of a model's weights. */
export interface TensorPlace {
  /** transformers' name. */
  name: string;
  shape: number[];
  /** In elements. */
  offset: number;
  size: number;
  /** Whether AdamW's weight decay applies; as in transformers' Trainer, not to norms. */
  decays: boolean;
}

/**
 * All weights of a model live in one Float32Array, so that gradients are summed, clipped and
 * applied by plain loops and are shared between threads. This is where each tensor stands.
 */
export function weightLayout(config: ModelConfig): { places: TensorPlace[]; size: number } {
  const places: TensorPlace[] = [];
  let offset = 0;
  const add = (name: string, ...shape: number[]) => {
    const size = shape.reduce((a, b) => a * b, 1);
    places.push({ name, shape, offset, size, decays: shape.length > 1 });
    offset += size;
  };
  const { hidden_size: d, intermediate_size: f, head_dim, vocab_size } = config;
  const q = config.num_attention_heads * head_dim;
  const kv = config.num_key_value_heads * head_dim;
  add('model.embed_tokens.weight', vocab_size, d);
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const prefix = `model.layers.${layer}`;
    add(`${prefix}.input_layernorm.weight`, d);
    add(`${prefix}.self_attn.q_proj.weight`, q, d);
    add(`${prefix}.self_attn.k_proj.weight`, kv, d);
    add(`${prefix}.self_attn.v_proj.weight`, kv, d);
    add(`${prefix}.self_attn.o_proj.weight`, d, q);
    add(`${prefix}.post_attention_layernorm.weight`, d);
    add(`${prefix}.mlp.gate_proj.weight`, f, d);
    add(`${prefix}.mlp.up_proj.weight`, f, d);
    add(`${prefix}.mlp.down_proj.weight`, d, f);
  }
  add('model.norm.weight', d);
  if (!config.tie_word_embeddings) add('lm_head.weight', vocab_size, d);
  return { places, size: offset };
}

/**
 * The same buffer as the model computes with it: the projections to queries, keys and values, which
 * stand one after the other and are multiplied with the same vectors, are one, `qkv_proj`.
 */
export function fusedLayout(config: ModelConfig): TensorPlace[] {
  const fused: TensorPlace[] = [];
  for (const place of weightLayout(config).places) {
    const name = place.name.replace(/\.[qkv]_proj\./, '.qkv_proj.');
    const last = fused.at(-1);
    if (last?.name !== name) {
      fused.push({ ...place, name });
      continue;
    }
    const [rows = 0, columns = 0] = last.shape;
    last.shape = [rows + (place.shape[0] ?? 0), columns];
    last.size += place.size;
  }
  return fused;
}
