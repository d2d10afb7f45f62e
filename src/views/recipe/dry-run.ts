import { basename, extname } from 'node:path';
import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { PlainError } from '../../common/errors.ts';
import { dryRunRecipe } from '../../recipe/dry-run.ts';
import { commands } from '../ids.ts';

/** "Dry Run": a few steps of the built-in engine with the strategy of any recipe. */
export async function dryRun(
  context: vscode.ExtensionContext,
  document: vscode.TextDocument,
): Promise<void> {
  const name = basename(document.uri.path);
  const recipe = dryRunRecipe(document.getText(), name);
  if (recipe === null) {
    throw new PlainError(
      t('{0} can not be read as a recipe.', name),
      t('Correct what the Problems view says, and try again.'),
    );
  }
  // Kept out of the workspace: nobody edits it, and the run directory holds a copy.
  const folder = vscode.Uri.joinPath(context.globalStorageUri, 'dry-runs');
  const stem = name.slice(0, name.length - extname(name).length);
  const file = vscode.Uri.joinPath(folder, `${stem}-dry-run.yaml`);
  await vscode.workspace.fs.createDirectory(folder);
  await vscode.workspace.fs.writeFile(file, new TextEncoder().encode(recipe));
  await vscode.commands.executeCommand(commands.startRun, file);
}
