import { setTimeout as delay } from 'node:timers/promises';
import { RunStore } from '../../src/run/store.ts';
import { runDirectories } from './runs.ts';

const everyMs = 500;

/**
 * Shows how the newest run of a workspace goes on: one line that renews itself on a terminal, a
 * line a step elsewhere. Ends when `signal` says so.
 */
export async function showProgress(workspace: string, signal: AbortSignal): Promise<void> {
  let store: RunStore | null = null;
  let opened = '';
  let shown = '';
  try {
    while (!signal.aborted) {
      const newest = (await runDirectories(workspace)).at(-1) ?? '';
      if (newest !== opened) {
        store?.dispose();
        store = await RunStore.open(newest).catch(() => null);
        opened = store === null ? '' : newest;
      }
      const line = store === null ? '' : progressLine(store);
      if (line !== shown && line !== '') print(line);
      shown = line;
      await delay(everyMs, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    store?.dispose();
    if (process.stdout.isTTY && shown !== '') process.stdout.write('\n');
  }
}

function print(line: string): void {
  if (!process.stdout.isTTY) {
    console.log(line);
    return;
  }
  // A terminal that doesn't know its width says 0.
  const fitting = line.slice(0, (process.stdout.columns || 80) - 1);
  process.stdout.write(`\r\u001b[2K${fitting}`);
}

/** "adaptive_grpo  running  step 12/200  reward 0.534  truncated 31%  412 rollouts". */
export function progressLine(store: RunStore): string {
  const { manifest, status, steps } = store;
  const last = steps.at(-1);
  const parts = [manifest.name, status.kind, `step ${last?.step ?? 0}/${manifest.max_steps}`];
  const reward = last?.metrics.reward;
  const truncated = last?.metrics['adaptive/truncation_rate'];
  const rollouts = last?.metrics['adaptive/total_rollouts'];
  if (reward !== undefined) parts.push(`reward ${reward.toFixed(3)}`);
  if (truncated !== undefined) parts.push(`truncated ${Math.round(truncated * 100)}%`);
  if (rollouts !== undefined) parts.push(`${rollouts} rollouts`);
  if ('message' in status) parts.push(status.message);
  return parts.join('  ');
}
