import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { PlainError } from '../../common/errors.ts';
import { sendCommand } from '../../launch/run-actions.ts';
import { isAlive } from '../../launch/runs.ts';
import { nameOf, type RunCard } from '../../launch/run-entry.ts';
import type { Manifest } from '../../run/model/manifest.ts';
import type { StoreLease } from '../../launch/store-pool.ts';
import { commands, explorerViewType } from '../ids.ts';
import type { Services } from '../services.ts';
import { webviewHtml, webviewOptions } from '../webview.ts';
import { NextRecipe } from './next-recipe.ts';
import type { RevealTarget } from '../model/shapes.ts';
import { ExplorerSession, type RunActions } from './session.ts';
import { TokenizerTexts, tokenizerFolders } from '../tokenizer.ts';
import { Vocabulary } from '../model/vocabulary.ts';

/** One editor tab that shows one run. Thin: what it shows is the session's business. */
export class ExplorerPanel {
  readonly directory: string;
  readonly #panel: vscode.WebviewPanel;
  readonly #services: Services;
  readonly #session: ExplorerSession;
  readonly #subscription: { dispose(): void };
  readonly #texts = new TokenizerTexts();
  readonly #nextRecipe: NextRecipe;
  #lease: StoreLease | null = null;
  #disposed = false;

  /** Takes over `panel`, new or restored, and is gone with it. */
  constructor(panel: vscode.WebviewPanel, directory: string, services: Services) {
    this.#panel = panel;
    this.directory = directory;
    this.#services = services;
    this.#nextRecipe = new NextRecipe(directory);
    const { webview } = panel;
    const port = {
      postMessage: (message: unknown) => webview.postMessage(message),
      onDidReceiveMessage: (listener: (message: unknown) => void) =>
        webview.onDidReceiveMessage(listener),
    };
    this.#session = new ExplorerSession(
      () => this.#load(),
      this.#actions(),
      port,
      (message) => services.log.warn(`explorer: ${message}`),
      new Vocabulary((id) => this.#texts.textOf(id)),
    );
    this.#subscription = services.runs.onDidChange(() => this.#rename());
    panel.onDidChangeViewState(() => (this.#session.visible = panel.visible));
    panel.onDidDispose(() => this.#dispose());
    const icon = (name: string) => vscode.Uri.joinPath(services.extensionUri, 'media', name);
    panel.iconPath = { light: icon('explorer-light.svg'), dark: icon('explorer-dark.svg') };
    webview.options = webviewOptions(services.extensionUri);
    webview.html = webviewHtml(webview, services.extensionUri, 'explorer', t('Rollout Explorer'));
    this.#rename();
  }

  static create(directory: string, services: Services): ExplorerPanel {
    const panel = vscode.window.createWebviewPanel(
      explorerViewType,
      t('Rollouts'),
      vscode.ViewColumn.Active,
      webviewOptions(services.extensionUri),
    );
    return new ExplorerPanel(panel, directory, services);
  }

  onDidDispose(listener: () => void): void {
    this.#panel.onDidDispose(listener);
  }

  get active(): boolean {
    return this.#panel.active;
  }

  /** Other continuations of the token that is chosen in it. */
  fork(): void {
    this.#session.fork();
  }

  /** Brings the tab to the front, at a place of the run where one is given. */
  reveal(target: RevealTarget | null): void {
    this.#panel.reveal();
    if (target !== null) this.#session.reveal(target);
  }

  async #load(): Promise<StoreLease['store']> {
    this.#lease?.dispose();
    const lease = await this.#services.stores.acquire(this.directory);
    if (this.#disposed) lease.dispose();
    else this.#lease = lease;
    void this.#readTokenizer(lease.store.manifest);
    return lease.store;
  }

  async #readTokenizer({ model }: Manifest): Promise<void> {
    const base = vscode.Uri.joinPath(this.#services.extensionUri, 'media', 'base').fsPath;
    await this.#texts.read(await tokenizerFolders(this.directory, model, base));
  }

  #actions(): RunActions {
    const { runs } = this.#services;
    const run = (command: string) => async () => {
      await vscode.commands.executeCommand(command, this.directory);
    };
    return {
      controllable: () => {
        const card = runs.card(this.directory);
        return card?.kind === 'run' && isAlive(card) && card.manifest.endpoint !== null;
      },
      command: (command) => sendCommand(this.#card(), command),
      set: (key, value) => sendCommand(this.#card(), 'set', { [key]: value }),
      openRecipe: (changes) => this.#nextRecipe.open(changes),
      openDocument: async (segment_id, position) => {
        const { openRolloutDocument } = commands;
        const { directory } = this;
        await vscode.commands.executeCommand(openRolloutDocument, directory, segment_id, position);
      },
      siblings: async (place) => {
        const where = { directory: this.directory, ...place };
        await vscode.commands.executeCommand(commands.siblingsAtToken, where);
      },
      fork: async (place) => {
        const target = { directory: this.directory, ...place };
        await vscode.commands.executeCommand(commands.forkFromToken, target);
      },
      colour: this.#services.colour,
      resume: run(commands.resumeRun),
      showLog: run(commands.showLog),
    };
  }

  #card(): RunCard {
    const card = this.#services.runs.card(this.directory);
    if (card !== undefined) return card;
    throw new PlainError(t('This run is not on the list of runs.'), t('Open its folder anew.'));
  }

  #rename(): void {
    const card = this.#services.runs.card(this.directory);
    if (card !== undefined) this.#panel.title = t('{0} rollouts', nameOf(card));
  }

  #dispose(): void {
    this.#disposed = true;
    this.#subscription.dispose();
    this.#session.dispose();
    this.#lease?.dispose();
  }
}
