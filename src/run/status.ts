import { t } from '@vscode/l10n';
import { engineLives, isActive } from './alive.ts';
import type { Manifest } from './model/manifest.ts';

/** What a run is doing, as far as a reader can tell. `message` and `next` are plain sentences. */
export type RunStatus =
  | { kind: 'starting' | 'running' | 'paused' | 'finished' | 'stopped' }
  | { kind: 'failed' | 'crashed'; message: string; next: string };

/** Whether more may still come. */
export const isLive = (status: RunStatus): boolean =>
  status.kind === 'starting' || status.kind === 'running' || status.kind === 'paused';

export const sameStatus = (a: RunStatus, b: RunStatus): boolean =>
  JSON.stringify(a) === JSON.stringify(b);

/** What the manifest alone says; `failure`: what the engine said when it failed. */
export function statedStatus(
  manifest: Manifest,
  failure: { message: string; next: string } | null,
): RunStatus {
  if (manifest.state !== 'failed') return { kind: manifest.state };
  const unsaid = { message: t('The run failed.'), next: t('See its trainer.log.') };
  return { kind: 'failed', ...(failure ?? unsaid) };
}

function crashed(manifest: Manifest): RunStatus {
  return {
    kind: 'crashed',
    message: t('The engine (process {0}) ended without a word.', manifest.pid),
    next: t('All it had written is here. Resume the run, or see its trainer.log.'),
  };
}

/** How often the engine's endpoint is knocked at. */
const KNOCK_EVERY = 3000;

/**
 * Tells a crash from a run that goes on. A process that is gone is believed at once (it can't
 * write any more); one that only stopped listening is believed when it still does a while later.
 */
export class StatusWatch {
  #manifest = '';
  #knocked = -Infinity;
  #silent = false;
  #gone = false;

  /**
   * The crash, or null where there is none. `again` reads the manifest anew: an engine that ended
   * well between our reading of its manifest and our asking for its process has said so there.
   */
  async crashed(
    manifest: Manifest,
    written: number,
    again: () => Promise<Manifest>,
  ): Promise<RunStatus | null> {
    if (!isActive(manifest)) return null;
    const key = `${manifest.pid} ${manifest.state} ${written}`;
    if (key !== this.#manifest) {
      this.#manifest = key;
      this.#knocked = -Infinity;
      this.#silent = false;
      this.#gone = false;
    }
    this.#gone ||= await this.#isGone(manifest, written);
    return this.#gone && isActive(await again()) ? crashed(manifest) : null;
  }

  async #isGone(manifest: Manifest, written: number): Promise<boolean> {
    const knock = Date.now() - this.#knocked >= KNOCK_EVERY;
    const answer = await engineLives(manifest, written, knock);
    if (answer === 'no') return true;
    if (!knock) return false;
    this.#knocked = Date.now();
    const wasSilent = this.#silent;
    this.#silent = answer === 'silent';
    return wasSilent && this.#silent;
  }
}
