import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { PlainError } from '../../common/errors.ts';
import type { StorePool } from '../../launch/store-pool.ts';
import { LOG } from '../../run/files.ts';
import { FileTail } from '../../run/tail.ts';
import type { RevealTarget } from '../model/shapes.ts';
import { commands, logLanguage } from '../ids.ts';
import { LogLines, stepMentions } from './text.ts';

/** Only links run it: it needs to know which run's log it stands in. */
const openStep = '_adaptiveGrpo.openLoggedStep';

/**
 * What the engine of one run says, as it says it, in an output channel; a step that a line speaks of
 * leads to its rollouts.
 */
export class RunLog implements vscode.Disposable {
  readonly #channel = vscode.window.createOutputChannel('Adaptive GRPO: Run', logLanguage);
  readonly #registrations: vscode.Disposable[];
  readonly #stores: StorePool;
  #shown: { directory: string; tail: FileTail } | null = null;

  constructor(stores: StorePool) {
    this.#stores = stores;
    this.#registrations = [
      vscode.languages.registerDocumentLinkProvider({ language: logLanguage }, this),
      vscode.commands.registerCommand(openStep, (step: unknown) =>
        typeof step === 'number' ? this.#openStep(step) : undefined,
      ),
    ];
  }

  /** @throws PlainError where the run has no log */
  show(directory: string): void {
    const path = join(directory, LOG);
    if (!existsSync(path)) {
      throw new PlainError(t('This run has no log.'), t('The extension’s own log may say more.'));
    }
    if (this.#shown?.directory !== directory) this.#follow(directory, path);
    this.#channel.show(true);
  }

  provideDocumentLinks(document: vscode.TextDocument): vscode.DocumentLink[] {
    return stepMentions(document.getText()).map(({ step, from, to }) => {
      const range = new vscode.Range(document.positionAt(from), document.positionAt(to));
      const target = vscode.Uri.parse(`command:${openStep}?${encodeURIComponent(`[${step}]`)}`);
      const link = new vscode.DocumentLink(range, target);
      link.tooltip = t('Show the rollouts of step {0}', step);
      return link;
    });
  }

  dispose(): void {
    this.#shown?.tail.dispose();
    for (const each of this.#registrations) each.dispose();
    this.#channel.dispose();
  }

  #follow(directory: string, path: string): void {
    this.#shown?.tail.dispose();
    this.#channel.replace(`${basename(directory)}: ${path}\n\n`);
    const lines = new LogLines();
    const tail = new FileTail(path, (text) => this.#channel.append(lines.push(text)));
    this.#shown = { directory, tail };
  }

  async #openStep(step: number): Promise<void> {
    const directory = this.#shown?.directory;
    if (directory === undefined) return;
    const target = await this.#placeOf(directory, step);
    await vscode.commands.executeCommand(commands.revealInExplorer, directory, target);
  }

  /** The first tree of a step; null where none was kept, and the explorer opens where it stands. */
  async #placeOf(directory: string, step: number): Promise<RevealTarget | null> {
    const lease = await this.#stores.acquire(directory);
    try {
      const group = lease.store.groups().find((each) => each.step === step);
      if (group === undefined) return null;
      return { step, prompt_id: group.prompt_id, segment_id: null, position: null };
    } finally {
      lease.dispose();
    }
  }
}
