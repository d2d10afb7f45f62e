import { basename } from 'node:path';
import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { strategyOf } from '../../recipe/strategy.ts';
import { isRecipe } from './files.ts';
import type { RecordedRun } from './recorded.ts';
import { report } from './report.ts';

const scheme = 'adaptive-grpo-what-if';

/** "What would it do?" as a document beside the recipe, which follows what is typed. */
export class Answers implements vscode.TextDocumentContentProvider {
  readonly #recorded: RecordedRun;
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly #subscriptions: readonly { dispose(): unknown }[];
  readonly onDidChange = this.#changed.event;

  constructor(recorded: RecordedRun) {
    this.#recorded = recorded;
    this.#subscriptions = [
      this.#changed,
      vscode.workspace.registerTextDocumentContentProvider(scheme, this),
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        if (isRecipe(document)) this.#changed.fire(answerTo(document.uri));
      }),
    ];
  }

  async show(recipe: vscode.Uri): Promise<void> {
    const answer = answerTo(recipe);
    this.#changed.fire(answer);
    const document = await vscode.workspace.openTextDocument(answer);
    await vscode.window.showTextDocument(document, {
      viewColumn: vscode.ViewColumn.Beside,
      preserveFocus: true,
      preview: true,
    });
  }

  /** All open answers, anew: there is more of the run. */
  refresh(): void {
    for (const { uri } of vscode.workspace.textDocuments) {
      if (uri.scheme === scheme) this.#changed.fire(uri);
    }
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const recipe = await vscode.workspace.openTextDocument(vscode.Uri.parse(uri.query, true));
    const parameters = strategyOf(recipe.getText());
    if (parameters === null) return t('The recipe can not be read at the moment.');
    const recorded = await this.#recorded.latest();
    if (recorded === null) {
      return t('No run has recorded anything yet. Start one, or a dry run, and ask again.');
    }
    return report(basename(recipe.uri.path), recorded, parameters);
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}

function answerTo(recipe: vscode.Uri): vscode.Uri {
  const path = t('What would {0} do', basename(recipe.path));
  return vscode.Uri.from({ scheme, path: `/${path}`, query: recipe.toString() });
}
