import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { PlainError } from '../../common/errors.ts';
import { isTrusted } from './trust.ts';

/** Where recipes come from: what was asked for, what is being edited, what lies in `recipes/`. */

const isRecipe = (uri: vscode.Uri): boolean =>
  uri.scheme === 'file' && /\/recipes\/[^/]+\.ya?ml$/u.test(uri.path);

/** The recipe that is used where a workspace has none of its own. */
export const shippedRecipe = (extensionUri: vscode.Uri): vscode.Uri =>
  vscode.Uri.joinPath(extensionUri, 'recipes', 'adaptive_grpo.yaml');

/**
 * The recipe to start: the argument (a file's `Uri` or path), else the one in the active editor,
 * else the workspace's only one, else the one a person picks (undefined: none); without any in the
 * workspace, the one that comes with the extension.
 */
async function chooseRecipe(
  argument: unknown,
  extensionUri: vscode.Uri,
): Promise<vscode.Uri | undefined> {
  if (argument instanceof vscode.Uri) return await onThisComputer(argument);
  if (typeof argument === 'string') return vscode.Uri.file(argument);
  const edited = vscode.window.activeTextEditor?.document.uri;
  if (edited !== undefined && isRecipe(edited)) return edited;
  const found = await workspaceRecipes();
  if (found.length <= 1) return found[0] ?? shippedRecipe(extensionUri);
  const picked = await vscode.window.showQuickPick(
    found.map((uri) => ({
      label: uri.path.slice(uri.path.lastIndexOf('/') + 1),
      description: vscode.workspace.asRelativePath(vscode.Uri.joinPath(uri, '..')),
      uri,
    })),
    { title: t('Start Adaptive GRPO Run'), placeHolder: t('Recipe to train by') },
  );
  return picked?.uri;
}

/** A recipe that was never saved is, first; undefined where the person doesn't want that. */
async function onThisComputer(uri: vscode.Uri): Promise<vscode.Uri | undefined> {
  if (uri.scheme === 'file') return uri;
  if (uri.scheme === 'untitled') return await vscode.workspace.save(uri);
  throw new PlainError(
    t('This recipe lies in a virtual workspace, where nothing can be run.'),
    t('Open the folder on this computer, or over SSH.'),
  );
}

/** `recipes/*.yaml` of every workspace folder on this computer. */
async function workspaceRecipes(): Promise<vscode.Uri[]> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  const lists = await Promise.all(
    folders.map(async ({ uri }) => {
      const folder = vscode.Uri.joinPath(uri, 'recipes');
      // Most workspaces have no such folder.
      const entries = await vscode.workspace.fs.readDirectory(folder).then(
        (all) => all,
        () => [],
      );
      return entries.map(([name]) => vscode.Uri.joinPath(folder, name)).filter(isRecipe);
    }),
  );
  return lists.flat().sort((a, b) => a.path.localeCompare(b.path));
}

/**
 * The recipe to run, as it is typed; undefined where nothing may be run, or a person doesn't want
 * that after all.
 */
export async function recipeToRun(
  argument: unknown,
  extensionUri: vscode.Uri,
): Promise<vscode.Uri | undefined> {
  if (!(await isTrusted())) return undefined;
  const recipe = await chooseRecipe(argument, extensionUri);
  if (recipe !== undefined) await saveRecipe(recipe);
  return recipe;
}

/** What was typed but not saved yet is part of the recipe. */
async function saveRecipe(recipe: vscode.Uri): Promise<void> {
  const open = vscode.workspace.textDocuments.find(
    ({ uri, isDirty }) => isDirty && uri.toString() === recipe.toString(),
  );
  await open?.save();
}
