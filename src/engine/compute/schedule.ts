/** Learning-rate schedules, by the names of transformers' `lr_scheduler_type`. */
export const schedulerTypes = ['constant', 'constant_with_warmup', 'linear', 'cosine'] as const;
export type SchedulerType = (typeof schedulerTypes)[number];

export interface ScheduleOptions {
  learning_rate: number;
  lr_scheduler_type: SchedulerType;
  warmup_steps: number;
  max_steps: number;
}

/**
 * The learning rate of optimizer step `step` (the first is 0), as transformers'
 * `get_scheduler` gives it. As there, `constant` knows no warm-up.
 */
export function learningRateAt(step: number, options: ScheduleOptions): number {
  const { learning_rate, lr_scheduler_type, warmup_steps, max_steps } = options;
  if (lr_scheduler_type === 'constant') return learning_rate;
  if (step < warmup_steps) return (learning_rate * step) / Math.max(1, warmup_steps);
  if (lr_scheduler_type === 'constant_with_warmup') return learning_rate;
  const span = Math.max(1, max_steps - warmup_steps);
  if (lr_scheduler_type === 'linear') return learning_rate * Math.max(0, (max_steps - step) / span);
  const progress = (step - warmup_steps) / span;
  return learning_rate * Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)));
}
