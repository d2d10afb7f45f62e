import * as vscode from 'vscode';
import type { CheckedRecipe } from '../../recipe/check.ts';
import { looksLikeRecipe } from '../../recipe/outline.ts';
import { parseRecipe } from '../../recipe/parse.ts';

/** Any YAML file may be a recipe; its content says whether it is. */
export const recipeSelector: vscode.DocumentSelector = [
  { language: 'yaml', scheme: 'file' },
  { language: 'yaml', scheme: 'untitled' },
];

/** A recipe longer than this is no recipe, and nothing here should be slow while typing. */
const LONGEST = 200_000;

interface Known {
  version: number;
  isRecipe: boolean;
  parsed: CheckedRecipe | null;
}

const known = new WeakMap<vscode.TextDocument, Known>();

function look(document: vscode.TextDocument): Known {
  const before = known.get(document);
  if (before?.version === document.version) return before;
  const text = document.getText();
  const now: Known = {
    version: document.version,
    isRecipe:
      vscode.languages.match(recipeSelector, document) > 0 &&
      text.length <= LONGEST &&
      looksLikeRecipe(document.uri.path, text),
    parsed: null,
  };
  known.set(document, now);
  return now;
}

export const isRecipe = (document: vscode.TextDocument): boolean => look(document).isRecipe;

/** What is wrong with a recipe; checked once for each version of it. */
export function checked(document: vscode.TextDocument): CheckedRecipe {
  const entry = look(document);
  entry.parsed ??= parseRecipe(document.getText());
  return entry.parsed;
}

export function rangeOf(
  document: vscode.TextDocument,
  { from, to }: { from: number; to: number },
): vscode.Range {
  return new vscode.Range(document.positionAt(from), document.positionAt(to));
}
