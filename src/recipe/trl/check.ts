import { t } from '@vscode/l10n';
import { z } from 'zod';
import type { Contradiction } from '../check.ts';
import type { Fix } from '../findings.ts';
import { nearest } from '../nearest.ts';
import { quote } from '../quote.ts';
import { rewardContradictions, strategyContradictions } from '../together.ts';
import { openR1Rewards, trlRewards } from './open-r1.ts';
import { oldVllm, vllm } from './vllm.ts';

/** The resolved values that are looked at together. */
const view = z.object({
  use_token_adaptive: z.boolean(),
  max_resamples_per_prefix: z.number(),
  num_roots: z.number().nullable(),
  num_generations: z.number(),
  per_device_train_batch_size: z.number(),
  gradient_accumulation_steps: z.number(),
  generation_batch_size: z.number().nullable(),
  steps_per_generation: z.number().nullable(),
  reward_funcs: z.array(z.string()),
  reward_weights: z.array(z.number()).nullable(),
  auto_find_batch_size: z.boolean(),
  bf16: z.boolean().nullable(),
  fp16: z.boolean(),
  use_peft: z.boolean(),
  load_in_4bit: z.boolean(),
  load_in_8bit: z.boolean(),
  use_vllm: z.boolean(),
  vllm_mode: z.string(),
  vllm_importance_sampling_correction: z.boolean(),
  vllm_importance_sampling_mode: z.string(),
  vllm_importance_sampling_clip_min: z.number().nullable(),
  vllm_importance_sampling_clip_max: z.number().nullable(),
  mask_truncated_completions: z.boolean(),
  log_completions: z.boolean(),
  log_completions_hub_repo: z.string().nullable(),
  loss_type: z.string(),
  importance_sampling_level: z.string(),
});
type View = z.infer<typeof view>;
type Written = Readonly<Record<string, unknown>>;

const set = (key: string, value: unknown): Fix => ({
  title: t('Set `{0}: {1}`', key, String(value)),
  changes: [{ kind: 'set', key, value }],
});
const remove = (key: string): Fix => ({
  title: t('Remove `{0}`', key),
  changes: [{ kind: 'remove', key }],
});

/**
 * What TRL (its own checks, as of 1.13) or our trainer would refuse or do in silence.
 *
 * @param resolved every key with its value or default
 * @param written all keys that are in the recipe, known or not
 */
export function checkTrl(resolved: Written, written: Written): Contradiction[] {
  const values = view.parse(resolved);
  return [
    ...batches(values),
    ...strategyContradictions(values),
    ...strategyAndTrl(values, written),
    ...rewardContradictions(values),
    ...rewardNames(values),
    ...memory(values),
    ...vllm(values, written),
    ...oldVllm(values, written),
    ...objective(values),
  ];
}

