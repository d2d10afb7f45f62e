import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { commands, recipeFormViewType } from '../ids.ts';
import { showError } from '../notify.ts';
import { RecipeForm } from '../recipe-form/editor.ts';
import type { Services } from '../services.ts';
import { registerCodeActions } from './actions.ts';
import { applyToRun } from './apply.ts';
import { Answers } from './answers.ts';
import { registerCompletion } from './completion.ts';
import { RecipeDiagnostics } from './diagnostics.ts';
import { dryRun } from './dry-run.ts';
import { isRecipe } from './files.ts';
import { registerHover } from './hover.ts';
import { RecipeLenses } from './lenses.ts';
import { registerLinks } from './links.ts';
import { RecordedRun } from './recorded.ts';

/** What the text editor knows of recipes, without any other extension. */
export function registerRecipeFeatures(context: vscode.ExtensionContext, services: Services): void {
  const recorded = new RecordedRun(services);
  const answers = new Answers(recorded);
  const lenses = new RecipeLenses(services, recorded);
  /** A command about the recipe it is given, else about the one that is being edited. */
  const about = (id: string, act: (document: vscode.TextDocument) => Promise<void>) =>
    vscode.commands.registerCommand(id, async (argument: unknown) => {
      try {
        const document = await recipeFor(argument);
        if (document !== null) await act(document);
      } catch (error) {
        void showError(error, services.log);
      }
    });
  context.subscriptions.push(
    registerCompletion(),
    registerHover(),
    registerCodeActions(),
    registerLinks(),
    new RecipeDiagnostics(),
    answers,
    lenses,
    new RecipeForm(services, recorded),
    about(commands.dryRun, (document) => dryRun(context, document)),
    about(commands.applyToRun, (document) => applyToRun(services, document)),
    about(commands.openRecipeForm, ({ uri }) => openForm(uri)),
    about(commands.whatWouldItDo, ({ uri }) => answers.show(uri)),
    services.runs.onDidChange(() => {
      lenses.refresh();
      answers.refresh();
    }),
  );
}

/** Beside the text: both show the same file, and either follows the other. */
async function openForm(uri: vscode.Uri): Promise<void> {
  const beside = vscode.ViewColumn.Beside;
  await vscode.commands.executeCommand('vscode.openWith', uri, recipeFormViewType, beside);
}

async function recipeFor(argument: unknown): Promise<vscode.TextDocument | null> {
  if (argument instanceof vscode.Uri) return vscode.workspace.openTextDocument(argument);
  const edited = vscode.window.activeTextEditor?.document;
  if (edited !== undefined && isRecipe(edited)) return edited;
  void vscode.window.showInformationMessage(t('Open a recipe first.'));
  return null;
}
