import { basename } from 'node:path';
import * as vscode from 'vscode';
import { nameOf } from '../../launch/run-entry.ts';
import type { RunCard } from '../../launch/run-entry.ts';
import type { Runs } from '../../launch/runs.ts';
import { commands, views } from '../ids.ts';
import { accessibleLabelOf, descriptionOf, detailsOf, escapeMarkdown, labelOf, lookOf, stateOf } from './describe.ts';
import { stateName } from './state-name.ts';

/** The tree of runs, newest first. An element is a run directory. */
export class RunsTree implements vscode.TreeDataProvider<string>, vscode.Disposable {
  readonly #runs: Runs;
  readonly #changed = new vscode.EventEmitter<string | undefined>();
  readonly #view: vscode.TreeView<string>;
  readonly #disposables: { dispose(): void }[];
  #listed: readonly string[] = [];
  #shown: string | undefined;

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
      this.#view.onDidChangeVisibility(() => this.#showActive()),
      runs.onDidChange((cards) => {
        this.#refresh(cards);
        this.#showActive();
      }),
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

  /** The run that the other views show is the row that is selected. */
  #showActive(): void {
    const directory = this.#runs.active?.directory;
    if (directory === undefined || directory === this.#shown || !this.#view.visible) return;
    this.#shown = directory;
    this.#view.reveal(directory, { select: true, focus: false }).then(undefined, () => undefined);
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
  const trouble = card.kind === 'unreadable' ? card : 'message' in card.status ? card.status : null;
  const lines = [
    `**${escapeMarkdown(nameOf(card))}** ${stateName(stateOf(card))}`,
    '',
    ...(trouble === null ? [] : [escapeMarkdown(`${trouble.message} ${trouble.next}`), '']),
    '| | |',
    '|---|---|',
    ...detailsOf(card).map(([name, value]) => `| ${name} | ${escapeMarkdown(value)} |`),
  ];
  return new vscode.MarkdownString(lines.join('\n'));
}
