import { availableParallelism } from 'node:os';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import {
  overridesOf,
  pairRecipe,
  sideIds,
  suggestedBudget,
  type Pair,
} from '../../compare/pair.ts';
import { sendCommand } from '../../launch/run-actions.ts';
import { NoTrainerError } from '../../launch/python/choose.ts';
import { isAlive } from '../../launch/runs.ts';
import { settingsOf } from '../../recipe/check.ts';
import { nameOfRecipe } from '../../run/names.ts';
import { recipeToRun } from '../commands/recipes.ts';
import { runsDirectoryFor, startupTimeoutMs } from '../configuration.ts';
import { showError } from '../notify.ts';
import { pythonRemedies } from '../python/remedies.ts';
import type { Services } from '../services.ts';
import type { MakingJob } from './actions.ts';
import { Campaign, runsAtOnce, type Launcher } from './campaign.ts';
import type { Comparisons } from './comparisons.ts';

export type Job = MakingJob;

/** More seeds than this are a job for a night, and for `compare_strategies.sh`. */
const MOST_SEEDS = 20;

/** "Compare with Baseline": two runs a seed from one recipe, shown side by side while they train. */
export async function compareWithBaseline(
  services: Services,
  context: vscode.ExtensionContext,
  comparisons: Comparisons,
  argument: unknown,
): Promise<void> {
  const recipe = await recipeToRun(argument, services.extensionUri);
  if (recipe === undefined) return;
  const source = await readFile(recipe.fsPath, 'utf8');
  const name = basename(recipe.fsPath);
  // Says what is wrong before it asks for anything.
  const first = pairRecipe(source, [], 1, name);
  const seeds = await askForSeeds();
  if (seeds === undefined) return;
  const budget =
    first.budget ??
    (await askForBudget(first.engine === 'built-in' ? suggestedBudget(first.recipe) : null));
  if (budget === undefined) return;
  const pair = pairRecipe(source, settingsOf({ max_generated_tokens: budget }), seeds, name);
  if (pair.warnings.length > 0 && !(await goOn(pair.warnings, recipe))) return;
  const jobs = pair.seeds.flatMap((seed): Job[] => [
    { side: 0, seed },
    { side: 1, seed },
  ]);
  let failure: unknown = null;
  const launcher = launcherOf(services, context, recipe, pair, (error) => (failure ??= error));
  // Two of TRL's runs would share the GPUs, and their memory.
  const atOnce = pair.engine === 'trl' ? 1 : runsAtOnce(availableParallelism());
  const campaign = new Campaign(jobs, atOnce, launcher);
  comparisons.make(campaign, t('{0}: baseline and adaptive', nameOfRecipe(recipe.fsPath)));
  await campaign.done;
  if (!campaign.states.some(({ kind }) => kind === 'failed')) return;
  // A run that could not be started says why, once; the view shows the rest.
  const again = () => compareWithBaseline(services, context, comparisons, recipe);
  void showError(
    failure,
    services.log,
    failure instanceof NoTrainerError ? pythonRemedies(failure, again) : [],
  );
}

async function askForSeeds(): Promise<number | undefined> {
  const answer = await vscode.window.showInputBox({
    title: t('Compare with Baseline'),
    prompt: t(
      'How many seeds? Each is a run with the strategy and one without. From 2 on a difference can be told from noise; 5 are better.',
    ),
    value: '1',
    validateInput: (text) => {
      const count = Number(text);
      return Number.isInteger(count) && count >= 1 && count <= MOST_SEEDS
        ? null
        : t('A number from 1 to {0}.', MOST_SEEDS);
    },
  });
  return answer === undefined ? undefined : Number(answer);
}

/** `suggested`: null where it can't be told from the recipe alone. */
async function askForBudget(suggested: number | null): Promise<number | undefined> {
  const answer = await vscode.window.showInputBox({
    title: t('Compare with Baseline'),
    prompt: t(
      'How many generated tokens may each run use? Both sides get the same. `max_generated_tokens` in the recipe says it once and for all.',
    ),
    value: suggested === null ? '' : String(suggested),
    validateInput: (text) => {
      const tokens = Number(text);
      return Number.isInteger(tokens) && tokens > 0 ? null : t('A whole number of tokens.');
    },
  });
  return answer === undefined ? undefined : Number(answer);
}

async function goOn(warnings: readonly string[], recipe: vscode.Uri): Promise<boolean> {
  const start = t('Start');
  const edit = t('Open Recipe');
  const chosen = await vscode.window.showWarningMessage(
    t('Before the hours are spent'),
    { modal: true, detail: warnings.join('\n\n') },
    start,
    edit,
  );
  if (chosen === edit) await vscode.window.showTextDocument(recipe);
  return chosen === start;
}

function launcherOf(
  { runs }: Services,
  context: vscode.ExtensionContext,
  recipe: vscode.Uri,
  pair: Pair,
  onFailure: (error: unknown) => void,
): Launcher<Job> {
  const parent = runsDirectoryFor(recipe, context.globalStorageUri);
  return {
    start: async ({ side, seed }, signal) => {
      const id = sideIds[side];
      const run_name = `${nameOfRecipe(recipe.fsPath)} ${id} seed ${seed}`;
      const overrides = { ...overridesOf(pair, id, seed, null), run_name };
      try {
        const directory = await runs.newDirectory(recipe.fsPath, parent);
        const options = { signal, timeoutMs: startupTimeoutMs(), overrides };
        return (await runs.start(recipe.fsPath, directory, options)).directory;
      } catch (error) {
        onFailure(error);
        throw error;
      }
    },
    ended: (directory) =>
      new Promise((resolve) => {
        const gone = (): boolean => {
          const card = runs.card(directory);
          // One that can't be read for a moment may well go on.
          return card === undefined || (card.kind === 'run' && !isAlive(card));
        };
        if (gone()) {
          resolve();
          return;
        }
        const subscription = runs.onDidChange(() => {
          if (!gone()) return;
          subscription.dispose();
          resolve();
        });
      }),
    stop: async (directory) => {
      const card = runs.card(directory);
      if (card !== undefined && isAlive(card)) await sendCommand(card, 'stop');
    },
  };
}
