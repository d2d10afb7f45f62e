import { t } from '@vscode/l10n';
import { PlainError, messageOf } from '../common/errors.ts';
import type { ByteSource, Frame } from './arrow/frames.ts';
import type { Layout } from './arrow/layout.ts';
import type { TokenValue } from './arrow/rows.ts';
import { readTokenValue, readTokens } from './arrow/rows.ts';
import { PROBES, ROLLOUTS, probesPath, rolloutsPath } from './files.ts';
import { Groups } from './groups.ts';
import { FIRST_PROBE_ID } from './model/probe.ts';
import type { SegmentSummary, SegmentTokens } from './model/segment.ts';
import type { IndexedBatch } from './rollouts-reader.ts';
import { SegmentsFile } from './segments-file.ts';

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

/** A row and where it lies. */
interface Row {
  segment: SegmentSummary;
  file: SegmentsFile;
  frame: Frame;
  row: number;
}

const rowsOf = (file: SegmentsFile, { frame, segments }: IndexedBatch): Row[] =>
  segments.map((segment, row) => ({ segment, file, frame, row }));

/**
 * What `rollouts.arrows` and `probes.arrows` hold: summaries in memory, values per token on
 * demand. A probe shows once the segment it forks from does; one whose parent was superseded
 * stays hidden with it.
 */
export class RolloutIndex {
  readonly #rollouts: SegmentsFile;
  readonly #probes: SegmentsFile;
  #superseded: Ranges = [];
  #groups = new Groups();
  #places = new Map<number, Row>();
  /** Probes whose parent doesn't show (yet). */
  #waiting: Row[] = [];
  #problem: string | null = null;

  constructor(directory: string) {
    this.#rollouts = new SegmentsFile(rolloutsPath(directory), ROLLOUTS);
    this.#probes = new SegmentsFile(probesPath(directory), PROBES);
  }

  get groups(): Groups {
    return this.#groups;
  }

  /** Why something of the files can't be read, plain sentences. */
  get problems(): readonly string[] {
    const found = [this.#rollouts.problem ?? this.#problem, this.#probes.problem];
    return found.filter((each) => each !== null);
  }

  /** Bytes after the last whole batch of the files that are well up to there. */
  get tails(): readonly { file: string; bytes: number }[] {
    const tail = (file: string, { problem, tail: bytes }: SegmentsFile) =>
      problem === null ? [{ file, bytes }] : [];
    return [...tail(ROLLOUTS, this.#rollouts), ...tail(PROBES, this.#probes)];
  }

  /** Reads what is new, up to `limit` batches; `shrunk` where a file is another one by now. */
  async refresh(superseded: Ranges, limit: number): Promise<IndexChange | 'shrunk'> {
    const batches = await this.#rollouts.refresh(limit);
    if (batches === 'shrunk') return batches;
    const more = batches.length === limit;
    const probes = more ? [] : await this.#probes.refresh(Infinity);
    if (probes === 'shrunk') return probes;
    if (superseded.length !== this.#superseded.length) {
      this.#superseded = superseded;
      this.#groups = new Groups();
      this.#places.clear();
      this.#waiting = this.#probes.batches.flatMap((batch) => rowsOf(this.#probes, batch));
      for (const batch of this.#rollouts.batches) this.#show(batch);
      this.#join();
      return { groups: 'all', more };
    }
    this.#waiting.push(...probes.flatMap((batch) => rowsOf(this.#probes, batch)));
    const shown = batches.flatMap((batch) => this.#show(batch));
    const grown = new Map<string, { step: number; prompt_id: string }>();
    for (const { step, prompt_id } of [...shown, ...this.#join()]) {
      grown.set(Groups.key(step, prompt_id), { step, prompt_id });
    }
    return { groups: [...grown.values()], more };
  }

  #show(batch: IndexedBatch): readonly SegmentSummary[] {
    if (hidden(this.#superseded, batch)) return [];
    return this.#add(rowsOf(this.#rollouts, batch));
  }

  #add(rows: readonly Row[]): readonly SegmentSummary[] {
    const fresh: SegmentSummary[] = [];
    for (const row of rows) {
      const { segment, frame, file } = row;
      if (this.#places.has(segment.segment_id)) {
        this.#problem ??= t(
          '{0} has segment {1} twice (again in the batch at byte {2}); the first one is shown.',
          file === this.#probes ? PROBES : ROLLOUTS,
          segment.segment_id,
          frame.offset,
        );
        continue;
      }
      this.#places.set(segment.segment_id, row);
      fresh.push(segment);
    }
    this.#groups.add(fresh);
    return fresh;
  }

  /** Adds the probes whose parents show by now; a probe's parent may be another probe. */
  #join(): readonly SegmentSummary[] {
    const joined: SegmentSummary[] = [];
    const waiting: Row[] = [];
    for (const row of this.#waiting) {
      const { segment } = row;
      if (segment.kind !== 'probe' || segment.segment_id < FIRST_PROBE_ID) {
        this.#problem ??= t(
          '{0} holds segment {1}, which is no probe; it is left out.',
          PROBES,
          segment.segment_id,
        );
      } else if (this.#parentShows(segment)) joined.push(...this.#add([row]));
      else waiting.push(row);
    }
    this.#waiting = waiting;
    return joined;
  }

  /** Whether the parent is part of the same tree. */
  #parentShows({ parent_id, step, prompt_id }: SegmentSummary): boolean {
    const parent = parent_id === null ? undefined : this.#places.get(parent_id)?.segment;
    return parent?.step === step && parent.prompt_id === prompt_id;
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
    if (!place) {
      throw new PlainError(
        t('There is no segment {0} in this run.', segmentId),
        t('Choose another row.'),
      );
    }
    const next = t('The file may be damaged or gone; see the log.');
    try {
      const value = await place.file.fetch(place.frame, place.row, read);
      if (value !== null) return value;
    } catch (cause) {
      const why = messageOf(cause);
      throw new PlainError(
        t("The tokens of segment {0} can't be read: {1}.", segmentId, why),
        next,
        {
          cause,
        },
      );
    }
    const name = place.file === this.#probes ? PROBES : ROLLOUTS;
    throw new PlainError(t('{0} is gone.', name), next);
  }
}
