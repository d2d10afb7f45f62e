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
  const unsaid = { message: 'The run failed.', next: 'See its trainer.log.' };
  return { kind: 'failed', ...(failure ?? unsaid) };
}

function crashed(manifest: Manifest): RunStatus {
  return {
    kind: 'crashed',
    message: `The engine (process ${manifest.pid}) ended without a word.`,
    next: 'All it had written is here. Resume the run, or see its trainer.log.',
  };
}

/** How often the engine's endpoint is knocked at; asking for a process is free. */
const KNOCK_EVERY = 3000;

/**
 * Tells a crash from a run that goes on. A process that is gone is believed at once (it can't
 * write any more); one that only stopped listening is believed when it still does a while later.
 */
export class StatusWatch {
  #checked = { manifest: '', at: -Infinity, lives: true, silent: false };

  /**
   * `again` reads the manifest anew: an engine that ended well between our reading of its manifest
   * and our asking for its process has said so there.
   */
  async crashed(
    manifest: Manifest,
    written: number,
    again: () => Promise<Manifest>,
  ): Promise<RunStatus | null> {
    if (!isActive(manifest)) return null;
    const key = `${manifest.pid} ${manifest.state} ${written}`;
    const known = this.#checked.manifest === key ? this.#checked : null;
    if (known && Date.now() - known.at < KNOCK_EVERY) return known.lives ? null : crashed(manifest);
    const answer = await engineLives(manifest, written);
    const silent = answer === 'silent';
    const gone = answer === 'no' || (silent && known?.silent === true);
    const lives = !gone || !isActive(await again());
    this.#checked = { manifest: key, at: Date.now(), lives, silent };
    return lives ? null : crashed(manifest);
  }
}
