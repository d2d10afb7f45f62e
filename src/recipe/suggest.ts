import { describeFor } from './describe.ts';
import { valueText } from './edit.ts';
import { typeOf, type Engine } from './engines.ts';
import { builtInRewards, builtInTasks } from './keys.ts';
import { openR1Rewards, trlRewards } from './trl/open-r1.ts';

/** Something to write for a key: the text as YAML. */
export interface Suggestion {
  text: string;
  isDefault: boolean;
}

/** Names that are worth offering although the schema takes any text. */
const names: Record<Engine, Readonly<Record<string, readonly string[]>>> = {
  'built-in': {
    model_name_or_path: ['base'],
    dataset_name: builtInTasks,
    reward_funcs: builtInRewards,
    report_to: ['none'],
  },
  trl: {
    reward_funcs: [...openR1Rewards, ...trlRewards],
    report_to: ['wandb', 'trackio', 'tensorboard', 'none'],
    attn_implementation: ['flash_attention_2', 'sdpa', 'eager'],
    lora_target_modules: ['all-linear'],
    dataset_train_split: ['train'],
    dataset_test_split: ['test'],
  },
};

/**
 * What may be written for a key, the default first. Inside of a list the entries are meant.
 *
 * @param inList whether an entry of a list is being written
 */
export function suggestionsFor(engine: Engine, key: string, inList: boolean): Suggestion[] {
  const type = typeOf(engine, key);
  const described = describeFor(engine, key);
  if (type === null || described === null) return [];
  const named = names[engine][key] ?? [];
  const words = [...described.choices, ...named];
  if (inList) {
    return unique(words)
      .filter((word) => type.safeParse([word]).success)
      .map((word) => ({ text: valueText(word), isDefault: false }));
  }
  const values: unknown[] = [described.default, true, false, ...words, null];
  const texts = unique(values.filter((value) => type.safeParse(value).success).map(valueText));
  return texts.map((text) => ({ text, isDefault: text === valueText(described.default) }));
}

const unique = (all: readonly string[]): string[] => [...new Set(all)];
