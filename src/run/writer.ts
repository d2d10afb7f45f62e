import { copyFile, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { t } from '@vscode/l10n';
import { PlainError } from '../common/errors.ts';
import { engineLives, isActive } from './alive.ts';
import { AppendFile, DiskError } from './append.ts';
import { encodeBatch, encodeSchema } from './arrow/encode.ts';
import { RECIPE, codeOf, eventsPath, manifestPath, rolloutsPath } from './files.ts';
import type { Disposable } from './listeners.ts';
import { Listeners } from './listeners.ts';
import { readManifest, removeTemporaries, writeManifest } from './manifest-file.ts';
import type { EventBody } from './model/events.ts';
import { eventBody } from './model/events.ts';
import type { Manifest } from './model/manifest.ts';
import { manifestSchema } from './model/manifest.ts';
import type { SegmentRow } from './model/segment.ts';
import { scanEvents, scanRollouts } from './scan.ts';

/** Where a record lies in its file, in bytes: `[from, to)`. */
export interface Written {
  from: number;
  to: number;
}

/**
 * Writes a run directory: the one process that trains has one of these. All calls may be made at
 * any time; they are carried out one after another, in order. What fails rejects with a
 * `DiskError`, leaves no half record behind, and later calls are tried afresh.
 */
export class RunWriter {
  readonly directory: string;
  readonly #events: AppendFile;
  readonly #rollouts: AppendFile;
  #manifest: Manifest;
  #nextSeq: number;
  #nextSegmentId: number;
  #last: Promise<unknown> = Promise.resolve();
  readonly #listeners = new Listeners<undefined>();

  private constructor(
    directory: string,
    manifest: Manifest,
    files: { events: AppendFile; rollouts: AppendFile },
    next: { seq: number; segmentId: number },
  ) {
    this.directory = directory;
    this.#manifest = manifest;
    this.#events = files.events;
    this.#rollouts = files.rollouts;
    this.#nextSeq = next.seq;
    this.#nextSegmentId = next.segmentId;
  }

  /**
   * Makes a run directory (its parents too). `recipe`: the recipe as it was launched, byte for
   * byte. Rejects with a `DiskError` where there is a run already or nothing can be written.
   */
  static async create(
    directory: string,
    manifest: Manifest,
    recipe: Uint8Array,
  ): Promise<RunWriter> {
    try {
      await mkdir(directory, { recursive: true });
    } catch (cause) {
      throw new DiskError(directory, cause);
    }
    const events = await AppendFile.create(eventsPath(directory));
    let rollouts: AppendFile | undefined;
    try {
      rollouts = await AppendFile.create(rolloutsPath(directory));
      await rollouts.append(encodeSchema());
      await writeFile(join(directory, RECIPE), recipe);
      await writeManifest(directory, manifestSchema.parse(manifest));
      return new RunWriter(directory, manifest, { events, rollouts }, { seq: 0, segmentId: 0 });
    } catch (error) {
      // Half a run would be in the way of the next attempt.
      await removeFile(events);
      if (rollouts) await removeFile(rollouts);
      throw asDiskError(directory, error);
    }
  }

  /**
   * Goes on with a run whose engine is gone. Cuts off a torn last line and a torn last batch; what
   * is damaged in some other way is first copied beside the file. Rejects with a `PlainError`
   * while another process writes the run.
   */
  static async resume(directory: string): Promise<RunWriter> {
    const manifest = await readManifest(directory);
    const written = (await stat(manifestPath(directory))).mtimeMs;
    if (
      isActive(manifest) &&
      manifest.pid !== process.pid &&
      (await engineLives(manifest, written)) === 'yes'
    ) {
      const who = `process ${manifest.pid}`;
      throw new PlainError(
        t('The run in {0} is still being trained by {1}.', directory, who),
        t('Stop it first, or choose another output_dir.'),
      );
    }
    await removeTemporaries(directory);
    const { seq, size } = await scanEvents(directory);
    const rollouts = await scanRollouts(directory);
    if (rollouts.damaged) {
      const path = rolloutsPath(directory);
      await copyFile(path, `${path}.damaged-${Date.now()}`);
    }
    const files = {
      events: await AppendFile.reopen(eventsPath(directory), size),
      rollouts: await AppendFile.reopen(rolloutsPath(directory), rollouts.size),
    };
    if (rollouts.size === 0) await files.rollouts.append(encodeSchema());
    const next = { seq, segmentId: rollouts.segmentId };
    return new RunWriter(directory, manifest, files, next);
  }

  /** `run.json` as it was last written. */
  get manifest(): Manifest {
    return this.#manifest;
  }

  /** Bytes of whole records in both files: what a checkpoint notes to know what came after it. */
  get size(): { events: number; rollouts: number } {
    return { events: this.#events.size, rollouts: this.#rollouts.size };
  }

  /** The smallest segment id that no row has. */
  get nextSegmentId(): number {
    return this.#nextSegmentId;
  }

  /** Calls `listener` after every record and manifest written; a server passes it on. */
  onDidWrite(listener: () => void): Disposable {
    return this.#listeners.add(listener);
  }

  /**
   * Appends one event; adds `seq` and `time`. JSON has no NaN and no infinity: a metric
   * that isn't finite is left out, so an engine that wants it seen says it in a warning.
   */
  event(body: EventBody): Promise<Written> {
    return this.#enqueue(async () => {
      const seq = this.#nextSeq;
      const time = new Date().toISOString();
      const line = { seq, time, ...eventBody.parse(withFiniteMetrics(body)) };
      const bytes = new TextEncoder().encode(`${JSON.stringify(line)}\n`);
      const from = await this.#events.append(bytes);
      this.#nextSeq = seq + 1;
      return { from, to: from + bytes.length };
    });
  }

  /**
   * Appends one batch of segments: a generation round. `probe` rows may name trees of any earlier
   * step. Ids must be `nextSegmentId` or above.
   */
  rollouts(rows: readonly SegmentRow[]): Promise<Written> {
    return this.#enqueue(async () => {
      const ids = new Set(rows.map((row) => row.segment_id));
      const known = rows.find((row) => row.segment_id < this.#nextSegmentId);
      if (known || ids.size < rows.length) {
        throw new Error(`segment ${known?.segment_id ?? 'id'} is there already`);
      }
      const bytes = encodeBatch(rows);
      const from = await this.#rollouts.append(bytes);
      for (const id of ids) this.#nextSegmentId = Math.max(this.#nextSegmentId, id + 1);
      return { from, to: from + bytes.length };
    });
  }

  /** Rewrites `run.json` atomically with some keys changed. */
  updateManifest(patch: Partial<Manifest>): Promise<Manifest> {
    return this.#enqueue(async () => {
      const manifest = manifestSchema.parse({ ...this.#manifest, ...patch });
      try {
        await writeManifest(this.directory, manifest);
      } catch (cause) {
        throw new DiskError(manifestPath(this.directory), cause);
      }
      this.#manifest = manifest;
      return manifest;
    });
  }

  /** Waits until everything so far is on the disk itself, so that a power cut loses none of it. */
  sync(): Promise<void> {
    return this.#enqueue(async () => {
      await this.#events.sync();
      await this.#rollouts.sync();
    });
  }

  /** Finishes what was asked for, syncs and closes the files. */
  async close(): Promise<void> {
    try {
      await this.sync();
    } finally {
      await this.#events.close();
      await this.#rollouts.close();
    }
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(async () => {
      const value = await work();
      this.#listeners.tell(undefined);
      return value;
    });
    this.#last = result.catch(() => undefined);
    return result;
  }
}

function withFiniteMetrics(body: EventBody): EventBody {
  if (!('metrics' in body)) return body;
  const finite = Object.entries(body.metrics).filter(([, value]) => Number.isFinite(value));
  return { ...body, metrics: Object.fromEntries(finite) };
}

async function removeFile(file: AppendFile): Promise<void> {
  await file.close();
  await rm(file.path, { force: true });
}

function asDiskError(directory: string, error: unknown): unknown {
  if (error instanceof PlainError || codeOf(error) === undefined) return error;
  return new DiskError(directory, error);
}
