import { t } from '@vscode/l10n';
import { PlainError, messageOf } from '../common/errors.ts';
import { EventsReader } from './events-reader.ts';
import type { FileSource } from './files.ts';
import { PROBES, ROLLOUTS, eventsPath, probesPath, rolloutsPath, withFile } from './files.ts';
import { RolloutsReader } from './rollouts-reader.ts';

/** Where the whole records of a run directory's files end: what a writer may go on from. */

async function scan<T>(path: string, read: (source: FileSource) => Promise<T>): Promise<T | null> {
  try {
    return await withFile(path, read);
  } catch (cause) {
    const next = t('Check the disk and the permissions.');
    throw new PlainError(t("{0} can't be read: {1}.", path, messageOf(cause)), next, { cause });
  }
}

/** Bytes of whole lines in `events.jsonl`, and the number the next event gets. */
export async function scanEvents(directory: string): Promise<{ seq: number; size: number }> {
  const found = await scan(eventsPath(directory), async (source) => {
    const reader = new EventsReader();
    await reader.read(source, await source.size());
    return { seq: reader.nextSeq, size: reader.offset };
  });
  return found ?? { seq: 0, size: 0 };
}

/** Bytes of whole messages, and the first free segment id. */
interface ScannedSegments {
  size: number;
  segmentId: number;
  /** What follows the whole messages is not just the beginning of another one. */
  damaged: boolean;
}

export const scanRollouts = (directory: string): Promise<ScannedSegments> =>
  scanSegments(rolloutsPath(directory), ROLLOUTS);

export const scanProbes = (directory: string): Promise<ScannedSegments> =>
  scanSegments(probesPath(directory), PROBES);

async function scanSegments(path: string, name: string): Promise<ScannedSegments> {
  const found = await scan(path, async (source) => {
    const reader = new RolloutsReader(name);
    const batches = await reader.read(source, await source.size());
    const ids = batches.flatMap((batch) => batch.segments.map((segment) => segment.segment_id));
    const segmentId = ids.reduce((next, id) => Math.max(next, id + 1), 0);
    return { size: reader.offset, segmentId, damaged: reader.problem !== null };
  });
  return found ?? { size: 0, segmentId: 0, damaged: false };
}
