import { resolve } from 'node:path';
import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { z } from 'zod';
import { commands, explorerViewType } from '../ids.ts';
import { showError } from '../notify.ts';
import type { Services } from '../services.ts';
import { ExplorerPanel } from './panel.ts';
import { revealTarget, type RevealTarget } from '../model/shapes.ts';

/** What the webview keeps over restarts, as far as the host needs it. */
const restored = z.object({ directory: z.string().min(1) });

/**
 * The rollout explorer: one editor tab a run. Registers the command that opens it (arguments: a run
 * directory, else the active run's; and a place in it, if any) and the serializer that restores
 * tabs with the window.
 */
export function registerExplorer(
  context: vscode.ExtensionContext,
  services: Services,
): { fork(): boolean } {
  const panels = new Map<string, ExplorerPanel>();
  const keep = (panel: ExplorerPanel): ExplorerPanel => {
    panels.set(panel.directory, panel);
    panel.onDidDispose(() => {
      if (panels.get(panel.directory) === panel) panels.delete(panel.directory);
    });
    return panel;
  };

  const reveal = (directory: string, target: RevealTarget | null): void => {
    const path = resolve(directory);
    const panel = panels.get(path) ?? keep(ExplorerPanel.create(path, services));
    panel.reveal(target);
    services.runs.select(path);
  };

  const command = async (directory: unknown, place: unknown): Promise<void> => {
    const chosen =
      typeof directory === 'string' ? directory : (services.runs.active?.directory ?? null);
    if (chosen === null) {
      void vscode.window.showInformationMessage(
        t('There is no run to explore yet. Start one, or open a recorded one.'),
      );
      return;
    }
    const target = revealTarget.safeParse(place);
    try {
      reveal(chosen, target.success ? target.data : null);
    } catch (error) {
      await showError(error, services.log);
    }
  };

  context.subscriptions.push(
    vscode.commands.registerCommand(commands.revealInExplorer, command),
    vscode.window.registerWebviewPanelSerializer(explorerViewType, {
      deserializeWebviewPanel: (panel, state: unknown) => {
        const parsed = restored.safeParse(state);
        // Nothing says which run it showed: an empty tab helps nobody.
        if (parsed.success)
          keep(new ExplorerPanel(panel, resolve(parsed.data.directory), services));
        else panel.dispose();
        return Promise.resolve();
      },
    }),
  );
  return {
    /** Has the explorer that is in front fork at its chosen token; false where none is. */
    fork: () => {
      const active = [...panels.values()].find((panel) => panel.active);
      active?.fork();
      return active !== undefined;
    },
  };
}
