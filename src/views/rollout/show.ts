import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { rolloutScheme } from './address.ts';
import { uriOf } from './files.ts';
import { toPosition } from './providers.ts';
import { offsetOf, type Rollout } from './rollout.ts';

/** Opens a rollout beside the explorer, with the cursor at a token where one is given. */
export async function showRollout(rollout: Rollout, position: number | null): Promise<void> {
  await vscode.window.showTextDocument(uriOf(rollout), {
    viewColumn: columnForRollouts(),
    preview: false,
    ...(position === null ? {} : { selection: at(rollout, position) }),
  });
}

/** VS Code's own diff, at the first token that differs. */
export async function showDiff(
  left: Rollout,
  right: Rollout,
  difference: number | null,
): Promise<void> {
  const options: vscode.TextDocumentShowOptions = {
    viewColumn: columnForRollouts(),
    preview: false,
    ...(difference === null ? {} : { selection: at(right, difference) }),
  };
  const title = `${titleOf(left)} ↔ ${titleOf(right)}`;
  await vscode.commands.executeCommand('vscode.diff', uriOf(left), uriOf(right), title, options);
}

function at(rollout: Rollout, position: number): vscode.Range {
  const place = toPosition(rollout.document.placeAt(offsetOf(rollout, position)));
  return new vscode.Range(place, place);
}

function titleOf({ view, key, address }: Rollout): string {
  const label = view.parts.at(-1)?.label ?? '';
  return t('{0} of step {1} ({2})', label, key.step, address.segment_id);
}

/** Where rollouts are open already; else beside a view, in the place of anything else. */
function columnForRollouts(): vscode.ViewColumn {
  const { all, activeTabGroup } = vscode.window.tabGroups;
  const holds = ({ tabs }: vscode.TabGroup): boolean => tabs.some(({ input }) => isRollout(input));
  if (holds(activeTabGroup)) return activeTabGroup.viewColumn;
  const group = all.find(holds);
  if (group !== undefined) return group.viewColumn;
  const { activeTab } = activeTabGroup;
  return activeTab?.input instanceof vscode.TabInputWebview
    ? vscode.ViewColumn.Beside
    : activeTabGroup.viewColumn;
}

function isRollout(input: unknown): boolean {
  if (input instanceof vscode.TabInputText) return input.uri.scheme === rolloutScheme;
  if (input instanceof vscode.TabInputTextDiff) return input.modified.scheme === rolloutScheme;
  return false;
}
