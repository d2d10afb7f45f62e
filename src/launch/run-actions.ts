import { hostname } from 'node:os';
import { t } from '@vscode/l10n';
import { PlainError } from '../common/errors.ts';
import { RunClient } from '../run/client.ts';
import { codeOf } from '../run/files.ts';
import type { CommandName } from '../run/model/events.ts';
import type { RunStatus } from '../run/store.ts';
import { nameOf } from './run-entry.ts';
import type { RunCard } from './run-entry.ts';

/** What a person can do with a run. `continue`: start its engine again from its newest checkpoint. */
export type RunAction = 'stop' | 'pause' | 'resume' | 'step' | 'checkpoint' | 'continue';

type Kind = RunStatus['kind'];

const possible: Record<RunAction, readonly Kind[]> = {
  stop: ['starting', 'running', 'paused'],
  pause: ['running'],
  resume: ['paused'],
  step: ['running', 'paused'],
  checkpoint: ['running', 'paused'],
  continue: ['stopped', 'failed', 'crashed'],
};

export const can = (card: RunCard, action: RunAction): boolean =>
  card.kind === 'run' && possible[action].includes(card.status.kind);

/** Loopback answers at once; a busy engine may take the rest of a step. */
const CONNECT_MS = 30_000;

/**
 * Sends a command to a live run, whoever started it. Resolves with the engine's sentence when it
 * was applied; rejects with a `PlainError` when it was refused, or could not be delivered.
 */
export async function sendCommand(
  card: RunCard,
  command: CommandName,
  args: Record<string, string | number | boolean | null> = {},
): Promise<string> {
  const endpoint = card.kind === 'run' ? card.manifest.endpoint : null;
  if (endpoint === null) {
    throw new PlainError(
      t('The run {0} takes no commands.', nameOf(card)),
      t('It has ended, or it is about to.'),
    );
  }
  const client = new RunClient({ ...endpoint, mirror: null });
  try {
    await connected(client);
    const { outcome, message } = await client.command(command, args, patienceOf(command));
    if (outcome === 'applied') return message;
    const next =
      outcome === 'refused'
        ? ''
        : t('It may or may not have taken effect: look at the run’s state.');
    throw new PlainError(message, next);
  } finally {
    client.dispose();
  }
}

/**
 * A command takes effect at the next safe point: after a step, which takes minutes where the model is
 * large. An engine that doesn't stop in a minute may hang, and its process can be ended instead.
 */
const patienceOf = (command: CommandName): number => (command === 'stop' ? 60_000 : 10 * 60_000);

function connected(client: RunClient): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (message: string, next: string) => {
      clearTimeout(timer);
      reject(new PlainError(message, next));
    };
    const timer = setTimeout(() => {
      const seconds = CONNECT_MS / 1000;
      fail(t('The engine can’t be reached for {0} s.', seconds), t('Look at the run’s log.'));
    }, CONNECT_MS);
    client.onDidChangeState((state) => {
      if (state.kind === 'connected') {
        clearTimeout(timer);
        resolve();
      } else if (state.kind === 'refused') fail(state.message, state.next);
      else if (state.kind === 'ended') fail(t('The run has ended.'), '');
    });
  });
}

/** Whether the engine's process can be ended by force from here. */
export const isHere = (card: RunCard): boolean =>
  card.kind === 'run' && card.manifest.host === hostname();

/** Ends an engine that doesn't answer. What it has written stays; the run shows as crashed. */
export function killEngine(card: RunCard): void {
  if (card.kind !== 'run' || !isHere(card)) return;
  try {
    process.kill(card.manifest.pid, 'SIGKILL');
  } catch (error) {
    // Gone already, which is what was asked for.
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}
