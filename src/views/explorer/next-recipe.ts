import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { RECIPE, codeOf } from '../../run/files.ts';
import { readManifest } from '../../run/manifest-file.ts';
import { rangeOf } from '../recipe/files.ts';
import type { RecipeChange } from './protocol.ts';
import { changedRecipe, recipeText } from './run-recipe.ts';

/**
 * A copy of a run's recipe for the next run: an editor that nobody has saved yet, beside the
 * explorer. What the run itself was launched with stays as it is. Later changes go into the same
 * copy for as long as it is open.
 */
export class NextRecipe {
  readonly #directory: string;
  #copy: vscode.TextDocument | null = null;

  /** @param directory of the run */
  constructor(directory: string) {
    this.#directory = directory;
  }

  async open(changes: readonly RecipeChange[]): Promise<void> {
    const open = this.#copy !== null && !this.#copy.isClosed ? this.#copy : null;
    const before = open?.getText() ?? (await this.#launched());
    const text = changedRecipe(before, changes);
    const document = open ?? (await this.#new());
    this.#copy = document;
    const edit = new vscode.WorkspaceEdit();
    const all = rangeOf(document, { from: 0, to: document.getText().length });
    edit.replace(document.uri, all, text);
    await vscode.workspace.applyEdit(edit);
    const changed = document.positionAt(firstDifference(before, text));
    await vscode.window.showTextDocument(document, {
      viewColumn: vscode.ViewColumn.Beside,
      preview: false,
      selection: document.lineAt(changed).range,
    });
  }

  /** What was launched, byte for byte; where the run kept no copy, what it resolved to. */
  async #launched(): Promise<string> {
    try {
      return await readFile(join(this.#directory, RECIPE), 'utf8');
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      return recipeText((await readManifest(this.#directory)).recipe);
    }
  }

  /** Under a name of its own among the workspace's recipes, where saving puts it. */
  async #new(): Promise<vscode.TextDocument> {
    const [folder] = vscode.workspace.workspaceFolders ?? [];
    if (folder?.uri.scheme !== 'file') {
      return await vscode.workspace.openTextDocument({ language: 'yaml' });
    }
    const { name } = await readManifest(this.#directory);
    // A run's name is whatever its recipe says.
    const stem = name.replaceAll(/[^\p{L}\p{N}._-]/gu, '_');
    for (let number = 2; ; number++) {
      const path = join(folder.uri.fsPath, 'recipes', `${stem}_${number}.yaml`);
      const taken = vscode.workspace.textDocuments.some(({ uri }) => uri.fsPath === path);
      if (taken || existsSync(path)) continue;
      const uri = vscode.Uri.file(path).with({ scheme: 'untitled' });
      return await vscode.workspace.openTextDocument(uri);
    }
  }
}

/** The offset at which two texts begin to differ; 0 where they never do. */
function firstDifference(a: string, b: string): number {
  if (a === b) return 0;
  let i = 0;
  while (i < a.length && a[i] === b[i]) i += 1;
  return i;
}
