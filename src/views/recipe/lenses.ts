import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { engineOfText, keyLines } from '../../recipe/outline.ts';
import { strategyOf } from '../../recipe/strategy.ts';
import { commands } from '../ids.ts';
import type { Services } from '../services.ts';
import { changesInWords, liveRunOf } from './apply.ts';
import { isRecipe, recipeSelector } from './files.ts';
import type { RecordedRun } from './recorded.ts';
import { headline } from './report.ts';
import { whatIf } from './what-if.ts';

/** Lines of the strategy: the answer stands where one changes it. */
const strategyKeys: readonly string[] = [
  'use_token_adaptive',
  'uncertainty_threshold',
  'entropy_threshold',
  'min_prefix_length',
];

/** Above a recipe: Start, Apply, Dry Run, Form; above its strategy: what it would do. */
export class RecipeLenses implements vscode.CodeLensProvider {
  readonly #services: Services;
  readonly #recorded: RecordedRun;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #registration: vscode.Disposable;
  readonly onDidChangeCodeLenses = this.#changed.event;

  constructor(services: Services, recorded: RecordedRun) {
    this.#services = services;
    this.#recorded = recorded;
    this.#registration = vscode.languages.registerCodeLensProvider(recipeSelector, this);
  }

  refresh(): void {
    this.#changed.fire();
  }

  async provideCodeLenses(document: vscode.TextDocument): Promise<vscode.CodeLens[]> {
    if (!isRecipe(document)) return [];
    const source = document.getText();
    const top = new vscode.Range(0, 0, 0, 0);
    const lens = (title: string, command: string, tooltip: string, range = top) =>
      new vscode.CodeLens(range, { title, command, tooltip, arguments: [document.uri] });
    const lenses: vscode.CodeLens[] = [];
    // A recipe that was never saved has no folder.
    if (!document.isUntitled) {
      const engines = {
        'built-in': t('Train by this recipe with the built-in engine.'),
        trl: t('Train by this recipe with TRL, in the Python of this computer.'),
      };
      lenses.push(
        lens(`$(play) ${t('Start')}`, commands.startRun, engines[engineOfText(source)]),
        lens(
          `$(split-horizontal) ${t('Compare with Baseline')}`,
          commands.compareWithBaseline,
          t('Two runs of this recipe, with the strategy and without, at the same cost.'),
        ),
      );
    }
    const live = liveRunOf(document, this.#services.runs);
    const changes = live?.changes ?? [];
    if (changes.length > 0) {
      lenses.push(
        lens(
          `$(arrow-right) ${t('Apply to the running run ({0})', changesInWords(changes))}`,
          commands.applyToRun,
          t('Takes effect between two steps, and is written into the run’s log.'),
        ),
      );
    }
    lenses.push(
      lens(
        `$(beaker) ${t('Dry Run')}`,
        commands.dryRun,
        t('A few steps with this strategy on the built-in tiny model.'),
      ),
      lens(
        `$(settings) ${t('Form')}`,
        commands.openRecipeForm,
        t('The same file as a form with sliders, beside the text.'),
      ),
      lens(
        `$(telescope) ${await this.#answer(source)}`,
        commands.whatWouldItDo,
        t('This strategy, applied to what the last run recorded. Click for all of it.'),
        strategyRange(document, source),
      ),
    );
    return lenses;
  }

  dispose(): void {
    this.#registration.dispose();
    this.#changed.dispose();
  }

  async #answer(source: string): Promise<string> {
    const question = t('What would it do?');
    const parameters = strategyOf(source);
    const recorded = parameters === null ? null : await this.#recorded.latest();
    if (parameters === null || recorded === null) return question;
    return `${question} ${headline(whatIf(recorded, parameters))}`;
  }
}

function strategyRange(document: vscode.TextDocument, source: string): vscode.Range {
  const line = keyLines(source).find(({ key }) => strategyKeys.includes(key));
  const position = document.positionAt(line?.from ?? 0);
  return new vscode.Range(position, position);
}
