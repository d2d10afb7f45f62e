import * as vscode from 'vscode';
import { hubName } from '../../recipe/engines.ts';
import { engineOfText, keyLines } from '../../recipe/outline.ts';
import { isRecipe, rangeOf, recipeSelector } from './files.ts';

const hub: Readonly<Record<string, string>> = {
  model_name_or_path: 'https://huggingface.co/',
  reward_model_name_or_path: 'https://huggingface.co/',
  dataset_name: 'https://huggingface.co/datasets/',
};

/** Models and data sets of the Hub, and data files beside the recipe, lead to where they are. */
export function registerLinks(): vscode.Disposable {
  return vscode.languages.registerDocumentLinkProvider(recipeSelector, {
    provideDocumentLinks(document) {
      if (!isRecipe(document)) return [];
      const source = document.getText();
      const engine = engineOfText(source);
      return keyLines(source).flatMap(({ key, value, valueFrom, valueTo }) => {
        const quotes = /^(["']).*\1$/.test(value) ? 1 : 0;
        const word = value.slice(quotes, value.length - quotes);
        const range = rangeOf(document, { from: valueFrom + quotes, to: valueTo - quotes });
        const base = hub[key];
        if (engine === 'trl' && base !== undefined && hubName.test(word)) {
          return new vscode.DocumentLink(range, vscode.Uri.parse(base + word));
        }
        if (key === 'dataset_name' && word.endsWith('.jsonl') && document.uri.scheme === 'file') {
          const file = vscode.Uri.joinPath(document.uri, '..', word);
          return new vscode.DocumentLink(range, file);
        }
        return [];
      });
    },
  });
}
