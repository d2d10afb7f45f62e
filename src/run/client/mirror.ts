import { mkdir } from 'node:fs/promises';
import { t } from '@vscode/l10n';
import { PlainError } from '../../common/errors.ts';
import { AppendFile, DiskError } from '../append.ts';
import { codeOf, eventsPath, rolloutsPath } from '../files.ts';
import { readManifest, writeManifest } from '../manifest-file.ts';
import type { Manifest } from '../model/manifest.ts';
import { scanEvents, scanRollouts } from '../scan.ts';

/**
 * A local copy of a run directory that somebody else writes: the same bytes in both files. It is
 * read by the same store as any run.
 */
export class Mirror {
  readonly directory: string;
  readonly #events: AppendFile;
  readonly #rollouts: AppendFile;
  /** The run whose bytes these are; null while there are none. */
  #runId: string | null;

  private constructor(
    directory: string,
    files: { events: AppendFile; rollouts: AppendFile },
    runId: string | null,
  ) {
    this.directory = directory;
    this.#events = files.events;
    this.#rollouts = files.rollouts;
    this.#runId = runId;
  }

  /** Opens or makes a mirror, and cuts off records that were not written to their end. */
  static async open(directory: string): Promise<Mirror> {
    try {
      await mkdir(directory, { recursive: true });
    } catch (cause) {
      throw new DiskError(directory, cause);
    }
    const runId = await runIdOf(directory);
    const { size } = await scanEvents(directory);
    const rollouts = await scanRollouts(directory);
    const events = await AppendFile.reopen(eventsPath(directory), size);
    try {
      const file = await AppendFile.reopen(rolloutsPath(directory), rollouts.size);
      return new Mirror(directory, { events, rollouts: file }, runId);
    } catch (error) {
      await events.close();
      throw error;
    }
  }

  get offsets(): { events: number; rollouts: number } {
    return { events: this.#events.size, rollouts: this.#rollouts.size };
  }

  /** Takes the source's manifest; throws a `PlainError` where it is another run's. */
  async manifest(manifest: Manifest): Promise<void> {
    if (this.#runId !== null && this.#runId !== manifest.run_id) {
      throw new PlainError(
        t(
          '{0} holds run {1}, but the engine trains {2}.',
          this.directory,
          this.#runId,
          manifest.run_id,
        ),
        t('Choose another folder for it.'),
      );
    }
    await writeManifest(this.directory, { ...manifest, endpoint: null });
    this.#runId = manifest.run_id;
  }

  /** Whole lines that begin at byte `offset` of the source; throws where they don't fit on. */
  async events(offset: number, bytes: Uint8Array): Promise<void> {
    await this.#append(this.#events, offset, bytes);
  }

  /** A whole Arrow message that begins at byte `offset` of the source. */
  async rollouts(offset: number, bytes: Uint8Array): Promise<void> {
    await this.#append(this.#rollouts, offset, bytes);
  }

  async #append(file: AppendFile, offset: number, bytes: Uint8Array): Promise<void> {
    if (this.#runId === null) throw new Error('data came before the manifest');
    if (offset !== file.size) throw new Error(`got byte ${offset} instead of ${file.size}`);
    await file.append(bytes);
  }

  async close(): Promise<void> {
    await this.#events.close();
    await this.#rollouts.close();
  }
}

async function runIdOf(directory: string): Promise<string | null> {
  try {
    return (await readManifest(directory)).run_id;
  } catch (error) {
    if (error instanceof PlainError && codeOf(error.cause) === 'ENOENT') return null;
    throw error;
  }
}
