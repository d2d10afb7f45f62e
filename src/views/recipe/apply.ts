import { basename, extname } from 'node:path';
import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { PlainError } from '../../common/errors.ts';
import { can, sendCommand } from '../../launch/run-actions.ts';
import { nameOf, type RunCard } from '../../launch/run-entry.ts';
import type { Runs } from '../../launch/runs.ts';
import { changeableIn, liveChanges, type LiveChange } from '../../recipe/live.ts';
import { parseRecipe } from '../../recipe/parse.ts';
import type { Services } from '../services.ts';

export interface LiveRun {
  card: RunCard;
  /**
   * What the recipe says now and the run does not do yet; null where something is wrong with the
   * recipe, or it is for another engine.
   */
  changes: readonly LiveChange[] | null;
}

/**
 * The newest live run that was started by this recipe, going by its name, and what would change in
 * it; null where there is none.
 */
export function liveRunOf(document: vscode.TextDocument, { cards }: Runs): LiveRun | null {
  const file = basename(document.uri.path);
  const name = file.slice(0, file.length - extname(file).length);
  for (const card of cards) {
    if (card.kind !== 'run' || !can(card, 'stop')) continue;
    const { recipe } = card.manifest;
    if (card.manifest.name !== name && recipe.run_name !== name) continue;
    return { card, changes: liveChanges(document.getText(), recipe) };
  }
  return null;
}

export const changesInWords = (changes: readonly LiveChange[]): string =>
  changes.map(({ key, from, to }) => `${key} ${String(from)} → ${String(to)}`).join(', ');

/** "Apply Recipe to Its Running Run": the knobs that may change in a live run. */
export async function applyToRun({ runs }: Services, document: vscode.TextDocument): Promise<void> {
  const live = liveRunOf(document, runs);
  if (live === null) {
    throw new PlainError(
      t('No run of this recipe is going on.'),
      t('Start it, and change what it trains by while it runs.'),
    );
  }
  const { card, changes } = live;
  if (changes === null) {
    throw new PlainError(
      t('What {0} does now can’t be told from this recipe.', nameOf(card)),
      t('Mend what is marked in it, and keep the `engine` of the run; then try again.'),
    );
  }
  if (changes.length === 0) {
    const { engine } = parseRecipe(document.getText());
    throw new PlainError(
      t('The run {0} does all of this already.', nameOf(card)),
      t(
        'In a live run {0} can be changed; the rest is for the next run.',
        changeableIn(engine).join(', '),
      ),
    );
  }
  const args = Object.fromEntries(changes.map(({ key, to }) => [key, to]));
  const message = await sendCommand(card, 'set', args);
  vscode.window.setStatusBarMessage(`$(check) ${nameOf(card)}: ${message}`, 5000);
  await runs.refresh();
}
