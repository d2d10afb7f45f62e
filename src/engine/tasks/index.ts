import type { builtInTasks } from '../../recipe/keys.ts';
import { arithmetic } from './arithmetic.ts';
import { countdown } from './countdown.ts';
import { openJsonl, type JsonlOptions } from './jsonl.ts';
import type { Task } from './task.ts';

export { arithmetic, arithmeticTrace, noSlips, type Slips } from './arithmetic.ts';
export { countdown, countdownTrace } from './countdown.ts';
export type { Problem, Task, Trace } from './task.ts';

const builtIn: Record<(typeof builtInTasks)[number], Task> = { arithmetic, countdown };
const byName = new Map<string, Task>(Object.entries(builtIn));

/**
 * The task a recipe's `dataset_name` names: `arithmetic`, `countdown`, or the path of a JSONL file
 * (a relative one counts from the current folder). Throws a `PlainError` where that can't be read.
 */
export async function openTask(datasetName: string, options: JsonlOptions): Promise<Task> {
  return byName.get(datasetName) ?? (await openJsonl(datasetName, options));
}
