import { nameOf } from '../../launch/run-entry.ts';
import type { RunCard } from '../../launch/run-entry.ts';
import type { RunStatus } from '../../run/store.ts';
import { runContexts } from '../ids.ts';

/** How a run is put into words, for the tree, the status bar and the charts. */

type Kind = RunStatus['kind'];

interface Look {
  /** A codicon and the theme's colour for it. */
  icon: string;
  color: string | null;
  context: string;
}

const looks: Record<Kind, Look> = {
  starting: { icon: 'loading~spin', color: null, context: runContexts.starting },
  running: { icon: 'play-circle', color: 'charts.green', context: runContexts.running },
  paused: { icon: 'debug-pause', color: 'charts.yellow', context: runContexts.paused },
  finished: { icon: 'pass', color: 'charts.green', context: runContexts.ended },
  stopped: { icon: 'stop-circle', color: null, context: runContexts.resumable },
  failed: { icon: 'error', color: 'errorForeground', context: runContexts.resumable },
  crashed: { icon: 'warning', color: 'list.warningForeground', context: runContexts.resumable },
};
const unreadable: Look = { icon: 'question', color: 'errorForeground', context: runContexts.unreadable };

export const lookOf = (card: RunCard): Look =>
  card.kind === 'run' ? looks[card.status.kind] : unreadable;

/** `running`, `crashed`, … */
export const stateOf = (card: RunCard): string =>
  card.kind === 'run' ? card.status.kind : 'unreadable';

/** `0.63`; null before the first finished step. */
export function rewardOf(card: RunCard): string | null {
  const reward = card.kind === 'run' ? card.latest?.metrics.reward : undefined;
  return reward === undefined ? null : reward.toFixed(2);
}

/** `42/200`; '' for what can't be read. */
export const stepOf = (card: RunCard): string =>
  card.kind === 'run' ? `${card.latest?.step ?? 0}/${card.manifest.max_steps}` : '';

/**
 * The name, and where other runs have the same one, when it was started: `adaptive_grpo 16:09`, or
 * with the date where that was another day.
 */
export function labelOf(card: RunCard, all: readonly RunCard[], now = new Date()): string {
  const name = nameOf(card);
  const alone = all.filter((other) => nameOf(other) === name).length <= 1;
  if (alone || card.kind === 'unreadable') return name;
  const started = new Date(card.manifest.started_at);
  const sameDay = started.toDateString() === now.toDateString();
  const time = started.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  const day = started.toLocaleDateString('en', { month: 'short', day: 'numeric' });
  return sameDay ? `${name} ${time}` : `${name} ${day} ${time}`;
}

/** Beside the name: `42/200  reward 0.63  paused`. */
export function descriptionOf(card: RunCard): string {
  if (card.kind === 'unreadable') return 'can’t be read';
  const reward = rewardOf(card);
  return [
    stepOf(card),
    reward === null ? null : `reward ${reward}`,
    card.status.kind === 'running' ? null : card.status.kind,
  ]
    .filter((part) => part !== null)
    .join('  ');
}

/** For screen readers: the whole row in words. */
export function accessibleLabelOf(card: RunCard): string {
  if (card.kind === 'unreadable') return `${card.name}, can’t be read. ${card.message}`;
  const { status, latest, manifest } = card;
  const reward = rewardOf(card);
  return [
    nameOf(card),
    status.kind,
    `step ${latest?.step ?? 0} of ${manifest.max_steps}`,
    ...(reward === null ? [] : [`reward ${reward}`]),
    ...('message' in status ? [status.message] : []),
  ].join(', ');
}

/** Name and value, a line each; what a run doesn't have is left out. Values are hostile text. */
export function detailsOf(card: RunCard): (readonly [string, string])[] {
  if (card.kind === 'unreadable') return [['Folder', card.directory]];
  const { manifest, latest, evaluation } = card;
  const metric = (name: string): number | undefined => latest?.metrics[name];
  const percent = (value: number | undefined) =>
    value === undefined ? undefined : `${(100 * value).toFixed(0)}%`;
  const accuracy = evaluation?.metrics['eval/accuracy'];
  const rows: [string, string | undefined][] = [
    ['Step', `${latest?.step ?? 0} of ${manifest.max_steps}`],
    ['Reward', metric('reward')?.toFixed(3)],
    ['Held-out accuracy', accuracy === undefined ? undefined : percent(accuracy)],
    ['Truncation rate', percent(metric('adaptive/truncation_rate'))],
    ['Generated', tokens(metric('tokens/generated'))],
    ['Strategy', manifest.strategy],
    ['Model', manifest.model],
    ['Seed', String(manifest.seed)],
    ['Engine', `${manifest.engine.name} ${manifest.engine.version}`],
    ['Started', new Date(manifest.started_at).toLocaleString()],
    ['Process', `${manifest.pid} on ${manifest.host}`],
    ['Folder', card.directory],
  ];
  return rows.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
}

/**
 * As it stands, whatever is in it: for tooltips, which are Markdown. (`appendText` would put
 * no-break spaces between words, and lines then break inside them.)
 */
export const escapeMarkdown = (text: string): string =>
  text.replace(/[\r\n]+/gu, ' ').replace(/[\\`*_{}[\]()<>#+\-.!|~&$]/gu, '\\$&');

function tokens(count: number | undefined): string | undefined {
  if (count === undefined) return undefined;
  return `${new Intl.NumberFormat('en', { notation: 'compact' }).format(count)} tokens`;
}
