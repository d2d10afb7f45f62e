import { basename } from 'node:path';
import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { compareViewType } from '../ids.ts';
import type { Services } from '../services.ts';
import { webviewHtml, webviewOptions } from '../webview.ts';
import type { CompareActions, MakingOf } from './actions.ts';
import { pricing } from './pricing.ts';
import type { SideIndex } from './protocol.ts';
import { CompareSession } from './session.ts';
import { keyOf, type Spec } from './spec.ts';

/** One editor tab that shows one comparison. Thin: what it shows is the session's business. */
export class ComparePanel {
  readonly #panel: vscode.WebviewPanel;
  readonly #session: CompareSession;

  /** Takes over `panel`, new or restored, and is gone with it. */
  constructor(panel: vscode.WebviewPanel, spec: Spec, services: Services, actions: CompareActions) {
    this.#panel = panel;
    const { webview } = panel;
    const { extensionUri, log, stores } = services;
    this.#session = new CompareSession(
      spec,
      { acquire: (directory) => stores.acquire(directory), pricing },
      actions,
      services.colour,
      {
        postMessage: (message: unknown) => webview.postMessage(message),
        onDidReceiveMessage: (listener: (message: unknown) => void) =>
          webview.onDidReceiveMessage(listener),
      },
      (message) => log.warn(`compare: ${message}`),
    );
    panel.onDidChangeViewState(() => (this.#session.visible = panel.visible));
    panel.onDidDispose(() => this.#session.dispose());
    const icon = (name: string) => vscode.Uri.joinPath(extensionUri, 'media', name);
    panel.iconPath = { light: icon('compare-light.svg'), dark: icon('compare-dark.svg') };
    panel.title = titleOf(spec);
    webview.options = webviewOptions(extensionUri);
    webview.html = webviewHtml(webview, extensionUri, 'compare', t('Comparison'));
  }

  static create(spec: Spec, services: Services, actions: CompareActions): ComparePanel {
    const panel = vscode.window.createWebviewPanel(
      compareViewType,
      titleOf(spec),
      vscode.ViewColumn.Active,
      webviewOptions(services.extensionUri),
    );
    return new ComparePanel(panel, spec, services, actions);
  }

  /** Which runs it shows: the same ones are one tab. */
  get key(): string {
    return keyOf(this.#session.spec);
  }

  onDidDispose(listener: () => void): void {
    this.#panel.onDidDispose(listener);
  }

  reveal(): void {
    this.#panel.reveal();
  }

  /** The comparison is being made: its runs come one by one. */
  follow(making: MakingOf): void {
    this.#session.follow(making);
  }

  /** Never rejects. */
  add(side: SideIndex, directory: string): Promise<void> {
    return this.#session.add(side, directory);
  }

  repriced(): void {
    this.#session.repriced();
  }
}

const titleOf = (spec: Spec): string =>
  spec.kind === 'runs' ? spec.name : basename(spec.path, '.json');
