import { basename } from 'node:path';
import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { nameOf } from '../../launch/run-entry.ts';
import type { RunCard } from '../../launch/run-entry.ts';
import { descriptionOf, labelOf } from '../runs/describe.ts';
import type { Services } from '../services.ts';
import type { Recent } from './recent.ts';
import { fileSpec, type RunsSpec, type Spec } from './spec.ts';

/** Asks what to compare. */

/**
 * "Compare Runs": the argument is a `comparison.json` (its `Uri`), or a run directory (from a row of
 * the tree), which is then asked for the other side; without one, a person chooses everything.
 */
export async function pickComparison(
  services: Services,
  recent: Recent,
  argument: unknown,
): Promise<Spec | undefined> {
  if (argument instanceof vscode.Uri) return fileSpec(argument);
  const { cards } = services.runs;
  const readable = cards.filter(({ kind }) => kind === 'run');
  if (typeof argument === 'string') {
    const card = services.runs.card(argument);
    return card === undefined ? undefined : pickOther(card, readable);
  }
  return pickAnything(recent, readable);
}

interface Way extends vscode.QuickPickItem {
  spec: () => Promise<Spec | undefined> | Spec;
}

async function pickAnything(recent: Recent, cards: readonly RunCard[]): Promise<Spec | undefined> {
  const ways: Way[] = [
    {
      label: `$(split-horizontal) ${t('Runs…')}`,
      detail: t('Two recorded or live runs, or a set of seeds on each side'),
      spec: () => pickSides(cards),
    },
    {
      label: `$(folder-opened) ${t('A Comparison’s File…')}`,
      detail: t('A comparison.json that was exported, or written by compare_strategies.sh'),
      spec: pickFile,
    },
    ...recent.all.map((spec): Way => ({
      label: `$(history) ${spec.kind === 'runs' ? spec.name : basename(spec.path)}`,
      description: wordsOf(spec),
      spec: () => spec,
    })),
  ];
  const way = await vscode.window.showQuickPick(ways, {
    title: t('Compare Runs'),
    placeHolder: t('What should be compared?'),
    matchOnDescription: true,
  });
  return way?.spec();
}

function wordsOf(spec: Spec): string {
  if (spec.kind === 'file') return spec.path;
  const [first, second] = spec.sides;
  return t('{0} and {1} runs', first.directories.length, second.directories.length);
}

async function pickFile(): Promise<Spec | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    title: t('Open Comparison'),
    openLabel: t('Open Comparison'),
    filters: { [t('Comparisons')]: ['json'] },
  });
  return chosen?.[0] === undefined ? undefined : fileSpec(chosen[0]);
}

async function pickSides(cards: readonly RunCard[]): Promise<Spec | undefined> {
  const first = await pickSet(
    cards,
    cards,
    t('First side, such as the baseline: one run, or one a seed'),
  );
  if (first === undefined) return undefined;
  const others = cards.filter((card) => !first.includes(card));
  const second = await pickSet(others, cards, t('Second side: what is compared with it'));
  return second === undefined ? undefined : specOf(first, second, cards);
}

/** The run that was asked for is the baseline where it trained without the strategy. */
async function pickOther(card: RunCard, cards: readonly RunCard[]): Promise<Spec | undefined> {
  const others = cards.filter(({ directory }) => directory !== card.directory);
  const other = await pickSet(others, cards, t('What should {0} be compared with?', nameOf(card)));
  if (other === undefined) return undefined;
  return isBaseline(card) || !other.every(isBaseline)
    ? specOf([card], other, cards)
    : specOf(other, [card], cards);
}

async function pickSet(
  cards: readonly RunCard[],
  all: readonly RunCard[],
  placeHolder: string,
): Promise<readonly RunCard[] | undefined> {
  if (cards.length === 0) {
    void vscode.window.showInformationMessage(
      t('There is no other run to compare with. Start one, or open a recorded one.'),
    );
    return undefined;
  }
  const picked = await vscode.window.showQuickPick(
    cards.map((card) => ({
      label: labelOf(card, all),
      description: descriptionOf(card),
      detail: card.kind === 'run' ? detailOf(card) : '',
      card,
    })),
    { title: t('Compare Runs'), placeHolder, canPickMany: true, matchOnDetail: true },
  );
  return picked === undefined || picked.length === 0 ? undefined : picked.map(({ card }) => card);
}

const detailOf = ({ manifest }: Extract<RunCard, { kind: 'run' }>): string =>
  t('{0}, seed {1}, {2}', manifest.strategy, manifest.seed, manifest.model);

const isBaseline = (card: RunCard): boolean =>
  card.kind === 'run' && card.manifest.strategy === 'baseline';

function specOf(
  first: readonly RunCard[],
  second: readonly RunCard[],
  all: readonly RunCard[],
): RunsSpec {
  const names = sideNames(first, second, all);
  const side = (cards: readonly RunCard[], name: string) => ({
    name,
    directories: cards.map(({ directory }) => directory),
  });
  return {
    kind: 'runs',
    name: t('{0} and {1}', ...names),
    sides: [side(first, names[0]), side(second, names[1])],
    targets: null,
  };
}

/** By strategy where that tells them apart, else by the runs' names, else by when they started. */
function sideNames(
  first: readonly RunCard[],
  second: readonly RunCard[],
  all: readonly RunCard[],
): [string, string] {
  const sides = [first, second];
  const by = (name: (card: RunCard) => string): [string, string] | null => {
    const [a, b] = sides.map((cards) => [...new Set(cards.map(name))]);
    const [one, other] = [a?.[0], b?.[0]];
    if (a?.length !== 1 || b?.length !== 1 || one === undefined || other === undefined) return null;
    return one === other ? null : [one, other];
  };
  const strategy = by((card) => (card.kind === 'run' ? card.manifest.strategy : ''));
  if (strategy !== null) return strategy;
  const names = by(nameOf) ?? by((card) => labelOf(card, all));
  return names ?? [t('first'), t('second')];
}
