import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { nameOf } from '../../launch/run-entry.ts';
import type { RunCard } from '../../launch/run-entry.ts';
import { isAlive } from '../../launch/runs.ts';
import { commands } from '../ids.ts';
import { showError } from '../notify.ts';
import type { Services } from '../services.ts';
import { control, pickRun } from './control.ts';
import { deleteRun, openLog, openRecordedRun, openRunFolder } from './open.ts';
import { createRecipe, startRun } from './start.ts';

type Handler = (argument: unknown) => unknown;

/** Every command but the explorer's and the recipes' own. What a handler throws is shown, never lost. */
export function registerCommands(
  services: Services,
  context: vscode.ExtensionContext,
): vscode.Disposable[] {
  /** A command about one run of any kind. */
  const about =
    (title: string, act: (card: RunCard) => unknown, qualifies = (_: RunCard) => true): Handler =>
    async (argument) => {
      const card = await pickRun(services, argument, qualifies, title);
      if (card !== undefined) await act(card);
    };
  type Own = Exclude<
    keyof typeof commands,
    | 'openRolloutDocument'
    | 'diffRollouts'
    | 'nextFailurePoint'
    | 'previousFailurePoint'
    | 'siblingsAtToken'
    | 'colourTokens'
    | 'forkFromToken'
    | 'setCompletionServerKey'
    | 'removeCompletionServerKey'
    | 'revealInExplorer'
    | 'dryRun'
    | 'whatWouldItDo'
    | 'openRecipeForm'
    | 'applyToRun'
    | 'compareWithBaseline'
    | 'openComparison'
    | 'selectPython'
    | 'setUpPython'
  >;
  const handlers: Record<(typeof commands)[Own], Handler> = {
    [commands.startRun]: (argument) => startRun(services, context, argument),
    [commands.createRecipe]: () => createRecipe(services),
    [commands.stopRun]: (argument) => control(services, 'stop', argument),
    [commands.pauseRun]: (argument) => control(services, 'pause', argument),
    [commands.resumeRun]: (argument) => control(services, 'resume', argument),
    [commands.stepRun]: (argument) => control(services, 'step', argument),
    [commands.writeCheckpoint]: (argument) => control(services, 'checkpoint', argument),
    [commands.openRecordedRun]: (argument) => openRecordedRun(services, context, argument),
    [commands.showLog]: about(t('Show Log'), ({ directory }) => openLog(services, directory)),
    [commands.openRunFolder]: about(t('Open Run Folder'), ({ directory }) =>
      openRunFolder(directory),
    ),
    [commands.removeRun]: about(t('Remove Run from List'), ({ directory }) =>
      services.runs.forget(directory),
    ),
    [commands.deleteRun]: about(
      t('Delete Run'),
      (card) => deleteRun(services, card.directory, nameOf(card)),
      (card) => !isAlive(card),
    ),
  };
  return Object.entries(handlers).map(([id, handler]) =>
    vscode.commands.registerCommand(id, async (argument: unknown) => {
      try {
        await handler(argument);
      } catch (error) {
        void showError(error, services.log);
      }
    }),
  );
}
