import { t } from '@vscode/l10n';
import { z } from 'zod';
import { codeOf } from '../../run/files.ts';
import { runProgram } from './program.ts';

/** The GPUs of this computer, as `nvidia-smi` tells. */
export interface Gpu {
  index: number;
  uuid: string;
  name: string;
  /** MiB; null where the driver doesn't say. */
  usedMib: number | null;
  totalMib: number | null;
  /** Percent of the time that it was busy; null where the driver doesn't say. */
  busyPercent: number | null;
}

const fields = 'index,uuid,name,memory.used,memory.total,utilization.gpu';
const index = z.coerce.number().int().nonnegative();

/** `nvidia-smi --query-gpu=… --format=csv,noheader,nounits`; lines that are none of it are left out. */
export function parseGpus(csv: string): Gpu[] {
  return csv.split('\n').flatMap((line): Gpu[] => {
    const cells = line.split(',').map((cell) => cell.trim());
    const [first, uuid = '', ...rest] = cells;
    // A name may hold a comma; what follows it is numbers.
    const [used, total, busy] = rest.splice(-3);
    const name = rest.join(', ');
    const number = index.safeParse(first === '' ? undefined : first);
    if (!number.success || busy === undefined || name === '') return [];
    return [
      {
        index: number.data,
        uuid,
        name,
        usedMib: amount(used),
        totalMib: amount(total),
        busyPercent: amount(busy),
      },
    ];
  });
}

/** `[N/A]` and `[Not Supported]` are what some cards say. */
function amount(cell: string | undefined): number | null {
  return cell !== undefined && /^\d+(\.\d+)?$/.test(cell) ? Number(cell) : null;
}

/**
 * None where `nvidia-smi` has nothing to tell; null where there is no `nvidia-smi` at all. Rejects
 * only when cancelled.
 */
export async function askGpus(signal?: AbortSignal): Promise<Gpu[] | null> {
  const args = [`--query-gpu=${fields}`, '--format=csv,noheader,nounits'];
  const options = { timeoutMs: 5000, ...(signal === undefined ? {} : { signal }) };
  try {
    const { code, stdout } = await runProgram('nvidia-smi', args, options);
    return code === 0 ? parseGpus(stdout) : [];
  } catch (error) {
    if (signal?.aborted === true) throw error;
    const isThere = !(error instanceof Error) || codeOf(error.cause) !== 'ENOENT';
    return isThere ? [] : null;
  }
}

/** Those there are, as far as `nvidia-smi` tells. Rejects only when cancelled. */
export const readGpus = async (signal?: AbortSignal): Promise<Gpu[]> =>
  (await askGpus(signal)) ?? [];

/**
 * Those that a process may use.
 *
 * @param visible `CUDA_VISIBLE_DEVICES`: indices, or beginnings of uuids; CUDA reads it up to the
 *   first that it doesn't know
 */
export function visibleGpus(gpus: readonly Gpu[], visible: string | undefined): Gpu[] {
  if (visible === undefined) return [...gpus];
  const chosen: Gpu[] = [];
  for (const word of visible.split(',').map((each) => each.trim())) {
    const gpu = gpus.find((each) =>
      /^\d+$/.test(word) ? each.index === Number(word) : word !== '' && each.uuid.startsWith(word),
    );
    if (gpu === undefined) break;
    if (!chosen.includes(gpu)) chosen.push(gpu);
  }
  return chosen;
}

/** `GPU 0, NVIDIA H200: 34.1 of 140.4 GiB, 87 % busy`; what the driver doesn't say is left out. */
export function gpuLine({ index: number, name, usedMib, totalMib, busyPercent }: Gpu): string {
  const gib = (mib: number) => (mib / 1024).toFixed(1);
  const parts = [
    ...(usedMib === null || totalMib === null
      ? []
      : [t('{0} of {1} GiB', gib(usedMib), gib(totalMib))]),
    ...(busyPercent === null ? [] : [t('{0} % busy', busyPercent)]),
  ];
  const title = t('GPU {0}, {1}', number, name);
  return parts.length === 0 ? title : `${title}: ${parts.join(', ')}`;
}
