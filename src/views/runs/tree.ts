import { basename } from 'node:path';
import * as vscode from 'vscode';
import { nameOf } from '../../launch/run-entry.ts';
import type { RunCard } from '../../launch/run-entry.ts';
import type { Runs } from '../../launch/runs.ts';
import { commands, views } from '../ids.ts';
import { accessibleLabelOf, descriptionOf, detailsOf, labelOf, lookOf, stateOf } from './describe.ts';

/** The tree of runs, newest first. An element is a run directory. */
export class RunsTree implements vscode.TreeDataProvider<string>, vscode.Disposable {
  readonly #runs: Runs;
  readonly #changed = new vscode.EventEmitter<string | undefined>();
  readonly #view: vscode.TreeView<string>;
  readonly #disposables: { dispose(): void }[];
  #listed: readonly string[] = [];

  readonly onDidChangeTreeData = this.#changed.event;

  constructor(runs: Runs) {
    this.#runs = runs;
    this.#view = vscode.window.createTreeView(views.runs, { treeDataProvider: this });
    this.#disposables = [
      this.#changed,
      this.#view,
      this.#view.onDidChangeSelection(({ selection: [directory] }) => {
        if (directory !== undefined && directory !== runs.active?.directory) runs.select(directory);
      }),
      runs.onDidChange((cards) => this.#refresh(cards)),
    ];
  }

  getChildren(element?: string): string[] {
    if (element !== undefined) return [];
    this.#listed = this.#runs.cards.map(({ directory }) => directory);
    return [...this.#listed];
  }

  getTreeItem(directory: string): vscode.TreeItem {
    const card = this.#runs.card(directory);
    if (card === undefined) return new vscode.TreeItem(basename(directory));
    const look = lookOf(card);
    const item = new vscode.TreeItem(labelOf(card, this.#runs.cards));
    item.id = directory;
    item.description = descriptionOf(card);
    item.iconPath = new vscode.ThemeIcon(
      look.icon,
      look.color === null ? undefined : new vscode.ThemeColor(look.color),
    );
    item.contextValue = this.#runs.isOpened(directory) ? `${look.context}.opened` : look.context;
    item.tooltip = tooltipOf(card);
    item.accessibilityInformation = { label: accessibleLabelOf(card), role: 'treeitem' };
    if (card.kind === 'run') {
      item.command = {
        command: commands.revealInExplorer,
        title: nameOf(card),
        arguments: [directory],
      };
    }
    return item;
  }

  /** TreeView.reveal needs to know that nothing has a parent. */
  getParent(): undefined {
    return undefined;
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
  }

  /** Rows change far more often than the list: those are told one by one. */
  #refresh(changed: readonly RunCard[]): void {
    const now = this.#runs.cards.map(({ directory }) => directory);
    const same =
      now.length === this.#listed.length && now.every((each, i) => each === this.#listed[i]);
    if (!same) this.#changed.fire(undefined);
    else for (const { directory } of changed) this.#changed.fire(directory);
  }
}

/** Names, models and messages are written by whoever made the run: text, never markup. */
function tooltipOf(card: RunCard): vscode.MarkdownString {
  const tooltip = new vscode.MarkdownString();
  tooltip.appendMarkdown('**').appendText(nameOf(card)).appendMarkdown('** ');
  tooltip.appendText(stateOf(card)).appendMarkdown('\n\n');
  const trouble = card.kind === 'unreadable' ? card : 'message' in card.status ? card.status : null;
  if (trouble !== null) {
    tooltip.appendText(`${trouble.message} ${trouble.next}`).appendMarkdown('\n\n');
  }
  tooltip.appendMarkdown('| | |\n|---|---|\n');
  for (const [name, value] of detailsOf(card)) {
    tooltip.appendMarkdown(`| ${name} | `).appendText(oneCell(value)).appendMarkdown(' |\n');
  }
  return tooltip;
}

/** A bar or a line break would end the cell. */
const oneCell = (text: string): string => text.replace(/[|\r\n]+/gu, ' ');
