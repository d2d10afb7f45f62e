import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { nameOf } from '../launch/run-entry.ts';
import type { ReadableRun } from '../launch/run-entry.ts';
import { openLog } from './commands/open.ts';
import { continueRun } from './commands/start.ts';
import { commands } from './ids.ts';
import { offer } from './notify.ts';
import type { Action } from './notify.ts';
import { rewardOf } from './runs/describe.ts';
import type { Services } from './services.ts';

/** Says that a run ended while this window looked. A stop is what somebody asked for: no word. */
export function tellEndings(services: Services): { dispose(): void } {
  return services.runs.onDidEnd((card) => void tell(services, card));
}

async function tell(services: Services, card: ReadableRun): Promise<void> {
  const { directory, status } = card;
  const name = nameOf(card);
  const reveal: Action = {
    title: t('Open Rollout Explorer'),
    run: () => vscode.commands.executeCommand(commands.revealInExplorer, directory),
  };
  const showLog: Action = { title: t('Show Log'), run: () => openLog(services, directory) };
  const resume: Action = { title: t('Resume Run'), run: () => continueRun(services, card) };
  switch (status.kind) {
    case 'finished': {
      const reward = rewardOf(card);
      const steps = card.latest?.step ?? 0;
      const message =
        reward === null
          ? t('The run {0} has finished after {1} steps.', name, steps)
          : t(
              'The run {0} has finished after {1} steps; its last reward is {2}.',
              name,
              steps,
              reward,
            );
      return offer(vscode.window.showInformationMessage, message, [reveal]);
    }
    case 'failed': {
      const message = t('The run {0} failed. {1} {2}', name, status.message, status.next);
      return offer(vscode.window.showErrorMessage, message, [showLog, resume]);
    }
    case 'crashed': {
      const message = t('The run {0} crashed. {1} {2}', name, status.message, status.next);
      return offer(vscode.window.showErrorMessage, message, [resume, showLog]);
    }
    default:
  }
}
