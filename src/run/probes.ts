import { copyFile, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { t } from '@vscode/l10n';
import { PlainError } from '../common/errors.ts';
import { AppendFile, DiskError } from './append.ts';
import { encodeBatch, encodeSchema } from './arrow/encode.ts';
import { probeSchema } from './arrow/schema.ts';
import { codeOf, manifestPath, probesPath } from './files.ts';
import { withLock, type Patience } from './lock-file.ts';
import { FIRST_PROBE_ID, LAST_PROBE_ID } from './model/probe.ts';
import type { SegmentRow } from './model/segment.ts';
import { scanProbes } from './scan.ts';

export const PROBES_LOCK = 'probes.lock';

/**
 * Appends probes to `probes.arrows` of a run directory and returns them with the ids they got. Any
 * number of windows may do so at once: they take turns, and each cuts off what another left
 * half-written. The run's engine never touches this file.
 *
 * @param rows whose `segment_id` is of no matter: the ids that are free are given in their order
 * @throws PlainError where the run is gone or nothing can be written; then nothing was
 */
export async function appendProbes(
  directory: string,
  rows: readonly SegmentRow[],
  patience?: Patience,
): Promise<SegmentRow[]> {
  if (rows.some(({ kind, trained }) => kind !== 'probe' || trained)) {
    throw new Error('only probes are kept with the probes');
  }
  await requireRun(directory);
  const path = probesPath(directory);
  try {
    return await withLock(
      join(directory, PROBES_LOCK),
      async (mine) => {
        const { size, segmentId, damaged } = await scanProbes(directory);
        const first = Math.max(segmentId, FIRST_PROBE_ID);
        if (first + rows.length - 1 > LAST_PROBE_ID) throw new Error('no probe id is left');
        const given = rows.map((row, i) => ({ ...row, segment_id: first + i }));
        const batch = encodeBatch(given, probeSchema);
        if (damaged) await copyFile(path, `${path}.damaged-${Date.now()}`);
        if (!(await mine())) throw new Error('another window took the lock away');
        // Schema and rows at once: a file that ends after its schema would be as good as none.
        const bytes = size === 0 ? Buffer.concat([encodeSchema(probeSchema), batch]) : batch;
        await appendSafely(path, size, bytes);
        return given;
      },
      patience,
    );
  } catch (error) {
    await requireRun(directory);
    const told = codeOf(error) === undefined ? error : new DiskError(path, error);
    throw told instanceof DiskError ? adviseOn(told) : told;
  }
}

/** What can't be made to last is taken back: who tries again must not find it there twice. */
async function appendSafely(path: string, size: number, bytes: Uint8Array): Promise<void> {
  const file = await AppendFile.reopen(path, size);
  try {
    await file.append(bytes);
    await file.sync();
  } catch (error) {
    await truncate(path, size).catch(() => undefined);
    throw error;
  } finally {
    await file.close();
  }
}

/** The run is where it is: what to do about its folder is another thing than for a new run's. */
function adviseOn(error: DiskError): PlainError {
  const denied = ['EACCES', 'EPERM', 'EROFS'].includes(error.code ?? '');
  if (!denied) return error;
  const next = t('Change the permissions of the run’s folder, or fork in a copy of it elsewhere.');
  return new PlainError(error.message, next, { cause: error });
}

async function requireRun(directory: string): Promise<void> {
  try {
    await stat(manifestPath(directory));
  } catch (cause) {
    if (codeOf(cause) !== 'ENOENT') throw new DiskError(directory, cause);
    const next = t('There is nothing left to add the continuations to.');
    throw new PlainError(t('The run {0} is gone.', directory), next, { cause });
  }
}
