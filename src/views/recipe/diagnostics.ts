import * as vscode from 'vscode';
import type { Finding } from '../../recipe/findings.ts';
import { checked, isRecipe } from './files.ts';

/** How long a person must rest before what they type is checked. */
const REST_MS = 250;

export const diagnosticSource = 'Adaptive GRPO';

/** Says what is wrong with every open recipe, while it is written. */
export class RecipeDiagnostics {
  readonly #collection = vscode.languages.createDiagnosticCollection('adaptiveGrpo.recipe');
  readonly #resting = new Map<string, NodeJS.Timeout>();
  readonly #subscriptions: readonly { dispose(): unknown }[];

  constructor() {
    this.#subscriptions = [
      this.#collection,
      vscode.workspace.onDidOpenTextDocument((document) => this.#check(document)),
      vscode.workspace.onDidChangeTextDocument(({ document }) => this.#checkSoon(document)),
      vscode.workspace.onDidCloseTextDocument((document) => this.#forget(document)),
    ];
    for (const document of vscode.workspace.textDocuments) this.#check(document);
  }

  dispose(): void {
    for (const timer of this.#resting.values()) clearTimeout(timer);
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  #checkSoon(document: vscode.TextDocument): void {
    if (document.languageId !== 'yaml') return;
    const key = document.uri.toString();
    clearTimeout(this.#resting.get(key));
    this.#resting.set(
      key,
      setTimeout(() => {
        this.#resting.delete(key);
        if (!document.isClosed) this.#check(document);
      }, REST_MS),
    );
  }

  #check(document: vscode.TextDocument): void {
    const { uri } = document;
    if (isRecipe(document)) {
      this.#collection.set(
        uri,
        checked(document).findings.map((finding) => diagnosticOf(finding)),
      );
    } else if (this.#collection.has(uri)) {
      this.#collection.delete(uri);
    }
  }

  #forget({ uri }: vscode.TextDocument): void {
    clearTimeout(this.#resting.get(uri.toString()));
    this.#resting.delete(uri.toString());
    this.#collection.delete(uri);
  }
}

/** Where a finding stands in its file. */
export function placeOf({ place }: Finding): vscode.Range {
  if (place.kind === 'argument') return new vscode.Range(0, 0, 0, 1);
  const { line, column, length } = place;
  return new vscode.Range(line - 1, column - 1, line - 1, column - 1 + length);
}

function diagnosticOf(finding: Finding): vscode.Diagnostic {
  const { message, suggestion, severity, code } = finding;
  const diagnostic = new vscode.Diagnostic(
    placeOf(finding),
    suggestion === null ? message : `${message} ${suggestion}`,
    severity === 'error' ? vscode.DiagnosticSeverity.Error : vscode.DiagnosticSeverity.Warning,
  );
  diagnostic.source = diagnosticSource;
  diagnostic.code = code;
  if (code === 'unused_key') diagnostic.tags = [vscode.DiagnosticTag.Unnecessary];
  if (code === 'obsolete_key') diagnostic.tags = [vscode.DiagnosticTag.Deprecated];
  return diagnostic;
}
