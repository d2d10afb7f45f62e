import { join, resolve } from 'node:path';
import * as vscode from 'vscode';
import { section, settings } from './ids.ts';

/** The settings, typed; and the places that follow from them. */

export function startupTimeoutMs(): number {
  const seconds = vscode.workspace.getConfiguration(section).get<unknown>(settings.startupTimeout);
  return typeof seconds === 'number' && seconds >= 1 ? seconds * 1000 : 60_000;
}

/** Where new runs of a recipe go: below the recipe's workspace folder, the first one, or ours. */
export function runsDirectoryFor(recipe: vscode.Uri, storage: vscode.Uri): string {
  const folder =
    vscode.workspace.getWorkspaceFolder(recipe) ?? vscode.workspace.workspaceFolders?.[0];
  return folder?.uri.scheme === 'file' ? runsDirectoryOf(folder) : storedRuns(storage);
}

/** All folders whose subfolders are runs. */
export function runsDirectories(storage: vscode.Uri): string[] {
  const folders = (vscode.workspace.workspaceFolders ?? []).filter(
    ({ uri }) => uri.scheme === 'file',
  );
  return [...new Set([...folders.map(runsDirectoryOf), storedRuns(storage)])];
}

function runsDirectoryOf(folder: vscode.WorkspaceFolder): string {
  const setting = vscode.workspace
    .getConfiguration(section, folder.uri)
    .get<unknown>(settings.runsDirectory);
  const wanted = typeof setting === 'string' && setting.trim() !== '' ? setting.trim() : 'runs';
  return resolve(folder.uri.fsPath, wanted);
}

/** Runs of windows without a folder. */
const storedRuns = (storage: vscode.Uri): string => join(storage.fsPath, 'runs');
