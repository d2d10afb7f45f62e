import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { can, isHere, killEngine, sendCommand } from '../../launch/run-actions.ts';
import type { RunAction } from '../../launch/run-actions.ts';
import { nameOf } from '../../launch/run-entry.ts';
import type { RunCard } from '../../launch/run-entry.ts';
import { views } from '../ids.ts';
import { showError } from '../notify.ts';
import type { Services } from '../services.ts';
import { descriptionOf, labelOf } from '../runs/describe.ts';
import { openLog } from './open.ts';
import { continueRun } from './start.ts';

/**
 * The run a command is about: the argument (a run directory, from a row of the tree), else the
 * active run where it qualifies, else the only one that does, else the one a person picks.
 */
export async function pickRun(
  { runs }: Services,
  argument: unknown,
  qualifies: (card: RunCard) => boolean,
  title: string,
): Promise<RunCard | undefined> {
  if (typeof argument === 'string') {
    const card = runs.card(argument);
    // A row may say what was true a moment ago.
    if (card !== undefined && qualifies(card)) return card;
    const why =
      card === undefined
        ? t('{0}: this run is not on the list of runs.', title)
        : t('{0}: this run is not in a state for it.', title);
    void vscode.window.showInformationMessage(why);
    return undefined;
  }
  const { active } = runs;
  if (active !== null && qualifies(active)) return active;
  const candidates = runs.cards.filter(qualifies);
  if (candidates.length <= 1) {
    const [only] = candidates;
    if (only === undefined) {
      void vscode.window.showInformationMessage(t('{0}: there is no run it could act on.', title));
    }
    return only;
  }
  const picked = await vscode.window.showQuickPick(
    candidates.map((card) => ({
      label: labelOf(card, runs.cards),
      description: descriptionOf(card),
      card,
    })),
    { title, placeHolder: t('Which run?') },
  );
  return picked?.card;
}

const titles: Record<Exclude<RunAction, 'continue'>, string> = {
  stop: t('Stop Run'),
  pause: t('Pause Run'),
  resume: t('Resume Run'),
  step: t('Step Run'),
  checkpoint: t('Write Checkpoint'),
};

/** Stop, pause, resume, step, checkpoint. Resuming a run whose engine is gone starts it again. */
export async function control(
  services: Services,
  action: Exclude<RunAction, 'continue'>,
  argument: unknown,
): Promise<void> {
  const qualifies = (card: RunCard) =>
    can(card, action) || (action === 'resume' && can(card, 'continue'));
  const card = await pickRun(services, argument, qualifies, titles[action]);
  if (card === undefined) return;
  if (action === 'resume' && can(card, 'continue')) return continueRun(services, card);
  try {
    // A command takes effect between two steps: the tree shows that it is on its way.
    const message = await vscode.window.withProgress({ location: { viewId: views.runs } }, () =>
      sendCommand(card, action),
    );
    vscode.window.setStatusBarMessage(`$(check) ${nameOf(card)}: ${message}`, 5000);
  } catch (error) {
    void showError(error, services.log, [
      { title: t('Show Log'), run: () => openLog(services, card.directory) },
      ...(action === 'stop' && isHere(card)
        ? [{ title: t('End Its Process'), run: () => endProcess(services, card.directory) }]
        : []),
    ]);
  }
  await services.runs.refresh();
}

/** The question may have stood there for long: only a process that is still the run's is ended. */
async function endProcess({ runs }: Services, directory: string): Promise<void> {
  await runs.refresh();
  const card = runs.card(directory);
  if (card !== undefined && can(card, 'stop')) killEngine(card);
  await runs.refresh();
}
