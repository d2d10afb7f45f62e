import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { z } from 'zod';
import type { Policies } from '../../launch/policies.ts';
import type { SegmentRow } from '../../run/model/segment.ts';
import { appendProbes } from '../../run/probes.ts';
import type { RunStore } from '../../run/store.ts';
import { short } from '../model/scale.ts';
import { TokenizerTexts, tokenizerFolders } from '../tokenizer.ts';
import { isRight } from '../model/tree.ts';
import { isTrusted } from '../commands/trust.ts';
import { commands } from '../ids.ts';
import { offer, showError } from '../notify.ts';
import { plainText } from '../plain-text.ts';
import type { Services } from '../services.ts';
import { askForFork, labelOf, type Beginning, type ForkChoice } from './ask.ts';
import { sampleFork, type ForkRequest } from './fork.ts';
import { forkPlace, type ForkPlace } from './place.ts';
import { completionServers, completionTimeoutMs } from './servers.ts';
import { ownSource, sourcesOf } from './sources.ts';

/** What the command takes: `position` counts tokens of the path, `[0, position)` is kept. */
export const forkTarget = z.object({
  directory: z.string().min(1),
  segment_id: z.number().int(),
  position: z.number().int().nonnegative(),
  alternative: z.number().int().optional(),
});
export type ForkTarget = z.infer<typeof forkTarget>;

export interface ForkParts {
  services: Services;
  policies: Policies;
  memory: vscode.Memento;
  secrets: vscode.SecretStorage;
}

/** "Fork from Here…": asks what to sample, samples it, and adds it to the run. */
export async function forkFrom(parts: ForkParts, target: ForkTarget): Promise<void> {
  const why = t(
    'This workspace is not trusted, so nothing is sampled from it. Recorded runs can be read.',
  );
  if (!(await isTrusted(why))) return;
  const { services, memory } = parts;
  const lease = await services.stores.acquire(target.directory);
  try {
    const { store } = lease;
    const place = await forkPlace(store, target.segment_id, target.position);
    const texts = new TokenizerTexts();
    const base = join(services.extensionUri.fsPath, 'media', 'base');
    await texts.read(await tokenizerFolders(store.directory, store.manifest.model, base));
    const textOf = (id: number) => place.texts?.get(id) ?? texts.textOf(id);
    const { servers, problems } = completionServers();
    const choice = await askForFork(
      {
        place: placeInWords(store, place),
        sources: [
          ...(await ownSource(store)),
          ...servers.map((server) => ({ kind: 'server' as const, name: server.name, server })),
        ],
        problems,
        beginnings: beginningsOf(place, textOf, target.alternative),
        temperature: numberOf(store, 'temperature') ?? 1,
        longest: longestOf(store, place),
        forced: target.alternative ?? null,
      },
      memory,
    );
    if (choice === undefined) return;
    await run(parts, store, place, choice, textOf);
  } finally {
    lease.dispose();
  }
}

async function run(
  parts: ForkParts,
  store: RunStore,
  place: ForkPlace,
  choice: ForkChoice,
  textOf: (id: number) => string | null,
): Promise<void> {
  const { services } = parts;
  const request: ForkRequest = { place, ...choice };
  const warn = (message: string) => services.log.warn(`fork: ${message}`);
  const rows = await withProgress(store, place, choice, async (signal) => {
    const { policies, secrets } = parts;
    const inputs = { store, policies, secrets, warn };
    const { sources, release } = await sourcesOf(inputs, choice.source, signal);
    try {
      const tools = { textOf, timeoutMs: completionTimeoutMs(), warn };
      return await sampleFork(request, sources, tools, signal);
    } finally {
      release();
    }
  });
  await keep(services, store, place, rows);
}

/** What couldn't be written is still here: it can be tried again. */
async function keep(
  services: Services,
  store: RunStore,
  place: ForkPlace,
  rows: readonly SegmentRow[],
): Promise<void> {
  const { directory } = store;
  try {
    const kept = await appendProbes(directory, rows);
    await untilShown(store, place, kept);
    tell(directory, place, kept);
  } catch (error) {
    const again = { title: t('Try Again'), run: () => keep(services, store, place, rows) };
    void showError(error, services.log, [again]);
  }
}

