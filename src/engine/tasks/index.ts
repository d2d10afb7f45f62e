import { arithmetic } from './arithmetic.ts';
import { countdown } from './countdown.ts';
import { openJsonl, type JsonlOptions } from './jsonl.ts';
import type { Task } from './task.ts';

export { arithmetic, arithmeticTrace, noSlips, type Slips } from './arithmetic.ts';
export { countdown, countdownTrace } from './countdown.ts';
export type { Problem, Task, Trace } from './task.ts';

/**
 * The task a recipe's `dataset_name` names: `arithmetic`, `countdown`, or the path of a JSONL file
 * (a relative one counts from the current folder). Throws a `PlainError` where that can't be read.
 */
export async function openTask(datasetName: string, options: JsonlOptions): Promise<Task> {
  if (datasetName === arithmetic.name) return arithmetic;
  if (datasetName === countdown.name) return countdown;
  return openJsonl(datasetName, options);
}
