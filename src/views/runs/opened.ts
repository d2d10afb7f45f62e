import type * as vscode from 'vscode';
import { z } from 'zod';
import type { Runs } from '../../launch/runs.ts';

/** Runs opened from outside the runs directories are on the list of the next window too. */

const KEY = 'openedRuns';
const stored = z.array(z.string()).catch([]);

export const openedBefore = (state: vscode.Memento): string[] => stored.parse(state.get(KEY));

export function rememberOpened(runs: Runs, state: vscode.Memento): { dispose(): void } {
  return runs.onDidChange(() => {
    const now = runs.opened;
    if (now.join('\n') !== openedBefore(state).join('\n')) void state.update(KEY, now);
  });
}
