import * as vscode from 'vscode';
import { describeFor } from '../../recipe/describe.ts';
import { engineOfText, keyLines } from '../../recipe/outline.ts';
import { obsoleteKey } from '../../recipe/trl/obsolete.ts';
import { documentationOf } from './describe.ts';
import { isRecipe, rangeOf, recipeSelector } from './files.ts';

/** What a key means, over the key and over its value. */
export function registerHover(): vscode.Disposable {
  return vscode.languages.registerHoverProvider(recipeSelector, {
    provideHover(document, position) {
      if (!isRecipe(document)) return null;
      const source = document.getText();
      const offset = document.offsetAt(position);
      const line = keyLines(source).find(
        ({ from, valueTo }) => from <= offset && offset <= valueTo,
      );
      if (line === undefined) return null;
      const described = describeFor(engineOfText(source), line.key);
      if (described !== null) {
        return new vscode.Hover(documentationOf(described), rangeOf(document, line));
      }
      const obsolete = obsoleteKey(line.key);
      if (obsolete === null) return null;
      const text = `${obsolete.message} ${obsolete.suggestion}`;
      return new vscode.Hover(new vscode.MarkdownString(text), rangeOf(document, line));
    },
  });
}
