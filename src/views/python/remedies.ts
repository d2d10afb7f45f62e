import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import type { NoTrainerError } from '../../launch/python/choose.ts';
import { commands } from '../ids.ts';
import type { Action } from '../notify.ts';

/** Where no Python can train: ways to one, and then what could not be done once more. */
export function pythonRemedies(
  { best, wanted }: NoTrainerError,
  again: () => Promise<void>,
): Action[] {
  const then = (command: string, argument?: unknown) => async () => {
    if ((await vscode.commands.executeCommand(command, argument)) === true) await again();
  };
  const request = { packages: wanted.packages, into: best?.python ?? null };
  return [
    { title: t('Set Up Python…'), run: then(commands.setUpPython, request) },
    { title: t('Select Python…'), run: then(commands.selectPython) },
  ];
}
