import { t } from '@vscode/l10n';
import { nameOf } from '../../launch/run-entry.ts';
import type { RunCard } from '../../launch/run-entry.ts';
import type { RunStatus } from '../../run/store.ts';
import { runContexts } from '../ids.ts';
import { stateName } from './state-name.ts';

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
export const stateOf = (card: RunCard): Kind | 'unreadable' =>
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
  if (card.kind === 'unreadable') return t('can’t be read');
  const reward = rewardOf(card);
  return [
    stepOf(card),
    reward === null ? null : t('reward {0}', reward),
    card.status.kind === 'running' ? null : stateName(card.status.kind),
  ]
    .filter((part) => part !== null)
    .join('  ');
}

/** For screen readers: the whole row in words. */
export function accessibleLabelOf(card: RunCard): string {
  if (card.kind === 'unreadable') return t('{0}, can’t be read. {1}', card.name, card.message);
  const { status, latest, manifest } = card;
  const reward = rewardOf(card);
  return [
    nameOf(card),
    stateName(status.kind),
    t('step {0} of {1}', latest?.step ?? 0, manifest.max_steps),
    ...(reward === null ? [] : [t('reward {0}', reward)]),
    ...('message' in status ? [status.message] : []),
  ].join(', ');
}

/** Name and value, a line each; what a run doesn't have is left out. Values are hostile text. */
export function detailsOf(card: RunCard): (readonly [string, string])[] {
  if (card.kind === 'unreadable') return [[t('Folder'), card.directory]];
  const { manifest, latest, evaluation } = card;
  const metric = (name: string): number | undefined => latest?.metrics[name];
  const percent = (value: number | undefined) =>
    value === undefined ? undefined : `${(100 * value).toFixed(0)}%`;
  const accuracy = evaluation?.metrics['eval/accuracy'];
  const rows: [string, string | undefined][] = [
    [t('Step'), t('{0} of {1}', latest?.step ?? 0, manifest.max_steps)],
    [t('Reward'), metric('reward')?.toFixed(3)],
    [t('Held-out accuracy'), accuracy === undefined ? undefined : percent(accuracy)],
    [t('Truncation rate'), percent(metric('adaptive/truncation_rate'))],
    [t('Generated'), tokens(metric('tokens/generated'))],
    [t('Strategy'), manifest.strategy],
    [t('Model'), manifest.model],
    [t('Seed'), String(manifest.seed)],
    [t('Engine'), `${manifest.engine.name} ${manifest.engine.version}`],
    [t('Started'), new Date(manifest.started_at).toLocaleString()],
    [t('Process'), t('{0} on {1}', manifest.pid, manifest.host)],
    [t('Folder'), card.directory],
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
  return t('{0} tokens', new Intl.NumberFormat('en', { notation: 'compact' }).format(count));
}
