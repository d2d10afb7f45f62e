import { z } from 'zod';
import { count, flag, fraction, groupOf, mapping, optional, text, texts } from '../key-info.ts';

/** Keys of TRL's `ModelConfig`, `ScriptArguments` and `DatasetMixtureConfig` (TRL 1.13). */

const what = groupOf('What to train');
const rewards = groupOf('Rewards');
const adapters = groupOf('LoRA and quantization');
const data = groupOf('Data');
const memory = groupOf('Precision and memory');
const devices = groupOf('More than one device');

export const scriptShape = {
  model_name_or_path: what(
    'TRL',
    optional(text()),
    'The model to start from: its name on the Hugging Face Hub, or a folder.',
  ),
  model_revision: what('TRL', text().default('main'), 'Branch, tag or commit of the model.'),
  dtype: memory(
    'TRL',
    z.enum(['auto', 'bfloat16', 'float16', 'float32']).nullable().default('float32'),
    'The type the weights are loaded in.',
  ),
  attn_implementation: memory(
    'TRL',
    optional(text()),
    'How attention is computed, such as `flash_attention_2` or `sdpa`.',
  ),
  dataset_name: data(
    'TRL',
    optional(text()),
    'The data set: its name on the Hugging Face Hub, or a folder.',
  ),
  dataset_config: data('TRL', optional(text()), 'Which of the data set’s configurations.'),
  dataset_train_split: data('TRL', text().default('train'), 'The split to train on.'),
  dataset_test_split: data('TRL', text().default('test'), 'The split to evaluate on.'),
  dataset_streaming: data('TRL', flag(false), 'Read the data set while training.'),
  datasets: data(
    'TRL',
    z.array(mapping()).default([]),
    'Data sets to mix, each with `path` and optionally `name`, `split`, `columns`, `fraction`.',
  ),
  streaming: data('TRL', flag(false), 'Read the mixed data sets while training.'),
  test_split_size: data(
    'TRL',
    optional(fraction()),
    'Share of the mixture that is held out; empty means none.',
    'share',
  ),
  env: what('TRL', mapping().default({}), 'Environment variables to set before the run.'),
  ignore_bias_buffers: devices(
    'TRL',
    flag(false),
    'Works around a problem of DDP with mask buffers.',
  ),
  reward_model_name_or_path: rewards(
    'TRL',
    optional(text()),
    'A reward model that scores completions as well.',
  ),

  use_peft: adapters('TRL', flag(false), 'Train a LoRA adapter instead of all weights.'),
  lora_r: adapters('TRL', count(1).default(16), 'Rank of the adapter.'),
  lora_alpha: adapters('TRL', count(1).default(32), 'Scale of the adapter, divided by its rank.'),
  lora_dropout: adapters('TRL', fraction().default(0.05), 'Dropout in the adapter.', 'share'),
  lora_target_modules: adapters(
    'TRL',
    optional(z.union([text(), texts()])),
    'The modules that get an adapter, `all-linear` for every linear layer; empty leaves it to PEFT.',
  ),
  lora_target_parameters: adapters(
    'TRL',
    optional(texts()),
    'Single parameters that get an adapter (experts of a mixture, for instance).',
  ),
  lora_modules_to_save: adapters(
    'TRL',
    optional(texts()),
    'Modules that train as a whole besides the adapter.',
  ),
  lora_task_type: adapters(
    'TRL',
    text().default('CAUSAL_LM'),
    'What PEFT is told the model does; `CAUSAL_LM` for GRPO.',
  ),
  use_rslora: adapters('TRL', flag(false), 'Scale by the square root of the rank instead.'),
  use_dora: adapters('TRL', flag(false), 'Split updates into length and direction (DoRA).'),
  load_in_8bit: adapters('TRL', flag(false), 'Load the base model in 8 bits (with `use_peft`).'),
  load_in_4bit: adapters('TRL', flag(false), 'Load the base model in 4 bits (with `use_peft`).'),
  bnb_4bit_quant_type: adapters('TRL', z.enum(['fp4', 'nf4']).default('nf4'), 'Which 4 bits.'),
  use_bnb_nested_quant: adapters('TRL', flag(false), 'Quantize the quantization constants too.'),
  bnb_4bit_quant_storage: adapters(
    'TRL',
    optional(text()),
    'The type 4-bit weights are stored as.',
  ),
} as const;
