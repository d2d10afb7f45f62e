import { basename } from 'node:path';
import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { PlainError } from '../../common/errors.ts';
import { editsFor } from '../../recipe/edit.ts';
import type { Change } from '../../recipe/findings.ts';
import { strategyOf } from '../../recipe/strategy.ts';
import type { HostChannel } from '../channel.ts';
import { recipeFormViewType } from '../ids.ts';
import { rangeOf } from '../recipe/files.ts';
import type { RecordedRun } from '../recipe/recorded.ts';
import { headline } from '../recipe/report.ts';
import { whatIf } from '../recipe/what-if.ts';
import type { Services } from '../services.ts';
import { openChannel, webviewHtml, webviewOptions } from '../webview.ts';
import { formOf, histogramsOf, valueOf } from './model.ts';
import { schemas, type Protocol } from './protocol.ts';

/** Typing in the text editor beside it tells the form at most this often. */
const REST_MS = 120;

/** The recipe form: another editor of the same file. Undo, redo and saving are VS Code's. */
export class RecipeForm implements vscode.CustomTextEditorProvider {
  readonly #services: Services;
  readonly #recorded: RecordedRun;
  readonly #registration: vscode.Disposable;

  constructor(services: Services, recorded: RecordedRun) {
    this.#services = services;
    this.#recorded = recorded;
    this.#registration = vscode.window.registerCustomEditorProvider(recipeFormViewType, this);
  }

  resolveCustomTextEditor(document: vscode.TextDocument, panel: vscode.WebviewPanel): void {
    const page = new FormPage(document, panel, this.#services, this.#recorded);
    panel.onDidDispose(() => page.dispose());
  }

  dispose(): void {
    this.#registration.dispose();
  }
}

/** One form, from when VS Code makes it until it is closed. */
class FormPage {
  readonly #document: vscode.TextDocument;
  readonly #panel: vscode.WebviewPanel;
  readonly #recorded: RecordedRun;
  readonly #channel: HostChannel<Protocol>;
  readonly #subscriptions: readonly { dispose(): unknown }[];
  #timer: NodeJS.Timeout | null = null;
  #disposed = false;

  constructor(
    document: vscode.TextDocument,
    panel: vscode.WebviewPanel,
    { extensionUri, log, runs }: Services,
    recorded: RecordedRun,
  ) {
    this.#document = document;
    this.#panel = panel;
    this.#recorded = recorded;
    panel.webview.options = webviewOptions(extensionUri);
    this.#channel = openChannel<Protocol>(
      panel.webview,
      schemas,
      {
        open: async () => {
          await this.#tell();
          return null;
        },
        set: async ({ key, text }) => {
          await this.#set(key, text);
          return null;
        },
        reset: async ({ key }) => {
          await this.#change({ kind: 'remove', key });
          return null;
        },
        show_text: async () => {
          await vscode.window.showTextDocument(document, { preview: false });
          return null;
        },
      },
      log,
    );
    this.#subscriptions = [
      this.#channel,
      vscode.workspace.onDidChangeTextDocument((change) => {
        if (change.document === document) this.#tellSoon();
      }),
      panel.onDidChangeViewState(() => this.#tellSoon()),
      runs.onDidChange(() => this.#tellSoon()),
    ];
    const title = t('Recipe {0}', basename(document.uri.path));
    panel.webview.html = webviewHtml(panel.webview, extensionUri, 'recipe-form', title);
  }

  dispose(): void {
    this.#disposed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  async #set(key: string, text: string): Promise<void> {
    const value = valueOf(text);
    if (value === undefined) {
      throw new PlainError(
        t('{0} is not a value in YAML.', text),
        t('Write a number, a word, or a list such as [a, b].'),
      );
    }
    await this.#change({ kind: 'set', key, value });
  }

  async #change(change: Change): Promise<void> {
    const edits = editsFor(this.#document.getText(), change);
    if (edits.length === 0) return this.#tell();
    const edit = new vscode.WorkspaceEdit();
    for (const { from, to, text } of edits) {
      edit.replace(this.#document.uri, rangeOf(this.#document, { from, to }), text);
    }
    if (!(await vscode.workspace.applyEdit(edit))) {
      throw new PlainError(
        t('The recipe could not be changed.'),
        t('Check whether the file is read-only.'),
      );
    }
  }

  #tellSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      void this.#tell();
    }, REST_MS);
  }

  async #tell(): Promise<void> {
    if (!this.#panel.visible) return;
    const recorded = await this.#recorded.latest();
    if (this.#disposed) return;
    const source = this.#document.getText();
    const parameters = strategyOf(source);
    const answer =
      recorded === null || parameters === null ? null : headline(whatIf(recorded, parameters));
    const form = formOf(source, {
      name: basename(this.#document.uri.path),
      histograms: recorded === null ? null : histogramsOf(recorded.prompts),
      answer,
      run: recorded?.name ?? null,
    });
    this.#channel.send('state', form);
  }
}
