import { t } from '@vscode/l10n';
import type { Contradiction } from '../check.ts';
import { remove, set, type View } from './values.ts';

/** Whether the completions of a prompt are sampled, and evaluated, together. */
export function batches(values: View): Contradiction[] {
  const { generation_batch_size, steps_per_generation, num_generations } = values;
  if (generation_batch_size !== null && steps_per_generation !== null) {
    return [
      {
        keys: ['generation_batch_size', 'steps_per_generation'],
        message: t('TRL takes `generation_batch_size` or `steps_per_generation`, not both.'),
        suggestion: t('Keep one of them.'),
        fixes: [remove('steps_per_generation'), remove('generation_batch_size')],
      },
    ];
  }
  if (num_generations < 2) {
    return [
      {
        keys: ['num_generations'],
        message: t(
          'GRPO compares completions of a prompt with each other, so it needs at least 2.',
        ),
        fixes: [set('num_generations', 8)],
      },
    ];
  }
  const training =
    generation_batch_size === null ? accumulated(values) : stated(values, generation_batch_size);
  return [...training, ...evaluated(values)];
}

/** `generation_batch_size` is what all processes sample in a round. */
function stated(values: View, size: number): Contradiction[] {
  const { num_generations, per_device_train_batch_size: micro } = values;
  const found: Contradiction[] = [];
  if (size % num_generations !== 0) {
    const better = Math.max(1, Math.round(size / num_generations)) * num_generations;
    found.push({
      keys: ['generation_batch_size', 'num_generations'],
      message: t(
        '`generation_batch_size` is {0}, which `num_generations` ({1}) does not divide.',
        size,
        num_generations,
      ),
      suggestion: t('{0} would do.', better),
      fixes: [set('generation_batch_size', better)],
    });
  }
  if (size % micro !== 0) {
    found.push({
      keys: ['generation_batch_size', 'per_device_train_batch_size'],
      message: t(
        '`generation_batch_size` is {0}, which `per_device_train_batch_size` ({1}) does not divide.',
        size,
        micro,
      ),
      suggestion: t('Make it a multiple of {0} times the number of training processes.', micro),
    });
  }
  return found;
}

/** Without it, each process samples what it trains on until the next round. */
function accumulated(values: View): Contradiction[] {
  const { num_generations, use_token_adaptive, per_device_train_batch_size: micro } = values;
  const key =
    values.steps_per_generation === null ? 'gradient_accumulation_steps' : 'steps_per_generation';
  const steps = values.steps_per_generation ?? values.gradient_accumulation_steps;
  const rows = micro * steps;
  const missing = num_generations / gcd(rows, num_generations);
  if (missing === 1) return [];
  const keys = [
    'per_device_train_batch_size',
    'gradient_accumulation_steps',
    'steps_per_generation',
    'num_generations',
  ];
  if (use_token_adaptive) {
    return [
      {
        keys,
        message: t(
          'A process generates {0} completions, which `num_generations` ({1}) does not divide: a tree would be spread over processes.',
          rows,
          num_generations,
        ),
        suggestion: t(
          'Make per_device_train_batch_size × gradient_accumulation_steps a multiple of it.',
        ),
        fixes: [set(key, steps * missing), set('use_token_adaptive', false)],
      },
    ];
  }
  // The number of processes is not known here; say which ones work where not every one does.
  return [
    {
      severity: 'warning',
      keys,
      message: t(
        'A process samples {0} completions a round, which `num_generations` ({1}) does not divide: this runs only with {2} training processes, or a multiple of that.',
        rows,
        num_generations,
        missing,
      ),
      suggestion: t(
        'Make the product of batch size and accumulation a multiple of it to run anywhere.',
      ),
    },
  ];
}

/** TRL evaluates whole groups, too, where it evaluates at all. */
function evaluated(values: View): Contradiction[] {
  const { eval_strategy, num_generations_eval, per_device_eval_batch_size: rows } = values;
  if (eval_strategy === 'no') return [];
  const generations = num_generations_eval ?? values.num_generations;
  const missing = generations / gcd(rows, generations);
  if (missing === 1) return [];
  const key = num_generations_eval === null ? 'num_generations' : 'num_generations_eval';
  return [
    {
      severity: 'warning',
      keys: ['per_device_eval_batch_size', key, 'eval_strategy'],
      message: t(
        '`per_device_eval_batch_size` is {0}, which `{1}` ({2}) does not divide: this runs only with {3} training processes, or a multiple of that.',
        rows,
        key,
        generations,
        missing,
      ),
      suggestion: t('{0} would do.', rows * missing),
      fixes: [set('per_device_eval_batch_size', rows * missing)],
    },
  ];
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
