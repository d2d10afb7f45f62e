import * as vscode from 'vscode';
import type { Disposable } from '../../run/listeners.ts';
import type { ColourChoice } from '../colour.ts';
import { rolloutScheme } from './address.ts';
import type { Place, Span } from './document-text.ts';
import type { RolloutDocuments } from './documents.ts';
import { addressOf } from './files.ts';
import { hoverAt } from './hover.ts';
import { lensesOf } from './lenses.ts';
import { hoverCommands } from './links.ts';
import type { Rollout } from './rollout.ts';
import { symbolsOf, type RolloutSymbol } from './symbols.ts';

/** The rollout that a document shows; null where it only says why there is none. */
export function rolloutIn(documents: RolloutDocuments, uri: vscode.Uri): Rollout | null {
  const address = addressOf(uri);
  const state = address === null ? undefined : documents.get(address)?.state;
  return state?.kind === 'ready' ? state.rollout : null;
}

export const toPosition = ({ line, character }: Place): vscode.Position =>
  new vscode.Position(line, character);
export const toRange = ({ start, end }: Span): vscode.Range =>
  new vscode.Range(toPosition(start), toPosition(end));

/** Hovers, lenses, outline and breadcrumbs of rollout documents. */
export function registerProviders(documents: RolloutDocuments, colour: ColourChoice): Disposable[] {
  const selector: vscode.DocumentSelector = { scheme: rolloutScheme };
  const lensesChanged = new vscode.EventEmitter<void>();
  return [
    lensesChanged,
    documents.onDidChange(() => lensesChanged.fire()),
    colour.onDidChange(() => lensesChanged.fire()),
    vscode.languages.registerHoverProvider(selector, {
      provideHover: (document, position) => hover(rolloutIn(documents, document.uri), position),
    }),
    vscode.languages.registerDocumentSymbolProvider(selector, {
      provideDocumentSymbols: (document) => {
        const rollout = rolloutIn(documents, document.uri);
        return rollout === null ? [] : symbolsOf(rollout).map(toSymbol);
      },
    }),
    vscode.languages.registerCodeLensProvider(selector, {
      onDidChangeCodeLenses: lensesChanged.event,
      provideCodeLenses: (document) => {
        const address = addressOf(document.uri);
        const state = address === null ? undefined : documents.get(address)?.state;
        if (state?.kind !== 'ready') return [];
        return lensesOf(state.rollout, colour.value, state.notice).map(({ line, title, call }) => {
          const { command, arguments: given } = call ?? { command: '', arguments: [] };
          const range = new vscode.Range(line, 0, line, 0);
          return new vscode.CodeLens(range, { title, command, arguments: [...given] });
        });
      },
    }),
  ];
}

function hover(rollout: Rollout | null, position: vscode.Position): vscode.Hover | null {
  if (rollout === null) return null;
  const found = hoverAt(rollout, rollout.document.offsetAt(position));
  if (found === null) return null;
  const markdown = new vscode.MarkdownString(found.markdown);
  // Nothing but these, whatever a text might smuggle in.
  markdown.isTrusted = { enabledCommands: hoverCommands };
  return new vscode.Hover(markdown, toRange(found.span));
}

const kinds = {
  prompt: vscode.SymbolKind.Key,
  segment: vscode.SymbolKind.Event,
  step: vscode.SymbolKind.String,
} as const;

function toSymbol({ kind, name, detail, span, children }: RolloutSymbol): vscode.DocumentSymbol {
  const range = toRange(span);
  const symbol = new vscode.DocumentSymbol(name, detail, kinds[kind], range, range);
  symbol.children = children.map(toSymbol);
  return symbol;
}
