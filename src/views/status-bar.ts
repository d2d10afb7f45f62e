import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import type { GpuWatch } from '../launch/python/gpu-watch.ts';
import { gpuLine } from '../launch/python/gpus.ts';
import { isHere } from '../launch/run-actions.ts';
import { nameOf } from '../launch/run-entry.ts';
import type { RunCard } from '../launch/run-entry.ts';
import { isAlive } from '../launch/runs.ts';
import type { Runs } from '../launch/runs.ts';
import { commands } from './ids.ts';
import { escapeMarkdown, lookOf, rewardOf, stateOf, stepOf } from './runs/describe.ts';
import { stateName } from './runs/state-name.ts';

/**
 * Step, reward and state of the active run: while one is alive, and afterwards for as long as this
 * window saw it alive. A click opens the explorer.
 */
export class StatusBar implements vscode.Disposable {
  readonly #runs: Runs;
  readonly #gpus: GpuWatch;
  readonly #item: vscode.StatusBarItem;
  readonly #subscriptions: readonly { dispose(): void }[];
  /** Runs that were alive while this window looked. */
  readonly #witnessed = new Set<string>();

  constructor(runs: Runs, gpus: GpuWatch) {
    this.#runs = runs;
    this.#gpus = gpus;
    this.#item = vscode.window.createStatusBarItem(
      'adaptiveGrpo.status',
      vscode.StatusBarAlignment.Left,
      0,
    );
    this.#item.name = 'Adaptive GRPO';
    const update = () => this.#update();
    this.#subscriptions = [runs.onDidChange(update), gpus.onDidChange(update)];
    this.#update();
  }

  dispose(): void {
    for (const each of this.#subscriptions) each.dispose();
    this.#item.dispose();
  }

  #update(): void {
    for (const card of this.#runs.cards) if (isAlive(card)) this.#witnessed.add(card.directory);
    const card = this.#shown();
    this.#gpus.watch(card !== undefined && usesGpus(card));
    if (card === undefined) {
      this.#item.hide();
      return;
    }
    const reward = rewardOf(card);
    const state = stateOf(card);
    const parts = [stepOf(card), ...(reward === null ? [] : [t('reward {0}', reward)])];
    if (state !== 'running') parts.push(stateName(state));
    this.#item.text = `$(${lookOf(card).icon}) GRPO ${parts.join('  ')}`;
    this.#item.command = {
      command: commands.revealInExplorer,
      title: t('Reveal in Rollout Explorer'),
      arguments: [card.directory],
    };
    this.#item.tooltip = tooltipOf(card, this.#gpus);
    this.#item.accessibilityInformation = {
      label: t('Adaptive GRPO run {0}, {1}', nameOf(card), parts.join(', ')),
      role: 'button',
    };
    this.#item.backgroundColor =
      state === 'failed' || state === 'crashed'
        ? new vscode.ThemeColor('statusBarItem.errorBackground')
        : undefined;
    this.#item.show();
  }

  /** The chosen run where it is alive; else any that lives; else the last one that was. */
  #shown(): RunCard | undefined {
    const { active, cards } = this.#runs;
    const alive = active !== null && isAlive(active) ? active : cards.find(isAlive);
    return alive ?? cards.find(({ directory }) => this.#witnessed.has(directory));
  }
}

/** The built-in engine has no use for them. */
const usesGpus = (card: RunCard): boolean =>
  card.kind === 'run' && isAlive(card) && isHere(card) && card.manifest.engine.name === 'trl';

function tooltipOf(card: RunCard, { gpus }: GpuWatch): vscode.MarkdownString {
  const alive = t('Closing this window does not end the run; the next window finds it again.');
  return new vscode.MarkdownString(
    [
      `**${escapeMarkdown(nameOf(card))}** ${stateName(stateOf(card))}`,
      ...gpus.map((gpu) => escapeMarkdown(gpuLine(gpu))),
      ...(isAlive(card) ? [alive] : []),
      t('Click to open the rollout explorer.'),
    ].join('\n\n'),
  );
}
