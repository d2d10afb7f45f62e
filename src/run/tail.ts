import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Follower } from './follow.ts';
import { codeOf } from './files.ts';
import type { Disposable } from './listeners.ts';

/** Of a longer file, only the end is of interest. */
const MOST = 1_000_000;
const POLL_MS = 1000;
const REST_MS = 150;

/**
 * Tells what a text file holds and what comes to it. A file that isn't there yet, or no longer, is
 * waited for; one that became shorter is told from its beginning.
 */
export class FileTail implements Disposable {
  readonly #path: string;
  readonly #tell: (text: string) => void;
  readonly #follower: Follower;
  #decoder = new TextDecoder();
  #offset: number | null = null;
  #disposed = false;

  constructor(path: string, tell: (text: string) => void) {
    this.#path = path;
    this.#tell = tell;
    this.#follower = new Follower(dirname(path), {
      look: () => this.#look(),
      everyMs: () => POLL_MS,
      restMs: REST_MS,
    });
    this.#follower.now();
  }

  dispose(): void {
    this.#disposed = true;
    this.#follower.dispose();
  }

  async #look(): Promise<void> {
    try {
      const bytes = await this.#read();
      if (bytes.length === 0 || this.#disposed) return;
      this.#tell(this.#decoder.decode(bytes, { stream: true }));
    } catch (error) {
      // It is not there, or can't be read just now: the next look tells.
      if (codeOf(error) === undefined) throw error;
    }
  }

  async #read(): Promise<Uint8Array> {
    const file = await open(this.#path, 'r');
    try {
      const { size } = await file.stat();
      this.#offset ??= Math.max(0, size - MOST);
      if (size < this.#offset) {
        this.#offset = 0;
        this.#decoder = new TextDecoder();
      }
      const buffer = new Uint8Array(Math.min(size - this.#offset, MOST));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, this.#offset);
      this.#offset += bytesRead;
      if (this.#offset < size) this.#follower.now();
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }
}
