import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { t } from '@vscode/l10n';
import { PlainError } from '../common/errors.ts';
import { codeOf } from './files.ts';

/** What went wrong while a run directory was written. Nothing half-written is left behind. */
export class DiskError extends PlainError {
  /** The system's code, e.g. `ENOSPC`. */
  readonly code: string | undefined;

  constructor(path: string, cause: unknown) {
    const code = codeOf(cause);
    const { message, next } = explanation(code, path);
    super(message, next, { cause });
    this.name = 'DiskError';
    this.code = code;
  }
}

function explanation(code: string | undefined, path: string): { message: string; next: string } {
  switch (code) {
    case 'ENOSPC':
      return {
        message: t('The disk is full: {0} could not be written.', path),
        next: t('Free some space and try again.'),
      };
    case 'EDQUOT':
      return {
        message: t('The disk quota is used up: {0} could not be written.', path),
        next: t('Free some space.'),
      };
    case 'EACCES':
    case 'EPERM':
      return {
        message: t('{0} may not be written.', path),
        next: t('Choose another output_dir, or change the permissions of this one.'),
      };
    case 'EROFS':
      return {
        message: t('{0} lies on a read-only file system.', path),
        next: t('Choose another output_dir.'),
      };
    case 'EEXIST':
      return {
        message: t('{0} is there already.', path),
        next: t('Choose another output_dir, or resume that run.'),
      };
    default:
      return {
        message: t("{0} can't be written.", path),
        next: t('See the log for the reason.'),
      };
  }
}

/**
 * A file that only grows, by whole records. A record is all there or not at all: what a failed
 * write left behind is cut off before anything else is written.
 */
export class AppendFile {
  readonly path: string;
  readonly #handle: FileHandle;
  #size: number;
  /** A failed write may have left bytes behind `#size`. */
  #torn = false;

  private constructor(path: string, handle: FileHandle, size: number) {
    this.path = path;
    this.#handle = handle;
    this.#size = size;
  }

  /** Makes a new, empty file; rejects with a `DiskError` where there is one already. */
  static async create(path: string): Promise<AppendFile> {
    try {
      return new AppendFile(path, await open(path, 'wx'), 0);
    } catch (cause) {
      throw new DiskError(path, cause);
    }
  }

  /** Opens a file (made where it is missing) and cuts it off after its first `size` bytes. */
  static async reopen(path: string, size: number): Promise<AppendFile> {
    try {
      const handle = await open(path, constants.O_RDWR | constants.O_CREAT);
      try {
        await handle.truncate(size);
      } catch (error) {
        await handle.close();
        throw error;
      }
      return new AppendFile(path, handle, size);
    } catch (cause) {
      throw new DiskError(path, cause);
    }
  }

  /** Bytes of whole records. */
  get size(): number {
    return this.#size;
  }

  /** Appends one record and says where it begins. Not to be called again before it settles. */
  async append(bytes: Uint8Array): Promise<number> {
    const offset = this.#size;
    try {
      if (this.#torn) await this.#handle.truncate(offset);
      this.#torn = true;
      let done = 0;
      while (done < bytes.length) {
        const length = bytes.length - done;
        done += (await this.#handle.write(bytes, done, length, offset + done)).bytesWritten;
      }
      this.#torn = false;
      this.#size = offset + bytes.length;
      return offset;
    } catch (cause) {
      await this.#handle.truncate(offset).then(
        () => (this.#torn = false),
        () => undefined,
      );
      throw new DiskError(this.path, cause);
    }
  }

  async sync(): Promise<void> {
    await this.#handle.sync();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
