import { z } from 'zod';
import { PlainError } from '../../common/errors.ts';

/** A Llama model's shape, under the names of its `config.json`. */
export interface ModelConfig {
  vocab_size: number;
  hidden_size: number;
  intermediate_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  num_key_value_heads: number;
  head_dim: number;
  max_position_embeddings: number;
  rms_norm_eps: number;
  rope_theta: number;
  tie_word_embeddings: boolean;
  bos_token_id: number | null;
  /** Any of them ends a completion. */
  eos_token_ids: number[];
  pad_token_id: number | null;
}

const size = z.number().int().positive();
const tokenId = z.number().int().nonnegative();
const tokenIds = z
  .union([tokenId, z.array(tokenId)])
  .nullish()
  .transform((ids) => (ids === null || ids === undefined ? [] : [ids].flat()));

const ropeParameters = z.object({
  rope_theta: z.number().positive().optional(),
  rope_type: z.string().optional(),
});

const configSchema = z.object({
  model_type: z.string(),
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  max_position_embeddings: size.default(2048),
  rms_norm_eps: z.number().positive().default(1e-6),
  rope_theta: z.number().positive().optional(),
  rope_scaling: z.looseObject({ rope_type: z.string().optional() }).nullish(),
  rope_parameters: ropeParameters.nullish(),
  tie_word_embeddings: z.boolean().default(false),
  hidden_act: z.string().default('silu'),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  quantization_config: z.unknown().optional(),
  bos_token_id: tokenId.nullish(),
  eos_token_id: tokenIds,
  pad_token_id: tokenId.nullish(),
});

const unsupported = 'Choose a plain Llama checkpoint (model_type "llama") for the built-in engine.';

/**
 * Reads the parsed content of a Hugging Face `config.json`.
 *
 * @param file named in what goes wrong
 * @throws PlainError where a key is missing or wrong, or the model is not one the engine computes
 */
export function parseModelConfig(content: unknown, file: string): ModelConfig {
  const type = z.object({ model_type: z.string() }).safeParse(content);
  if (!type.success)
    throw new PlainError(`${file} does not say its model_type.`, 'Check that it is a model.');
  if (type.data.model_type !== 'llama')
    throw new PlainError(
      `${file} describes a ${type.data.model_type} model, which the built-in engine can't run.`,
      unsupported,
    );
  const parsed = configSchema.safeParse(content);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const key = issue?.path.join('.') ?? '';
    throw new PlainError(`${file}: ${key}: ${issue?.message ?? 'invalid'}.`, 'Repair the file.');
  }
  const config = parsed.data;
  const refuse = (what: string): never => {
    throw new PlainError(`${file}: ${what}.`, unsupported);
  };
  const ropeType = config.rope_parameters?.rope_type ?? config.rope_scaling?.rope_type;
  if (ropeType !== undefined && ropeType !== 'default') refuse(`RoPE scaling "${ropeType}"`);
  if (config.rope_scaling && ropeType === undefined) refuse('RoPE scaling of an old kind');
  if (config.hidden_act !== 'silu') refuse(`activation "${config.hidden_act}"`);
  if (config.attention_bias || config.mlp_bias) refuse('layers with a bias');
  if (config.quantization_config !== undefined && config.quantization_config !== null)
    refuse('quantised weights');
  const heads = config.num_attention_heads;
  const kvHeads = config.num_key_value_heads ?? heads;
  if (heads % kvHeads !== 0)
    refuse(`num_attention_heads ${heads} is no multiple of num_key_value_heads ${kvHeads}`);
  const given = config.head_dim ?? null;
  if (given === null && config.hidden_size % heads !== 0)
    refuse(`hidden_size ${config.hidden_size} is no multiple of num_attention_heads ${heads}`);
  const head_dim = given ?? config.hidden_size / heads;
  if (head_dim % 2 !== 0) refuse(`head_dim ${head_dim} is odd`);
  const eos_token_ids = config.eos_token_id;
  for (const id of [...eos_token_ids, config.bos_token_id ?? 0, config.pad_token_id ?? 0])
    if (id >= config.vocab_size)
      refuse(`token id ${id} is outside the vocabulary of ${config.vocab_size}`);
  return {
    vocab_size: config.vocab_size,
    hidden_size: config.hidden_size,
    intermediate_size: config.intermediate_size,
    num_hidden_layers: config.num_hidden_layers,
    num_attention_heads: heads,
    num_key_value_heads: kvHeads,
    head_dim,
    max_position_embeddings: config.max_position_embeddings,
    rms_norm_eps: config.rms_norm_eps,
    rope_theta: config.rope_parameters?.rope_theta ?? config.rope_theta ?? 10000,
    tie_word_embeddings: config.tie_word_embeddings,
    bos_token_id: config.bos_token_id ?? null,
    eos_token_ids,
    pad_token_id: config.pad_token_id ?? null,
  };
}

/** The content of `config.json` that transformers reads back as the same model. */
export function describeModelConfig(config: ModelConfig): Record<string, unknown> {
  const { eos_token_ids, rope_theta, ...rest } = config;
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    ...rest,
    hidden_act: 'silu',
    attention_bias: false,
    mlp_bias: false,
    dtype: 'float32',
    rope_theta,
    eos_token_id: eos_token_ids.length > 1 ? eos_token_ids : (eos_token_ids[0] ?? null),
  };
}
