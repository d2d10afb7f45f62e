import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { t } from '@vscode/l10n';
import { PlainError, messageOf } from '../common/errors.ts';
import { isActive } from '../run/alive.ts';
import { EventLog } from '../run/event-log.ts';
import { codeOf, eventsPath, manifestPath } from '../run/files.ts';
import { readManifest } from '../run/manifest-file.ts';
import type { Manifest } from '../run/model/manifest.ts';
import { StatusWatch, sameStatus, statedStatus } from '../run/status.ts';
import type { RunStatus, StepRecord } from '../run/store.ts';

/** What a list says about a run: the small part of a run directory, read without its rollouts. */
export type RunCard =
  | ReadableRun
  /** There is a `run.json`, but not one that can be read. */
  | { kind: 'unreadable'; directory: string; name: string; message: string; next: string };

export interface ReadableRun {
  kind: 'run';
  directory: string;
  manifest: Manifest;
  status: RunStatus;
  /** The last finished step; null before the first. */
  latest: StepRecord | null;
  /** The newest evaluation of held-out prompts; null before the first. */
  evaluation: StepRecord | null;
}

/** Keeps the card of one run directory up to date; reads only what changed since. */
export class RunEntry {
  readonly directory: string;
  readonly #statusWatch = new StatusWatch();
  #log: EventLog;
  #seen = '';
  #card: RunCard | null = null;

  constructor(directory: string) {
    this.directory = directory;
    this.#log = new EventLog(directory);
  }

  /** Null until the first refresh, and where there is no run (any more). */
  get card(): RunCard | null {
    return this.#card;
  }

  /** Looks at the directory; whether the card changed. Never rejects. */
  async refresh(): Promise<boolean> {
    const before = this.#card;
    try {
      this.#card = await this.#read();
    } catch (error) {
      this.#card = codeOf(error) === 'ENOENT' ? null : this.#unreadable(error);
      this.#seen = '';
    }
    return before !== this.#card;
  }

  async #read(): Promise<RunCard> {
    const path = manifestPath(this.directory);
    const written = await stat(path);
    const events = await stat(eventsPath(this.directory)).catch(() => null);
    const seen = [written.mtimeMs, written.size, events?.mtimeMs, events?.size].join(' ');
    const known = this.#card?.kind === 'run' ? this.#card : null;
    const unchanged = known !== null && seen === this.#seen;
    if (unchanged && !isActive(known.manifest)) return known;

    const manifest = unchanged ? known.manifest : await readManifest(this.directory);
    if (!unchanged) await this.#readLog();
    const again = (): Promise<Manifest> => readManifest(this.directory);
    const crash = await this.#statusWatch.crashed(manifest, written.mtimeMs, again);
    const status = crash ?? statedStatus(manifest, this.#log.failure);
    this.#seen = seen;
    if (unchanged && sameStatus(known.status, status)) return known;
    return {
      kind: 'run',
      directory: this.directory,
      manifest,
      status,
      latest: this.#log.steps.at(-1) ?? null,
      evaluation: this.#log.evaluations.at(-1) ?? null,
    };
  }

  async #readLog(): Promise<void> {
    if ((await this.#log.refresh()) !== 'shrunk') return;
    this.#log = new EventLog(this.directory);
    await this.#log.refresh();
  }

  #unreadable(error: unknown): RunCard {
    const before = this.#card;
    const message = messageOf(error);
    if (before?.kind === 'unreadable' && before.message === message) return before;
    return {
      kind: 'unreadable',
      directory: this.directory,
      name: basename(this.directory),
      message,
      next: error instanceof PlainError ? error.next : t('Check the permissions of the folder.'),
    };
  }
}

/**
 * The name a person knows a run by, fit to be shown: whoever wrote the run chose it, so line
 * breaks, control characters and marks that turn the text around become blanks.
 */
export const nameOf = (card: RunCard): string =>
  (card.kind === 'run' ? card.manifest.name : card.name).replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ').trim();

/** For sorting: newest runs first, what can't be read last. */
export const startOf = (card: RunCard): string =>
  card.kind === 'run' ? card.manifest.started_at : '';
