import { t } from '@vscode/l10n';
import type { Contradiction } from '../check.ts';
import type { Fix } from '../findings.ts';
import { nearest } from '../nearest.ts';
import { quote } from '../quote.ts';
import { rewardContradictions, strategyContradictions } from '../together.ts';
import { batches } from './batches.ts';
import { mixtures } from './mixture.ts';
import { openR1Rewards, rewardsThatRunCode, trlRewards } from './open-r1.ts';
import { refusedWithStrategy } from './refused.ts';
import { remove, set, view, type View, type Written } from './values.ts';
import { oldVllm, vllm } from './vllm.ts';

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
    ...refusedWithStrategy(values, resolved, written),
    ...rewardContradictions(values),
    ...rewardNames(values),
    ...mixtures(written),
    ...memory(values),
    ...vllm(values, written),
    ...oldVllm(values, written),
    ...objective(values),
  ];
}

function rewardNames({ reward_funcs }: View): Contradiction[] {
  const known: readonly string[] = [...openR1Rewards, ...trlRewards];
  return reward_funcs.flatMap((name, item): Contradiction[] => {
    // `module.function` or `module:function` is a Python function.
    if (known.includes(name) || /[.:]/.test(name)) return [];
    if (rewardsThatRunCode.some((each) => each === name)) {
      return [
        {
          keys: ['reward_funcs'],
          item,
          message: t('The trainer has no reward function {0}, which runs programs.', quote(name)),
          suggestion: t('Your own functions are named as `module.function`.'),
        },
      ];
    }
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
  if (values.sync_ref_model && values.beta === 0) {
    found.push({
      keys: ['sync_ref_model', 'beta'],
      message: t('`sync_ref_model` moves the reference model, but with `beta: 0` there is none.'),
      suggestion: t('Give `beta` a value above 0, or leave `sync_ref_model` out.'),
      fixes: [remove('sync_ref_model'), set('beta', 0.001)],
    });
  }
  found.push(...liger(values));
  if (values.log_completions_hub_repo !== null && !values.log_completions) {
    found.push({
      keys: ['log_completions_hub_repo'],
      message: t('`log_completions_hub_repo` needs `log_completions: true`.'),
      fixes: [set('log_completions', true)],
    });
  }
  return found;
}

/** What TRL's loss does and Liger's doesn't. */
function liger(values: View): Contradiction[] {
  if (!values.use_liger_kernel) return [];
  const without: Partial<Record<keyof View, boolean>> = {
    off_policy_mask_threshold: values.off_policy_mask_threshold !== null,
    top_entropy_quantile: values.top_entropy_quantile < 1,
    entropy_coef: values.entropy_coef !== 0,
    use_adaptive_entropy: values.use_adaptive_entropy,
  };
  return Object.entries(without).flatMap(([key, used]): Contradiction[] =>
    used
      ? [
          {
            keys: [key, 'use_liger_kernel'],
            message: t("The loss of `use_liger_kernel` doesn't know `{0}`.", key),
            suggestion: t('Leave one of them out.'),
            fixes: [set('use_liger_kernel', false), remove(key)],
          },
        ]
      : [],
  );
}
