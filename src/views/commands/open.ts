import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { PlainError } from '../../common/errors.ts';
import { isAlive, runsIn } from '../../launch/runs.ts';
import { manifestPath } from '../../run/files.ts';
import { runsDirectories } from '../configuration.ts';
import { commands } from '../ids.ts';
import { showError } from '../notify.ts';
import { descriptionOf } from '../runs/describe.ts';
import type { Services } from '../services.ts';

/** "Open Recorded Run…": any run directory on this computer. */
export async function openRecordedRun(
  services: Services,
  context: vscode.ExtensionContext,
  argument: unknown,
): Promise<void> {
  const folder = typeof argument === 'string' ? argument : await askForFolder(context);
  if (folder === undefined) return;
  const run = await runIn(folder);
  if (run === undefined) return;
  const card = await services.runs.open(run);
  await vscode.commands.executeCommand(commands.revealInExplorer, card.directory);
}

async function askForFolder(context: vscode.ExtensionContext): Promise<string | undefined> {
  const [first] = runsDirectories(context.globalStorageUri);
  const chosen = await vscode.window.showOpenDialog({
    title: t('Open Recorded Run'),
    openLabel: t('Open Run'),
    canSelectFiles: false,
    canSelectFolders: true,
    ...(first === undefined ? {} : { defaultUri: vscode.Uri.file(first) }),
  });
  return chosen?.[0]?.fsPath;
}

/** The folder itself, or where it is a folder of runs, the one of them that a person picks. */
async function runIn(folder: string): Promise<string | undefined> {
  if (existsSync(manifestPath(folder))) return folder;
  const inside = await runsIn(folder);
  if (inside.length === 0) return folder;
  const picked = await vscode.window.showQuickPick(
    inside.map((card) => ({
      label: basename(card.directory),
      description: descriptionOf(card),
      directory: card.directory,
    })),
    { title: t('Open Recorded Run'), placeHolder: t('Which of the runs in {0}?', folder) },
  );
  return picked?.directory;
}

/** "Show Log": what the engine said, and what it goes on to say. */
export async function openLog(services: Services, directory: string): Promise<void> {
  try {
    services.runLog.show(directory);
  } catch (error) {
    await showError(error, services.log);
  }
}

/** "Open Run Folder": in the explorer where it is part of the workspace, else in the file manager. */
export async function openRunFolder(directory: string): Promise<void> {
  const uri = vscode.Uri.file(directory);
  const inside = vscode.workspace.getWorkspaceFolder(uri) !== undefined;
  await vscode.commands.executeCommand(inside ? 'revealInExplorer' : 'revealFileInOS', uri);
}

/** "Delete Run…": into the trash where there is one, never without asking. */
export async function deleteRun(
  services: Services,
  directory: string,
  name: string,
): Promise<void> {
  const uri = vscode.Uri.file(directory);
  const detail = t('Its rollouts, events and checkpoints go with it.');
  if (!(await confirm(t('Delete the run {0}?', name), detail, t('Delete')))) return;
  const card = services.runs.card(directory);
  if (card !== undefined && isAlive(card)) {
    throw new PlainError(t('The run {0} goes on again.', name), t('Stop it first.'));
  }
  try {
    await vscode.workspace.fs.delete(uri, { recursive: true, useTrash: true });
  } catch {
    const question = t('There is no trash for {0}. Delete it for good?', name);
    if (!(await confirm(question, detail, t('Delete for Good')))) return;
    await vscode.workspace.fs.delete(uri, { recursive: true, useTrash: false });
  }
  await services.runs.refresh();
}

async function confirm(question: string, detail: string, yes: string): Promise<boolean> {
  return (await vscode.window.showWarningMessage(question, { modal: true, detail }, yes)) === yes;
}
