import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ByteSource } from './arrow/frames.ts';

/** The files of a run directory, and reading them at any place. */

export const MANIFEST = 'run.json';
export const RECIPE = 'recipe.yaml';
export const EVENTS = 'events.jsonl';
export const ROLLOUTS = 'rollouts.arrows';
export const PROBES = 'probes.arrows';
export const LOG = 'trainer.log';

export const manifestPath = (directory: string): string => join(directory, MANIFEST);
export const eventsPath = (directory: string): string => join(directory, EVENTS);
export const rolloutsPath = (directory: string): string => join(directory, ROLLOUTS);
export const probesPath = (directory: string): string => join(directory, PROBES);

/** The `code` of a system error, e.g. `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

const ATTEMPTS = 20;

/**
 * Tries again for about two seconds. On Windows a file that is being replaced can't be opened, and
 * one that somebody (a viewer, a virus scanner) has open can't be replaced, for a moment.
 */
export async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const busy = ['EPERM', 'EACCES', 'EBUSY'].includes(codeOf(error) ?? '');
      if (!busy || process.platform !== 'win32' || attempt === ATTEMPTS) throw error;
      await sleep(attempt * 10);
    }
  }
}

/**
 * Opens `path` for the time of `use`; null where there is no such file (yet). No handle stays open
 * between two looks, so that watching never keeps anybody from moving or removing a run.
 */
export async function withFile<T>(
  path: string,
  use: (source: FileSource) => Promise<T>,
): Promise<T | null> {
  const source = await FileSource.open(path);
  if (!source) return null;
  try {
    return await use(source);
  } finally {
    await source.close();
  }
}

/** A file that is only read, at any place, while others append to it. */
export class FileSource implements ByteSource {
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Null where there is no such file (yet). */
  static async open(path: string): Promise<FileSource | null> {
    try {
      return new FileSource(await open(path, 'r'));
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return null;
      throw error;
    }
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await this.#handle.read(bytes, done, length - done, offset + done);
      if (bytesRead === 0) throw new Error(`the file ends before byte ${offset + length}`);
      done += bytesRead;
    }
    return bytes;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
