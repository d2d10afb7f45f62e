import * as vscode from 'vscode';
import { isAlive, type Runs } from '../launch/runs.ts';
import { commands, views } from './ids.ts';

/**
 * `npm start` opens VS Code where a run is already under way, and says so in this variable: shows
 * the run and its charts, once.
 */
export function revealAtStart(runs: Runs): { dispose(): void } {
  if (process.env.ADAPTIVE_GRPO_REVEAL === undefined) return { dispose: () => undefined };
  const subscription = runs.onDidChange(() => {
    const card = runs.cards.find(isAlive);
    if (card === undefined) return;
    subscription.dispose();
    void vscode.commands.executeCommand(`workbench.view.extension.${views.container}`);
    void vscode.commands.executeCommand(commands.revealInExplorer, card.directory);
  });
  return subscription;
}
