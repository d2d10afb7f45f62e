import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { offer } from '../notify.ts';

/** Whether programs may be run for this workspace. Where not, it says why, and what one can do. */
export async function isTrusted(
  why = t('This workspace is not trusted, so its recipes are not run. Recorded runs can be read.'),
): Promise<boolean> {
  if (vscode.workspace.isTrusted) return true;
  await offer(vscode.window.showWarningMessage, why, [
    {
      title: t('Manage Workspace Trust'),
      run: () => vscode.commands.executeCommand('workbench.trust.manage'),
    },
  ]);
  return vscode.workspace.isTrusted;
}
