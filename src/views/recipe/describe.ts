import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import type { KeyDescription } from '../../recipe/describe.ts';
import { valueText } from '../../recipe/edit.ts';

/** A key for hovers and completion: what it takes, its unit, its default, what it does, whose it is. */
export function documentationOf(key: KeyDescription): vscode.MarkdownString {
  const unit = key.unit === undefined ? '' : ` · ${t('unit: {0}', key.unit)}`;
  const initial =
    key.default === null
      ? t('empty by default')
      : t('default: {0}', `\`${valueText(key.default)}\``);
  const markdown = new vscode.MarkdownString();
  markdown.appendMarkdown(`**${key.name}** · ${key.expects}${unit}\n\n`);
  markdown.appendMarkdown(`${key.description}\n\n`);
  markdown.appendMarkdown(`${initial} · ${sourceOf(key)}`);
  return markdown;
}

function sourceOf({ source }: KeyDescription): string {
  switch (source) {
    case 'ours':
      return t('a key of Adaptive GRPO');
    case 'TRL':
      return t('a key of TRL');
    case 'transformers':
      return t('a key of transformers');
    case 'open-r1':
      return t('a key of open-r1');
  }
}
