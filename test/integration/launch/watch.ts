import assert from 'node:assert/strict';
import type { ReadableRun } from '../../../src/launch/run-entry.ts';
import type { Runs } from '../../../src/launch/runs.ts';

/** Watching real runs, and putting an end to them. */

type Expected = (card: ReadableRun) => boolean;

/** Waits until the run's card is as expected. */
export async function untilRun(
  runs: Runs,
  directory: string,
  what: string,
  expected: Expected,
  patienceMs: number,
): Promise<ReadableRun> {
  const end = Date.now() + patienceMs;
  for (;;) {
    await runs.refresh();
    const card = runs.card(directory);
    if (card?.kind === 'run' && expected(card)) return card;
    if (Date.now() > end) assert.fail(`never ${what}: ${JSON.stringify(card)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export const stepsFrom =
  (count: number): Expected =>
  (card) =>
    (card.latest?.step ?? 0) >= count;

export const is =
  (kind: ReadableRun['status']['kind']): Expected =>
  (card) =>
    card.status.kind === kind;

/** Kills whatever of the runs still lives, and forgets them. */
export function discard(runs: Runs): void {
  for (const card of runs.cards) {
    if (card.kind !== 'run') continue;
    try {
      process.kill(card.manifest.pid, 'SIGKILL');
    } catch {
      // It is gone already.
    }
  }
  runs.dispose();
}
