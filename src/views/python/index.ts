import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { CancelledError } from '../../launch/engine-process.ts';
import { isTrusted } from '../commands/trust.ts';
import { commands } from '../ids.ts';
import { showError } from '../notify.ts';
import { PythonPlaces } from './places.ts';
import { selectPython } from './select.ts';
import { setUpPython } from './setup.ts';

/** The commands about the Python that trains. They resolve with whether there is one now. */
export function registerPython(
  context: vscode.ExtensionContext,
  log: vscode.LogOutputChannel,
  places: PythonPlaces,
): void {
  const output = vscode.window.createOutputChannel('Adaptive GRPO: Python');
  const showLog = { title: t('Show Log'), run: () => output.show() };
  const register = (id: string, act: (argument: unknown) => Promise<boolean>) =>
    vscode.commands.registerCommand(id, async (argument: unknown) => {
      try {
        return (await isTrusted()) && (await act(argument));
      } catch (error) {
        const tryAgain = {
          title: t('Try Again'),
          run: () => vscode.commands.executeCommand(id, argument),
        };
        if (!(error instanceof CancelledError)) void showError(error, log, [showLog, tryAgain]);
        return false;
      }
    });
  context.subscriptions.push(
    output,
    register(commands.selectPython, () => selectPython(places)),
    register(commands.setUpPython, (argument) => setUpPython(places, output, argument)),
  );
}
