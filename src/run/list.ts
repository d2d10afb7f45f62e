import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PlainError, messageOf } from '../common/errors.ts';
import type { StepRecord } from './event-log.ts';
import { eventsPath, manifestPath, withFile } from './files.ts';
import { readManifest } from './manifest-file.ts';
import { parseEvent } from './model/events.ts';
import type { Manifest } from './model/manifest.ts';
import type { RunStatus } from './status.ts';
import { StatusWatch, statedStatus } from './status.ts';

/** A run directory found on disk. */
export type RunListing =
  | {
      kind: 'run';
      directory: string;
      manifest: Manifest;
      status: RunStatus;
      /** The latest step on record; null where there is none yet. */
      last_step: StepRecord | null;
    }
  /** It has a `run.json`, but that can't be read. */
  | { kind: 'unreadable'; directory: string; message: string; next: string };

/**
 * The runs directly below `directory`, the latest first. Cheap: reads each manifest and the end of
 * its events. Never rejects: no such folder means no runs, and what is damaged is listed as such.
 */
export async function listRuns(directory: string): Promise<RunListing[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const folders = entries.filter((entry) => entry.isDirectory() || entry.isSymbolicLink());
  const listings = await Promise.all(folders.map(({ name }) => describeRun(join(directory, name))));
  const startOf = (listing: RunListing): string =>
    listing.kind === 'run' ? listing.manifest.started_at : '';
  return listings
    .filter((listing) => listing !== null)
    .sort((a, b) => startOf(b).localeCompare(startOf(a)));
}

/** One folder; null where it holds no run. Never rejects. */
export async function describeRun(directory: string): Promise<RunListing | null> {
  let written: number;
  try {
    written = (await stat(manifestPath(directory))).mtimeMs;
  } catch {
    return null;
  }
  try {
    const manifest = await readManifest(directory);
    const again = (): Promise<Manifest> => readManifest(directory);
    const crash = await new StatusWatch().crashed(manifest, written, again);
    const { last_step, failure } = await readEnd(directory);
    return {
      kind: 'run',
      directory,
      manifest,
      status: crash ?? statedStatus(manifest, failure),
      last_step,
    };
  } catch (error) {
    const next = error instanceof PlainError ? error.next : 'See the log for the reason.';
    return { kind: 'unreadable', directory, message: messageOf(error), next };
  }
}

/** The events at the end of the file tell where the run stands. */
const END = 64 * 1024;

async function readEnd(
  directory: string,
): Promise<{ last_step: StepRecord | null; failure: { message: string; next: string } | null }> {
  const lines = await withFile(eventsPath(directory), async (source) => {
    const size = await source.size();
    const from = Math.max(0, size - END);
    const lines = new TextDecoder().decode(await source.read(from, size - from)).split('\n');
    // The first may have begun before, the last isn't finished.
    return lines.slice(from === 0 ? 0 : 1, -1);
  });
  let last_step: StepRecord | null = null;
  let failure: { message: string; next: string } | null = null;
  for (const line of lines ?? []) {
    try {
      const event = parseEvent(line);
      if (event.type === 'step') {
        last_step = { step: event.step, time: event.time, metrics: event.metrics };
      } else if (event.type === 'run_failed') {
        failure = { message: event.message, next: event.next };
      }
    } catch {
      // The store says which line can't be read; a list only needs the others.
    }
  }
  return { last_step, failure };
}