function batches(values: View): Contradiction[] {
  const { generation_batch_size, steps_per_generation, num_generations } = values;
  const micro = values.per_device_train_batch_size;
  const found: Contradiction[] = [];
  if (generation_batch_size !== null && steps_per_generation !== null) {
    found.push({
      keys: ['generation_batch_size', 'steps_per_generation'],
      message: t('TRL takes `generation_batch_size` or `steps_per_generation`, not both.'),
      suggestion: t('Keep one of them.'),
      fixes: [remove('steps_per_generation'), remove('generation_batch_size')],
    });
    return found;
  }
  if (num_generations < 2) {
    found.push({
      keys: ['num_generations'],
      message: t('GRPO compares completions of a prompt with each other, so it needs at least 2.'),
      fixes: [set('num_generations', 8)],
    });
    return found;
  }
  if (generation_batch_size !== null) {
    if (generation_batch_size % num_generations !== 0) {
      const better =
        Math.max(1, Math.round(generation_batch_size / num_generations)) * num_generations;
      found.push({
        keys: ['generation_batch_size', 'num_generations'],
        message: t(
          '`generation_batch_size` is {0}, which `num_generations` ({1}) does not divide.',
          generation_batch_size,
          num_generations,
        ),
        suggestion: t('{0} would do.', better),
        fixes: [set('generation_batch_size', better)],
      });
    }
    if (generation_batch_size % micro !== 0) {
      found.push({
        keys: ['generation_batch_size', 'per_device_train_batch_size'],
        message: t(
          '`generation_batch_size` is {0}, which `per_device_train_batch_size` ({1}) does not divide.',
          generation_batch_size,
          micro,
        ),
        suggestion: t('Make it a multiple of {0} times the number of training processes.', micro),
      });
    }
    return found;
  }
  const steps = steps_per_generation ?? values.gradient_accumulation_steps;
  // The number of processes is not known here; say which ones work where not every one does.
  const processes = num_generations / gcd(micro * steps, num_generations);
  if (processes > 1) {
    found.push({
      severity: 'warning',
      keys: [
        'per_device_train_batch_size',
        'gradient_accumulation_steps',
        'steps_per_generation',
        'num_generations',
      ],
      message: t(
        'A process samples {0} completions a round, which `num_generations` ({1}) does not divide: this runs only with {2} training processes, or a multiple of that.',
        micro * steps,
        num_generations,
        processes,
      ),
      suggestion: t(
        'Make the product of batch size and accumulation a multiple of it to run anywhere.',
      ),
    });
  }
  return found;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

function strategyAndTrl(values: View, written: Written): Contradiction[] {
  // A recipe that knows nothing of the strategy was not written with it in mind.
  const meant = Object.hasOwn(written, 'use_token_adaptive') || written.engine === 'trl';
  if (!values.use_token_adaptive || !meant) return [];
  const found: Contradiction[] = [];
  if (values.mask_truncated_completions) {
    found.push({
      severity: 'warning',
      keys: ['mask_truncated_completions'],
      message: t(
        'With `mask_truncated_completions`, rollouts that the strategy cut would not train at all.',
      ),
      suggestion: t('Set it to false; `prefix_credit: mask` says the same for cut rollouts alone.'),
      fixes: [set('mask_truncated_completions', false), set('use_token_adaptive', false)],
    });
  }
  if (
    values.use_vllm &&
    values.vllm_importance_sampling_correction &&
    values.vllm_importance_sampling_mode.startsWith('sequence')
  ) {
    found.push({
      severity: 'warning',
      keys: ['vllm_importance_sampling_mode', 'use_vllm', 'use_token_adaptive'],
      message: t(
        '`vllm_importance_sampling_mode` is `{0}`: it weighs whole completions, and hotter resamples would drop out.',
        values.vllm_importance_sampling_mode,
      ),
      suggestion: t('Use `token_truncate`.'),
      fixes: [set('vllm_importance_sampling_mode', 'token_truncate')],
    });
  }
  return found;
}

function rewardNames({ reward_funcs }: View): Contradiction[] {
  const known: readonly string[] = [...openR1Rewards, ...trlRewards];
  return reward_funcs.flatMap((name, item): Contradiction[] => {
    // A dotted name is a Python function.
    if (known.includes(name) || name.includes('.')) return [];
    const guess = nearest(name, known);
    const corrected = reward_funcs.map((each) => (each === name ? guess : each));
    const fixes: Fix[] =
      guess === null || reward_funcs.includes(guess)
        ? []
        : [
            {
              title: t('Change it to `{0}`', guess),
              changes: [{ kind: 'set', key: 'reward_funcs', value: corrected }],
            },
          ];
    return [
      {
        keys: ['reward_funcs'],
        item,
        message: t('There is no reward function {0}.', quote(name)),
        suggestion:
          guess === null
            ? t('Your own functions are named as `module.function`.')
            : t('Did you mean `{0}`?', guess),
        fixes,
      },
    ];
  });
}

function memory(values: View): Contradiction[] {
  const found: Contradiction[] = [];
  if (values.auto_find_batch_size) {
    found.push({
      keys: ['auto_find_batch_size'],
      message: t('GRPO refuses `auto_find_batch_size`: a smaller batch would break prompt groups.'),
      suggestion: t('Lower `per_device_train_batch_size` instead.'),
      fixes: [remove('auto_find_batch_size')],
    });
  }
  if (values.bf16 === true && values.fp16) {
    found.push({
      keys: ['bf16', 'fp16'],
      message: t('`bf16` and `fp16` are both on.'),
      suggestion: t('Keep `bf16` on Ampere cards and later.'),
      fixes: [set('fp16', false), set('bf16', false)],
    });
  }
  if (values.load_in_4bit && values.load_in_8bit) {
    found.push({
      keys: ['load_in_4bit', 'load_in_8bit'],
      message: t('`load_in_4bit` and `load_in_8bit` are both on.'),
      suggestion: t('Keep one of them.'),
      fixes: [set('load_in_8bit', false), set('load_in_4bit', false)],
    });
  } else if ((values.load_in_4bit || values.load_in_8bit) && !values.use_peft) {
    const key = values.load_in_4bit ? 'load_in_4bit' : 'load_in_8bit';
    found.push({
      keys: [key, 'use_peft'],
      message: t("With `{0}` the weights can't be trained, only an adapter on top of them.", key),
      suggestion: t('Set `use_peft: true`.'),
      fixes: [set('use_peft', true), set(key, false)],
    });
  }
  return found;
}

function objective(values: View): Contradiction[] {
  const found: Contradiction[] = [];
  const { loss_type, importance_sampling_level } = values;
  if (importance_sampling_level === 'sequence') {
    if (['bnpo', 'dr_grpo', 'dapo', 'cispo'].includes(loss_type)) {
      found.push({
        severity: 'warning',
        keys: ['importance_sampling_level', 'loss_type'],
        message: t(
          'With `importance_sampling_level: sequence` the `{0}` loss weighs completions by their length.',
          loss_type,
        ),
        suggestion: t('GSPO is `loss_type: grpo`.'),
        fixes: [set('loss_type', 'grpo')],
      });
    }
  } else if (loss_type === 'luspo') {
    found.push({
      severity: 'warning',
      keys: ['loss_type', 'importance_sampling_level'],
      message: t('The `luspo` loss is meant for `importance_sampling_level: sequence`.'),
      fixes: [set('importance_sampling_level', 'sequence')],
    });
  }
  if (
    loss_type === 'vespo' &&
    values.use_vllm &&
    values.vllm_importance_sampling_correction &&
    values.vllm_importance_sampling_mode.startsWith('sequence')
  ) {
    found.push({
      keys: ['vllm_importance_sampling_mode', 'loss_type'],
      message: t('The `vespo` loss needs a token-level `vllm_importance_sampling_mode`.'),
      fixes: [set('vllm_importance_sampling_mode', 'token_truncate')],
    });
  }
  if (values.log_completions_hub_repo !== null && !values.log_completions) {
    found.push({
      keys: ['log_completions_hub_repo'],
      message: t('`log_completions_hub_repo` needs `log_completions: true`.'),
      fixes: [set('log_completions', true)],
    });
  }
  return found;
}