/** Views follow the file a moment later than it is written; who is told should find it there. */
async function untilShown(
  store: RunStore,
  { step, prompt_id }: ForkPlace,
  rows: readonly SegmentRow[],
): Promise<void> {
  const shown = () => {
    const tree = new Set(store.tree(step, prompt_id).map(({ segment_id }) => segment_id));
    return rows.every(({ segment_id }) => tree.has(segment_id));
  };
  for (const end = Date.now() + SHOWN_MS; Date.now() < end && !shown();) await sleep(50);
}

/** Rejects with a `CancelledError` where a person takes it back. */
function withProgress<T>(
  store: RunStore,
  { fork_at }: ForkPlace,
  { n, source }: ForkChoice,
  work: (signal: AbortSignal) => Promise<T>,
): Thenable<T> {
  const progress = {
    location: vscode.ProgressLocation.Notification,
    title: plainText(t('{0} continuations from token {1}', n, fork_at)),
    cancellable: true,
  };
  return vscode.window.withProgress(progress, async (report, token) => {
    const busy = source.kind === 'live' && store.status.kind === 'running';
    const message = busy
      ? t('{0}, when its optimizer step is done…', labelOf(source))
      : `${labelOf(source)}…`;
    report.report({ message: plainText(message) });
    const cancel = new AbortController();
    const subscription = token.onCancellationRequested(() => cancel.abort());
    try {
      return await work(cancel.signal);
    } finally {
      subscription.dispose();
    }
  });
}

function placeInWords({ manifest }: RunStore, { step, prompt_id, fork_at }: ForkPlace): string {
  return t('{0}, step {1}, {2}, before token {3}', manifest.name, step, prompt_id, fork_at);
}

function beginningsOf(
  { alternatives }: ForkPlace,
  textOf: (id: number) => string | null,
  chosen: number | undefined,
): Beginning[] {
  const known = Array.from(alternatives?.ids ?? [], (id, i): Beginning => {
    const logprob = alternatives?.logprobs[i];
    return { id, text: textOf(id), probability: logprob === undefined ? null : Math.exp(logprob) };
  });
  const missing = chosen !== undefined && !known.some(({ id }) => id === chosen);
  return missing ? [{ id: chosen, text: textOf(chosen), probability: null }, ...known] : known;
}

function numberOf({ manifest }: RunStore, key: string): number | null {
  const value = manifest.recipe[key];
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

const LONGEST = 256;
/** A view that has not followed by then does so later. */
const SHOWN_MS = 3000;

/** What is left of the length that the run trains with. */
function longestOf(store: RunStore, { fork_at }: ForkPlace): number {
  const whole = numberOf(store, 'max_completion_length');
  return whole === null ? LONGEST : Math.max(1, Math.round(whole) - fork_at);
}

/** What came of it, and ways to look at it. */
function tell(directory: string, place: ForkPlace, rows: readonly SegmentRow[]): void {
  const [first] = rows;
  if (first === undefined) return;
  const { segment_id } = first;
  const { step, prompt_id, fork_at } = place;
  const target = { step, prompt_id, segment_id, position: fork_at };
  void offer(vscode.window.showInformationMessage, outcomeOf(rows, fork_at), [
    {
      title: t('Show in Explorer'),
      run: () => vscode.commands.executeCommand(commands.revealInExplorer, directory, target),
    },
    {
      title: t('Open as Document'),
      run: () =>
        vscode.commands.executeCommand(
          commands.openRolloutDocument,
          directory,
          segment_id,
          fork_at,
        ),
    },
  ]);
}

function outcomeOf(rows: readonly SegmentRow[], fork_at: number): string {
  const many = t('{0} continuations from token {1} joined the tree', rows.length, fork_at);
  const rewards = rows.flatMap(({ reward }) => reward ?? []);
  const judged = rows.map(isRight).filter((right) => right !== null);
  const right = judged.filter(Boolean).length;
  const mean = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
  const figures = [
    ...(judged.length > 0 ? [t('{0} of {1} right', right, judged.length)] : []),
    ...(rewards.length > 0 ? [t('mean reward {0}', short(mean))] : [t('not scored')]),
  ];
  return `${many}: ${figures.join(', ')}.`;
}
