import * as vscode from 'vscode';
import type { KeyDescription } from '../../recipe/describe.ts';
import { valueText } from '../../recipe/edit.ts';

/** A key for hovers and completion: what it takes, its unit, its default, what it does, whose it is. */
export function documentationOf(key: KeyDescription): vscode.MarkdownString {
  const unit = key.unit === undefined ? '' : ` · ${vscode.l10n.t('unit: {0}', key.unit)}`;
  const initial =
    key.default === null
      ? vscode.l10n.t('empty by default')
      : vscode.l10n.t('default: {0}', `\`${valueText(key.default)}\``);
  const markdown = new vscode.MarkdownString();
  markdown.appendMarkdown(`**${key.name}** · ${key.expects}${unit}\n\n`);
  markdown.appendMarkdown(`${key.description}\n\n`);
  markdown.appendMarkdown(`${initial} · ${sourceOf(key)}`);
  return markdown;
}

function sourceOf({ source }: KeyDescription): string {
  switch (source) {
    case 'ours':
      return vscode.l10n.t('a key of Adaptive GRPO');
    case 'TRL':
      return vscode.l10n.t('a key of TRL');
    case 'transformers':
      return vscode.l10n.t('a key of transformers');
    case 'open-r1':
      return vscode.l10n.t('a key of open-r1');
  }
}
