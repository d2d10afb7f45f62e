import { describeModelConfig, type ModelConfig } from '../src/engine/compute/config.ts';

/**
 * The files of the base checkpoint beside its weights. The tokenizer has one token a character: a
 * BPE without merges, which both transformers and `@huggingface/tokenizers` read. There is no
 * beginning-of-text token; a completion ends with `<eos>`.
 */
const specials = ['<pad>', '<eos>', '<unk>'] as const;
const characters = '0123456789+-*/()=#\n []>:,.';

const PAD = 0;
export const EOS = 1;

const vocabulary = [...specials, ...Array.from(characters)];
const ids = new Map(vocabulary.map((token, id) => [token, id]));

/** Token ids of a text; throws on a character that isn't in the vocabulary. */
export function encode(text: string): number[] {
  return Array.from(text, (character) => {
    const id = ids.get(character);
    if (id === undefined) throw new Error(`${JSON.stringify(character)} is not in the vocabulary`);
    return id;
  });
}

/** The text of token ids; special tokens have none. */
export function decode(tokens: ArrayLike<number>): string {
  return Array.from(tokens, (id) => (id < specials.length ? '' : (vocabulary[id] ?? ''))).join('');
}

export const modelConfig = {
  vocab_size: vocabulary.length,
  hidden_size: 96,
  intermediate_size: 256,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 24,
  max_position_embeddings: 256,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  tie_word_embeddings: true,
  bos_token_id: null,
  pad_token_id: PAD,
};

const tokenizerJson = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: specials.map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  })),
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: { type: 'Fuse' },
  model: {
    type: 'BPE',
    dropout: null,
    unk_token: '<unk>',
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: false,
    ignore_merges: false,
    vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
    merges: [],
  },
};

const tokenizerConfigJson = {
  tokenizer_class: 'PreTrainedTokenizerFast',
  pad_token: '<pad>',
  eos_token: '<eos>',
  unk_token: '<unk>',
  clean_up_tokenization_spaces: false,
  model_max_length: modelConfig.max_position_embeddings,
};

const generationConfigJson = {
  eos_token_id: EOS,
  pad_token_id: PAD,
  do_sample: true,
  temperature: 1,
};

/** File name → content. */
export function modelFiles(config: ModelConfig): Record<string, string> {
  const contents = {
    'config.json': describeModelConfig(config),
    'tokenizer.json': tokenizerJson,
    'tokenizer_config.json': tokenizerConfigJson,
    'generation_config.json': generationConfigJson,
  };
  return Object.fromEntries(
    Object.entries(contents).map(([name, content]) => [
      name,
      `${JSON.stringify(content, null, 2)}\n`,
    ]),
  );
}
