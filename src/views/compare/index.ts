import { resolve } from 'node:path';
import * as vscode from 'vscode';
import { PlainError, messageOf } from '../../common/errors.ts';
import { sendCommand } from '../../launch/run-actions.ts';
import { isAlive } from '../../launch/runs.ts';
import { commands, compareViewType, comparisonFileViewType, section, settings } from '../ids.ts';
import { showError } from '../notify.ts';
import type { Services } from '../services.ts';
import type { CompareActions } from './actions.ts';
import { Comparisons } from './comparisons.ts';
import { chooseExport, savePictures } from './export.ts';
import { compareWithBaseline } from './launch.ts';
import { pickComparison } from './pick.ts';
import { Recent } from './recent.ts';
import { fileSpec, restoredSpec } from './spec.ts';

/**
 * Comparisons: one editor tab each. Registers the commands that make and open them, the serializer
 * that restores tabs with the window, and the editor of a `comparison.json`.
 */
export function registerCompare(context: vscode.ExtensionContext, services: Services): void {
  const recent = new Recent(context.workspaceState);
  const comparisons = new Comparisons(services, recent, (own) => actionsOf(services, own));
  const command = (id: string, act: (argument: unknown) => Promise<void>) =>
    vscode.commands.registerCommand(id, async (argument: unknown) => {
      try {
        await act(argument);
      } catch (error) {
        void showError(error, services.log);
      }
    });
  context.subscriptions.push(
    comparisons,
    command(commands.compareWithBaseline, (argument) =>
      compareWithBaseline(services, context, comparisons, argument),
    ),
    command(commands.openComparison, async (argument) => {
      // A window that has just opened may not have looked for its runs yet.
      await services.runs.refresh();
      const spec = await pickComparison(services, recent, argument);
      if (spec !== undefined) comparisons.show(spec);
    }),
    vscode.window.registerWebviewPanelSerializer(compareViewType, {
      deserializeWebviewPanel: (panel, state: unknown) => {
        const spec = restoredSpec(state);
        // Nothing says what it showed: an empty tab helps nobody.
        if (spec === null) panel.dispose();
        else comparisons.adopt(panel, recent.grown(spec));
        return Promise.resolve();
      },
    }),
    vscode.window.registerCustomEditorProvider(comparisonFileViewType, {
      openCustomDocument: (uri) => {
        try {
          fileSpec(uri);
        } catch (error) {
          // VS Code shows in the tab why it can't be: an error's message, and no more of it.
          throw error instanceof PlainError ? new Error(`${error.message} ${error.next}`) : error;
        }
        return { uri, dispose: () => undefined };
      },
      resolveCustomEditor: ({ uri }, panel) => comparisons.adopt(panel, fileSpec(uri)),
    }),
    vscode.workspace.onDidChangeConfiguration((change) => {
      const prices = [settings.pricePerHour, settings.pricePerMillionTokens, settings.currency];
      if (prices.some((key) => change.affectsConfiguration(`${section}.${key}`))) {
        comparisons.repriced();
      }
    }),
  );
}

function actionsOf(services: Services, comparisons: Comparisons): CompareActions {
  const { runs, log } = services;
  const run = async (command: string, ...args: unknown[]): Promise<void> => {
    await vscode.commands.executeCommand(command, ...args);
  };
  return {
    openRollout: (directory, segment_id, position) =>
      run(commands.openRolloutDocument, directory, segment_id, position ?? undefined),
    diff: (first, second) => run(commands.diffRollouts, first, second),
    explore: (directory, { step, prompt_id }, segment_id) =>
      run(commands.revealInExplorer, directory, { step, prompt_id, segment_id, position: null }),
    chooseExport,
    savePictures,
    stop: async (directories) => {
      await comparisons.stopMaking(directories);
      const cards = directories.flatMap((directory) => runs.card(resolve(directory)) ?? []);
      const answers = await Promise.allSettled(
        cards.filter(isAlive).map((card) => sendCommand(card, 'stop')),
      );
      for (const answer of answers) {
        // One that has ended meanwhile is what was asked for.
        if (answer.status === 'rejected') log.warn(`compare: ${messageOf(answer.reason)}`);
      }
      await runs.refresh();
    },
    openRun: (directory) => run(commands.revealInExplorer, directory),
    showLog: (directory) => run(commands.showLog, directory),
    openPrice: () => run('workbench.action.openSettings', `${section}.price`),
  };
}
