import { copyFile, stat } from 'node:fs/promises';
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
        const file = await AppendFile.reopen(path, size);
        try {
          // Schema and rows at once: a file that ends after its schema would be as good as none.
          await file.append(size === 0 ? Buffer.concat([encodeSchema(probeSchema), batch]) : batch);
          await file.sync();
        } finally {
          await file.close();
        }
        return given;
      },
      patience,
    );
  } catch (error) {
    await requireRun(directory);
    if (error instanceof PlainError || codeOf(error) === undefined) throw error;
    throw new DiskError(path, error);
  }
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
