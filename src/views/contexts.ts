import * as vscode from 'vscode';
import { can } from '../launch/run-actions.ts';
import type { Runs } from '../launch/runs.ts';
import { contexts } from './ids.ts';

/** Keeps the keys of `when` clauses true; tells VS Code only what changed. */
export function followContexts(runs: Runs): { dispose(): void } {
  const told = new Map<string, boolean>();
  const update = (): void => {
    const { cards } = runs;
    const now: Record<string, boolean> = {
      [contexts.hasRuns]: cards.length > 0,
      [contexts.canStop]: cards.some((card) => can(card, 'stop')),
      [contexts.canPause]: cards.some((card) => can(card, 'pause')),
      [contexts.canResume]: cards.some((card) => can(card, 'resume') || can(card, 'continue')),
      [contexts.canStep]: cards.some((card) => can(card, 'step')),
      [contexts.canCheckpoint]: cards.some((card) => can(card, 'checkpoint')),
    };
    for (const [key, value] of Object.entries(now)) {
      if (told.get(key) === value) continue;
      told.set(key, value);
      void vscode.commands.executeCommand('setContext', key, value);
    }
  };
  update();
  return runs.onDidChange(update);
}
