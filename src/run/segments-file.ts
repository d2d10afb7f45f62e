import type { ByteSource, Frame } from './arrow/frames.ts';
import type { Layout } from './arrow/layout.ts';
import { withFile } from './files.ts';
import type { IndexedBatch } from './rollouts-reader.ts';
import { RolloutsReader } from './rollouts-reader.ts';

/** One file of segments as it grows: `rollouts.arrows` or `probes.arrows`. */
export class SegmentsFile {
  readonly #path: string;
  readonly #reader: RolloutsReader;
  readonly #batches: IndexedBatch[] = [];
  /** Bytes after the last whole batch: what a killed writer left, or a batch being written. */
  tail = 0;

  /** `name`: of the file, for sentences about it. */
  constructor(path: string, name: string) {
    this.#path = path;
    this.#reader = new RolloutsReader(name);
  }

  /** All batches read so far. */
  get batches(): readonly IndexedBatch[] {
    return this.#batches;
  }

  /** Why the rest can't be read, a plain sentence; null while all is well. */
  get problem(): string | null {
    return this.#reader.problem;
  }

  /** What is new, up to `limit` batches; `shrunk` where it is another file by now. */
  async refresh(limit: number): Promise<readonly IndexedBatch[] | 'shrunk'> {
    const read = await withFile(this.#path, async (source) => {
      const size = await source.size();
      if (size < this.#reader.offset) return 'shrunk';
      const batches = await this.#reader.read(source, size, limit);
      this.tail = size - this.#reader.offset;
      return batches;
    });
    if (read === 'shrunk') return read;
    // A file that is gone is another one once it is there again.
    if (read === null) return this.#reader.offset > 0 ? 'shrunk' : [];
    this.#batches.push(...read);
    return read;
  }

  /** Reads one row; null where the file or its schema is gone. */
  async fetch<T>(
    frame: Frame,
    row: number,
    read: (source: ByteSource, layout: Layout, frame: Frame, row: number) => Promise<T>,
  ): Promise<T | null> {
    const { layout } = this.#reader;
    if (!layout) return null;
    return withFile(this.#path, (source) => read(source, layout, frame, row));
  }
}
