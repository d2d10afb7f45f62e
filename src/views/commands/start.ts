import { basename } from 'node:path';
import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { PlainError } from '../../common/errors.ts';
import type { RunCard } from '../../launch/run-entry.ts';
import { NoTrainerError } from '../../launch/python/choose.ts';
import type { StartOptions } from '../../launch/runs.ts';
import { runsDirectoryFor, startupTimeoutMs } from '../configuration.ts';
import { commands } from '../ids.ts';
import { showError } from '../notify.ts';
import type { Action } from '../notify.ts';
import { plainText } from '../plain-text.ts';
import { pythonRemedies } from '../python/remedies.ts';
import type { Services } from '../services.ts';
import { openLog } from './open.ts';
import { recipeToRun, shippedRecipe } from './recipes.ts';
import { isTrusted } from './trust.ts';

const TOLD_KEY = 'toldThatRunsOutliveWindows';

/** "Start Adaptive GRPO Run": from the palette, a recipe's menu, the welcome view, or `npm start`. */
export async function startRun(
  services: Services,
  context: vscode.ExtensionContext,
  argument: unknown,
): Promise<void> {
  const recipe = await recipeToRun(argument, services.extensionUri);
  if (recipe === undefined) return;
  const parent = runsDirectoryFor(recipe, context.globalStorageUri);
  const directory = await services.runs.newDirectory(recipe.fsPath, parent);
  const card = await launch(
    services,
    basename(recipe.fsPath),
    directory,
    (options) => services.runs.start(recipe.fsPath, directory, options),
    () => startRun(services, context, recipe),
    [{ title: t('Open Recipe'), run: () => vscode.window.showTextDocument(recipe) }],
  );
  if (card === null) return;
  await vscode.commands.executeCommand(commands.revealInExplorer, card.directory);
  await tellOnce(context);
}

/** "Resume Run" of a run whose process is gone. */
export async function continueRun(services: Services, card: RunCard): Promise<void> {
  if (!(await isTrusted())) return;
  const { directory } = card;
  await launch(
    services,
    basename(directory),
    directory,
    (options) => services.runs.continue(directory, options),
    () => continueRun(services, card),
  );
}

/** "Create Recipe": a copy of the shipped one to edit; an existing one is only opened. */
export async function createRecipe({ extensionUri }: Services): Promise<void> {
  const folder = vscode.workspace.workspaceFolders?.[0];
  if (folder === undefined) {
    throw new PlainError(
      t('There is no folder to put a recipe in.'),
      t('Open a folder, or start a run right away with the recipe that comes with the extension.'),
    );
  }
  const recipe = vscode.Uri.joinPath(folder.uri, 'recipes', 'adaptive_grpo.yaml');
  const exists = await vscode.workspace.fs.stat(recipe).then(
    () => true,
    () => false,
  );
  if (!exists) await vscode.workspace.fs.copy(shippedRecipe(extensionUri), recipe);
  await vscode.window.showTextDocument(recipe);
}

/** Shows that the engine is starting, with a way back; null where nothing was started. */
async function launch(
  services: Services,
  name: string,
  directory: string,
  start: (options: StartOptions) => Promise<RunCard>,
  again: () => Promise<void>,
  remedies: readonly Action[] = [],
): Promise<RunCard | null> {
  const progress = {
    location: vscode.ProgressLocation.Notification,
    title: plainText(t('Starting {0}', name)),
    cancellable: true,
  };
  try {
    return await vscode.window.withProgress(progress, async (report, token) => {
      report.report({ message: t('the engine loads its model…') });
      const cancel = new AbortController();
      const subscription = token.onCancellationRequested(() => cancel.abort());
      try {
        return await start({ signal: cancel.signal, timeoutMs: startupTimeoutMs() });
      } finally {
        subscription.dispose();
      }
    });
  } catch (error) {
    if (error instanceof NoTrainerError) {
      void showError(error, services.log, pythonRemedies(error, again));
      return null;
    }
    void showError(error, services.log, [
      ...remedies,
      { title: t('Show Log'), run: () => openLog(services, directory) },
    ]);
    return null;
  }
}

async function tellOnce(context: vscode.ExtensionContext): Promise<void> {
  if (context.globalState.get(TOLD_KEY) === true) return;
  await context.globalState.update(TOLD_KEY, true);
  void vscode.window.showInformationMessage(
    t(
      'Closing the window does not end this run; the next window finds it again. “Stop Run” ends it.',
    ),
  );
}
