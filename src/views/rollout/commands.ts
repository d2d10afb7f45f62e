import { resolve } from 'node:path';
import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { z } from 'zod';
import { PlainError } from '../../common/errors.ts';
import { colourModes } from '../model/shapes.ts';
import { scales } from '../model/scale.ts';
import type { ColourChoice } from '../colour.ts';
import { commands } from '../ids.ts';
import { showError } from '../notify.ts';
import type { Services } from '../services.ts';
import { rolloutAddress, type RolloutAddress } from './address.ts';
import { firstDifference } from './difference.ts';
import type { RolloutDocuments } from './documents.ts';
import { pickDiffSide, pickRollout, pickSibling } from './picks.ts';
import { failurePoints, nextPoint } from './points.ts';
import { rolloutIn, toPosition } from './providers.ts';
import { positionAt, type Rollout } from './rollout.ts';
import type { RolloutRuns } from './runs.ts';
import { showDiff, showRollout } from './show.ts';

const position = z.number().int().nonnegative();
const place = rolloutAddress.extend({ position });

export interface RolloutParts {
  readonly services: Services;
  readonly documents: RolloutDocuments;
  readonly runs: RolloutRuns;
  readonly colour: ColourChoice;
}

/** The commands of rollout documents. What one throws is shown, never lost. */
export function registerRolloutCommands(parts: RolloutParts): vscode.Disposable[] {
  const { services, colour } = parts;
  const handlers: Record<string, (...given: unknown[]) => unknown> = {
    [commands.openRolloutDocument]: (directory, segment_id, at) =>
      openDocument(parts, directory, segment_id, at),
    [commands.diffRollouts]: (left, right) => diff(parts, left, right),
    [commands.nextFailurePoint]: () => goToPoint(parts, 1),
    [commands.previousFailurePoint]: () => goToPoint(parts, -1),
    [commands.siblingsAtToken]: (where) => siblings(parts, where),
    [commands.colourTokens]: () => chooseColour(colour),
  };
  return Object.entries(handlers).map(([id, handler]) =>
    vscode.commands.registerCommand(id, async (...given: unknown[]) => {
      try {
        await handler(...given);
      } catch (error) {
        void showError(error, services.log);
      }
    }),
  );
}

/** Reads a rollout once, whether or not it is open as a document; rejects with a `PlainError`. */
async function read({ documents }: RolloutParts, address: RolloutAddress): Promise<Rollout> {
  const directory = resolve(address.directory);
  const { state } = await documents.open({ ...address, directory });
  if (state.kind === 'ready') return state.rollout;
  throw new PlainError(state.message, state.next);
}

async function openDocument(
  parts: RolloutParts,
  directory: unknown,
  segment_id: unknown,
  at: unknown,
): Promise<void> {
  const named = rolloutAddress.safeParse({ directory, segment_id });
  const address = named.success
    ? named.data
    : await pickRollout(parts, typeof directory === 'string' ? directory : null);
  if (address === null) return;
  const where = position.safeParse(at);
  await showRollout(await read(parts, address), where.success ? where.data : null);
}

async function diff(parts: RolloutParts, left: unknown, right: unknown): Promise<void> {
  const one = rolloutAddress.safeParse(left);
  const from = one.success
    ? await read(parts, one.data)
    : (active(parts.documents)?.rollout ?? null);
  if (from === null) throw noDocument();
  const other = rolloutAddress.safeParse(right);
  const address = other.success ? other.data : await pickDiffSide(parts, from);
  if (address === null) return;
  const to = await read(parts, address);
  const difference = firstDifference(from, to);
  await showDiff(from, to, difference);
  if (difference === null) {
    void vscode.window.showInformationMessage(t('The two rollouts are the same, token by token.'));
  }
}

function goToPoint(parts: RolloutParts, direction: 1 | -1): void {
  const shown = active(parts.documents);
  if (shown === null) throw noDocument();
  const { editor, rollout } = shown;
  const offset = rollout.document.offsetAt(editor.selection.active);
  const point = nextPoint(failurePoints(rollout), offset, direction);
  if (point === null) {
    void vscode.window.showInformationMessage(
      t('Nothing in this rollout was unsure enough to be a failure point.'),
    );
    return;
  }
  const target = toPosition(rollout.document.placeAt(point.offset));
  editor.selection = new vscode.Selection(target, target);
  const reveal = vscode.TextEditorRevealType.InCenterIfOutsideViewport;
  editor.revealRange(new vscode.Range(target, target), reveal);
}

/** Without an argument: at the cursor of the active document. */
async function siblings(parts: RolloutParts, where: unknown): Promise<void> {
  const given = place.safeParse(where);
  const shown = given.success
    ? { rollout: await read(parts, given.data), position: given.data.position }
    : atCursor(parts.documents);
  if (shown === null) throw noDocument();
  const address = await pickSibling(parts, shown.rollout, shown.position);
  if (address !== null) await showRollout(await read(parts, address), shown.position);
}

async function chooseColour(colour: ColourChoice): Promise<void> {
  const picked = await vscode.window.showQuickPick(
    colourModes.map((mode) => ({
      label: scales[mode].label,
      description: mode === colour.value ? t('now') : '',
      mode,
    })),
    { title: t('Colour Tokens by'), placeHolder: t('In rollout documents and the explorer') },
  );
  if (picked !== undefined) colour.set(picked.mode);
}

/** The rollout document with the cursor. */
function active(
  documents: RolloutDocuments,
): { editor: vscode.TextEditor; rollout: Rollout } | null {
  const editor = vscode.window.activeTextEditor;
  const rollout = editor === undefined ? null : rolloutIn(documents, editor.document.uri);
  return editor === undefined || rollout === null ? null : { editor, rollout };
}

function atCursor(documents: RolloutDocuments): { rollout: Rollout; position: number } | null {
  const shown = active(documents);
  if (shown === null) return null;
  const { editor, rollout } = shown;
  const offset = rollout.document.offsetAt(editor.selection.active);
  return { rollout, position: positionAt(rollout, offset) };
}

/** What a command without arguments is about; the fork command asks for it too. */
export function tokenAtCursor(
  documents: RolloutDocuments,
): (RolloutAddress & { position: number }) | null {
  const at = atCursor(documents);
  return at === null ? null : { ...at.rollout.address, position: at.position };
}

const noDocument = (): PlainError =>
  new PlainError(
    t('No rollout document is active.'),
    t('Open one with “Open as Document” in the Rollout Explorer.'),
  );
