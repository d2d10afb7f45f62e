import { t } from '@vscode/l10n';
import { messageOf } from '../common/errors.ts';
import type { ByteSource, Frame } from './arrow/frames.ts';
import { readFrame } from './arrow/frames.ts';
import type { Layout } from './arrow/layout.ts';
import { DamagedError, readSchema } from './arrow/layout.ts';
import { readSummaries } from './arrow/rows.ts';
import { ROLLOUTS } from './files.ts';
import type { SegmentSummary } from './model/segment.ts';

/** Reads a file of segments as it grows: whole batches only, each once. */

/** One batch of the index: where it lies, and what its rows are but for their tokens. */
export interface IndexedBatch {
  frame: Frame;
  segments: readonly SegmentSummary[];
}

export class RolloutsReader {
  /** Bytes of whole messages read so far. */
  offset = 0;
  /** Why nothing after `offset` can be read: a plain sentence; null while all is well. */
  problem: string | null = null;
  readonly #name: string;
  #layout: Layout | null = null;

  /** `name`: of the file, for sentences about it. */
  constructor(name = ROLLOUTS) {
    this.#name = name;
  }

  /** How to read a batch's columns; null before the file's schema was read. */
  get layout(): Layout | null {
    return this.#layout;
  }

  /** Reads up to `limit` batches that are complete and new in the first `size` bytes. */
  async read(source: ByteSource, size: number, limit = Infinity): Promise<IndexedBatch[]> {
    const batches: IndexedBatch[] = [];
    while (this.problem === null && batches.length < limit) {
      try {
        const frame = await readFrame(source, this.offset, size);
        if (!frame) break;
        const batch = await this.#message(source, frame);
        this.offset = frame.end;
        if (batch) batches.push(batch);
      } catch (error) {
        if (!(error instanceof DamagedError) && !(error instanceof RangeError)) throw error;
        this.problem = t(
          "{0} can't be read from byte {1} on: {2}. What lies before it is shown.",
          this.#name,
          this.offset,
          messageOf(error),
        );
      }
    }
    return batches;
  }

  async #message(source: ByteSource, frame: Frame): Promise<IndexedBatch | null> {
    switch (frame.kind) {
      // A writer that closed the stream and went on later: nothing to read, nothing wrong.
      case 'end':
        return null;
      case 'schema':
        if (this.#layout) throw new DamagedError('a second schema begins there');
        this.#layout = readSchema(frame.metadata);
        return null;
      case 'batch': {
        if (!this.#layout) throw new DamagedError('it does not begin with a schema');
        return { frame, segments: await readSummaries(source, this.#layout, frame) };
      }
      case 'other':
        throw new DamagedError('it holds something else than rows');
    }
  }
}
