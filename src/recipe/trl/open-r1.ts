import { t } from '@vscode/l10n';
import { z } from 'zod';
import { count, flag, groupOf, mapping, optional, text, texts } from '../key-info.ts';

/** Keys that open-r1's scripts add to TRL's, and that recipes keep using. */

const rewards = groupOf('Rewards');
const batches = groupOf('Batches and sampling');
const logging = groupOf('Logging, evaluation, checkpoints');
const data = groupOf('Data');
const hub = groupOf('Hugging Face Hub');
const code = groupOf('Rewards that run code');

/** Reward functions that open-r1 names; TRL's own and dotted Python names are also taken. */
export const openR1Rewards = [
  'accuracy',
  'format',
  'tag_count',
  'reasoning_steps',
  'cosine',
  'repetition_penalty',
  'length',
  'soft_overlong_punishment',
  'code_format',
] as const;
/** Those of open-r1 that the trainer does without. */
export const rewardsThatRunCode = ['code', 'binary_code', 'ioi_code', 'cf_code'] as const;
export const trlRewards = [
  'accuracy_reward',
  'reasoning_accuracy_reward',
  'think_format_reward',
  'get_soft_overlong_punishment',
] as const;

export const openR1Shape = {
  dataset_mixture: data(
    'open-r1',
    optional(mapping()),
    t(
      'Data sets to mix: `datasets` (each with `id`, `config`, `split`, `columns`, `weight`), `seed`, `test_split_size`.',
    ),
  ),
  dataset_prompt_column: data(
    'open-r1',
    text().default('prompt'),
    t('The column that holds the prompt.'),
  ),
  system_prompt: batches(
    'open-r1',
    optional(z.string()),
    t('The system message before each prompt.'),
  ),
  chat_template: batches(
    'open-r1',
    optional(text()),
    t('A chat template to use instead of the one that comes with the model (Jinja).'),
  ),
  benchmarks: logging('open-r1', texts().default([]), t('Benchmarks to run after training.')),
  callbacks: logging(
    'open-r1',
    texts().default([]),
    t('Callbacks to run while training, by name.'),
  ),
  wandb_entity: logging('open-r1', optional(text()), t('Who owns the run in Weights & Biases.')),
  wandb_project: logging('open-r1', optional(text()), t('The project in Weights & Biases.')),
  wandb_run_group: logging(
    'open-r1',
    optional(text()),
    t('The group of runs in Weights & Biases.'),
  ),
  hub_model_revision: hub(
    'open-r1',
    text().nullable().default('main'),
    t('The branch to upload to.'),
  ),
  overwrite_hub_revision: hub('open-r1', flag(false), t('Overwrite that branch.')),
  push_to_hub_revision: hub('open-r1', flag(false), t('Upload to that branch.')),

  reward_funcs: rewards(
    'open-r1',
    texts().min(1).default(['accuracy', 'format', 'tag_count']),
    t('The functions that score a completion, by name or as `module.function`.'),
  ),
  cosine_min_value_wrong: rewards(
    'open-r1',
    z.number().default(0),
    t('Reward of the shortest wrong answer (`cosine`).'),
  ),
  cosine_max_value_wrong: rewards(
    'open-r1',
    z.number().default(-0.5),
    t('Reward of the longest wrong answer (`cosine`).'),
  ),
  cosine_min_value_correct: rewards(
    'open-r1',
    z.number().default(0.5),
    t('Reward of the longest right answer (`cosine`).'),
  ),
  cosine_max_value_correct: rewards(
    'open-r1',
    z.number().default(1),
    t('Reward of the shortest right answer (`cosine`).'),
  ),
  cosine_max_len: rewards(
    'open-r1',
    count(1).default(1000),
    t('The length the cosine reaches its end at.'),
    'characters',
  ),
  repetition_n_grams: rewards(
    'open-r1',
    count(1).default(3),
    t('Length of the word sequences that must not repeat.'),
    'words',
  ),
  repetition_max_penalty: rewards(
    'open-r1',
    z.number().max(0).default(-1),
    t('Reward of a completion that only repeats itself.'),
  ),
  max_completion_len: rewards(
    'open-r1',
    count(1).default(16384),
    t('`soft_overlong_punishment`: from this length on it is the full punishment.'),
    'tokens',
  ),
  soft_punish_cache: rewards(
    'open-r1',
    count(1).default(4096),
    t('`soft_overlong_punishment`: it begins this far before that.'),
    'tokens',
  ),

  code_language: code(
    'open-r1',
    z.enum(['python', 'javascript', 'r', 'java', 'bash', 'cpp']).default('python'),
    t('The language that `code_format` looks for.'),
  ),
  code_eval_test_batch_size: code(
    'open-r1',
    z.number().int().default(1),
    t('Test cases tried at once, before looking whether one failed; -1 means all.'),
    'test cases',
  ),
  code_eval_scoring_mode: code(
    'open-r1',
    z.enum(['pass_fail', 'partial', 'weighted_sum']).default('weighted_sum'),
    t('How passed test cases become a reward.'),
  ),
  parallel_code_exec_per_proc: code(
    'open-r1',
    count(1).default(2),
    t('Programs each process runs at once.'),
  ),
  code_provider: code(
    'open-r1',
    z.enum(['e2b', 'local', 'morph']).nullable().default('e2b'),
    t('Where programs run.'),
  ),
  ioi_provider: code(
    'open-r1',
    z.enum(['piston', 'morph']).nullable().default('piston'),
    t('Where programs for IOI tasks run.'),
  ),
  e2b_router_url: code('open-r1', optional(text()), t('Address of the E2B router.')),
  morph_router_url: code('open-r1', optional(text()), t('Address of the MorphCloud router.')),
} as const;
