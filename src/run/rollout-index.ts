import { PlainError, messageOf } from '../common/errors.ts';
import type { ByteSource, Frame } from './arrow/frames.ts';
import type { Layout } from './arrow/layout.ts';
import type { TokenValue } from './arrow/rows.ts';
import { readTokenValue, readTokens } from './arrow/rows.ts';
import { rolloutsPath, withFile } from './files.ts';
import { Groups } from './groups.ts';
import type { SegmentSummary, SegmentTokens } from './model/segment.ts';
import type { IndexedBatch } from './rollouts-reader.ts';
import { RolloutsReader } from './rollouts-reader.ts';

type Ranges = readonly (readonly [number, number])[];

const hidden = (ranges: Ranges, batch: IndexedBatch): boolean =>
  ranges.some(([from, to]) => batch.frame.offset >= from && batch.frame.offset < to);

/** Trees that grew, or `all` where some rows are no longer to be seen. */
export type GroupChange = 'all' | readonly { step: number; prompt_id: string }[];

/** What is new since the last look; `more`: there was more than could be read at once. */
export interface IndexChange {
  groups: GroupChange;
  more: boolean;
}

/** What `rollouts.arrows` holds: summaries in memory, values per token on demand. */
export class RolloutIndex {
  readonly #path: string;
  readonly #reader = new RolloutsReader();
  #batches: IndexedBatch[] = [];
  #superseded: Ranges = [];
  #groups = new Groups();
  #places = new Map<number, { frame: Frame; row: number }>();
  #problem: string | null = null;

  constructor(directory: string) {
    this.#path = rolloutsPath(directory);
  }

  get groups(): Groups {
    return this.#groups;
  }

  /** Why the rest of the file can't be read, a plain sentence; null while all is well. */
  get problem(): string | null {
    return this.#reader.problem ?? this.#problem;
  }

  /** Bytes after the last whole batch: what a killed engine left, or a batch being written. */
  tail = 0;

  /** Reads what is new, up to `limit` batches; `shrunk` where the file is another one by now. */
  async refresh(superseded: Ranges, limit: number): Promise<IndexChange | 'shrunk'> {
    const read = await withFile(this.#path, async (source) => {
      const size = await source.size();
      if (size < this.#reader.offset) return 'shrunk';
      const batches = await this.#reader.read(source, size, limit);
      this.tail = size - this.#reader.offset;
      return batches;
    });
    if (read === 'shrunk') return read;
    const batches = read ?? [];
    this.#batches.push(...batches);
    const more = batches.length === limit;
    if (superseded.length !== this.#superseded.length) {
      this.#superseded = superseded;
      this.#groups = new Groups();
      this.#places.clear();
      for (const batch of this.#batches) this.#show(batch);
      return { groups: 'all', more };
    }
    const shown = batches.filter((batch) => this.#show(batch));
    const grown = new Map<string, { step: number; prompt_id: string }>();
    for (const { step, prompt_id } of shown.flatMap((batch) => batch.segments)) {
      grown.set(Groups.key(step, prompt_id), { step, prompt_id });
    }
    return { groups: [...grown.values()], more };
  }

  #show(batch: IndexedBatch): boolean {
    if (hidden(this.#superseded, batch)) return false;
    const fresh: SegmentSummary[] = [];
    batch.segments.forEach((segment, row) => {
      if (this.#places.has(segment.segment_id)) {
        this.#problem ??=
          `rollouts.arrows has segment ${segment.segment_id} twice (again in the batch at byte ` +
          `${batch.frame.offset}); the first one is shown.`;
        return;
      }
      this.#places.set(segment.segment_id, { frame: batch.frame, row });
      fresh.push(segment);
    });
    this.#groups.add(fresh);
    return true;
  }

  /** All values per token of a segment; rejects with a `PlainError`. */
  tokens(segmentId: number): Promise<SegmentTokens> {
    return this.#fetch(segmentId, readTokens);
  }

  /** One value a token of a segment, for its strip; rejects with a `PlainError`. */
  values(segmentId: number, name: TokenValue): Promise<Float32Array> {
    return this.#fetch(segmentId, (source, layout, frame, row) =>
      readTokenValue(source, layout, frame, row, name),
    );
  }

  async #fetch<T>(
    segmentId: number,
    read: (source: ByteSource, layout: Layout, frame: Frame, row: number) => Promise<T>,
  ): Promise<T> {
    const place = this.#places.get(segmentId);
    const layout = this.#reader.layout;
    if (!place || !layout) {
      throw new PlainError(`There is no segment ${segmentId} in this run.`, 'Choose another row.');
    }
    const next = 'The file may be damaged or gone; see the log.';
    try {
      const value = await withFile(this.#path, (source) =>
        read(source, layout, place.frame, place.row),
      );
      if (value !== null) return value;
    } catch (cause) {
      const why = messageOf(cause);
      throw new PlainError(`The tokens of segment ${segmentId} can't be read: ${why}.`, next, {
        cause,
      });
    }
    throw new PlainError(`rollouts.arrows is gone.`, next);
  }
}
