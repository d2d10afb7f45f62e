import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { describeFor } from '../../recipe/describe.ts';
import { valueText } from '../../recipe/edit.ts';
import { keyNamesOf, type Engine } from '../../recipe/engines.ts';
import { keyGroups } from '../../recipe/key-info.ts';
import { engineOfText, keyLines, spotAt, type Spot } from '../../recipe/outline.ts';
import { suggestionsFor } from '../../recipe/suggest.ts';
import { documentationOf } from './describe.ts';
import { isRecipe, rangeOf, recipeSelector } from './files.ts';

/** Keys with their documentation, and what may be written for them. */
export function registerCompletion(): vscode.Disposable {
  return vscode.languages.registerCompletionItemProvider(
    recipeSelector,
    {
      provideCompletionItems(document, position) {
        if (!isRecipe(document)) return [];
        const source = document.getText();
        const spot = spotAt(source, document.offsetAt(position));
        if (spot === null) return [];
        const engine = engineOfText(source);
        const range = rangeOf(document, spot);
        return spot.kind === 'key'
          ? keyItems(engine, source, spot, range)
          : valueItems(engine, spot, range);
      },
    },
    ' ',
    '[',
  );
}

function keyItems(
  engine: Engine,
  source: string,
  spot: Extract<Spot, { kind: 'key' }>,
  range: vscode.Range,
): vscode.CompletionItem[] {
  const lines = keyLines(source);
  const written = new Set(lines.filter(({ from }) => from !== spot.from).map(({ key }) => key));
  // A key that has its colon only changes its name.
  const replacing = lines.some(({ from }) => from === spot.from);
  return keyNamesOf(engine)
    .filter((name) => !written.has(name))
    .flatMap((name) => {
      const described = describeFor(engine, name);
      if (described === null) return [];
      const item = new vscode.CompletionItem(name, vscode.CompletionItemKind.Property);
      item.detail = described.expects;
      item.documentation = documentationOf(described);
      item.range = range;
      // Ours first: they are why somebody writes a recipe here.
      const group = String(keyGroups.indexOf(described.group)).padStart(2, '0');
      item.sortText = `${described.source === 'ours' ? 0 : 1}${group}${name}`;
      item.insertText = replacing ? name : keySnippet(name, described.default);
      return item;
    });
}

/** `key: default`, with the default selected. */
function keySnippet(name: string, initial: unknown): vscode.SnippetString {
  const snippet = new vscode.SnippetString(`${name}: `);
  return initial === null ? snippet : snippet.appendPlaceholder(valueText(initial));
}

function valueItems(
  engine: Engine,
  spot: Extract<Spot, { kind: 'value' }>,
  range: vscode.Range,
): vscode.CompletionItem[] {
  return suggestionsFor(engine, spot.key, spot.inList).map(({ text, isDefault }, index) => {
    const item = new vscode.CompletionItem(text, vscode.CompletionItemKind.Value);
    item.range = range;
    item.sortText = String(index).padStart(3, '0');
    if (isDefault) item.detail = t('default');
    return item;
  });
}
