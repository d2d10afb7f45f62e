import { t } from '@vscode/l10n';
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
    t('The model to start from: its name on the Hugging Face Hub, or a folder.'),
  ),
  model_revision: what('TRL', text().default('main'), t('Branch, tag or commit of the model.')),
  dtype: memory(
    'TRL',
    z.enum(['auto', 'bfloat16', 'float16', 'float32']).nullable().default('float32'),
    t('The type the weights are loaded in.'),
  ),
  attn_implementation: memory(
    'TRL',
    optional(text()),
    t('How attention is computed, such as `flash_attention_2` or `sdpa`.'),
  ),
  dataset_name: data(
    'TRL',
    optional(text()),
    t('The data set: its name on the Hugging Face Hub, or a folder.'),
  ),
  dataset_config: data('TRL', optional(text()), t('Which of the data set’s configurations.')),
  dataset_train_split: data('TRL', text().default('train'), t('The split to train on.')),
  dataset_test_split: data('TRL', text().default('test'), t('The split to evaluate on.')),
  dataset_streaming: data('TRL', flag(false), t('Read the data set while training.')),
  datasets: data(
    'TRL',
    z.array(mapping()).default([]),
    t('Data sets to mix, each with `path` and optionally `name`, `split`, `columns`, `fraction`.'),
  ),
  streaming: data('TRL', flag(false), t('Read the mixed data sets while training.')),
  test_split_size: data(
    'TRL',
    optional(fraction()),
    t('Share of the mixture that is held out; empty means none.'),
    'share',
  ),
  env: what('TRL', mapping().default({}), t('Environment variables to set before the run.')),
  ignore_bias_buffers: devices(
    'TRL',
    flag(false),
    t('Works around a problem of DDP with mask buffers.'),
  ),
  reward_model_name_or_path: rewards(
    'TRL',
    optional(text()),
    t('A reward model that scores completions as well.'),
  ),

  use_peft: adapters('TRL', flag(false), t('Train a LoRA adapter instead of all weights.')),
  lora_r: adapters('TRL', count(1).default(16), t('Rank of the adapter.')),
  lora_alpha: adapters(
    'TRL',
    count(1).default(32),
    t('Scale of the adapter, divided by its rank.'),
  ),
  lora_dropout: adapters('TRL', fraction().default(0.05), t('Dropout in the adapter.'), 'share'),
  lora_target_modules: adapters(
    'TRL',
    optional(z.union([text(), texts()])),
    t(
      'The modules that get an adapter, `all-linear` for every linear layer; empty leaves it to PEFT.',
    ),
  ),
  lora_target_parameters: adapters(
    'TRL',
    optional(texts()),
    t('Single parameters that get an adapter (experts of a mixture, for instance).'),
  ),
  lora_modules_to_save: adapters(
    'TRL',
    optional(texts()),
    t('Modules that train as a whole besides the adapter.'),
  ),
  lora_task_type: adapters(
    'TRL',
    text().default('CAUSAL_LM'),
    t('What PEFT is told the model does; `CAUSAL_LM` for GRPO.'),
  ),
  use_rslora: adapters('TRL', flag(false), t('Scale by the square root of the rank instead.')),
  use_dora: adapters('TRL', flag(false), t('Split updates into length and direction (DoRA).')),
  load_in_8bit: adapters('TRL', flag(false), t('Load the base model in 8 bits (with `use_peft`).')),
  load_in_4bit: adapters('TRL', flag(false), t('Load the base model in 4 bits (with `use_peft`).')),
  bnb_4bit_quant_type: adapters('TRL', z.enum(['fp4', 'nf4']).default('nf4'), t('Which 4 bits.')),
  use_bnb_nested_quant: adapters('TRL', flag(false), t('Quantize the quantization constants too.')),
  bnb_4bit_quant_storage: adapters(
    'TRL',
    optional(text()),
    t('The type 4-bit weights are stored as.'),
  ),
} as const;
