import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { PlainError } from '../../src/common/errors.ts';
import type { Pair, SideId } from '../../src/compare/pair.ts';
import { engineLives, isActive } from '../../src/run/alive.ts';
import { EventLog } from '../../src/run/event-log.ts';
import { MANIFEST, manifestPath } from '../../src/run/files.ts';
import { readManifest } from '../../src/run/manifest-file.ts';
import type { Manifest } from '../../src/run/model/manifest.ts';

/** One run of the comparison, and where it lies. */
export interface Place {
  side: SideId;
  seed: number;
  /** Absolute. */
  directory: string;
}

/** Seed by seed, the baseline first: its tokens may be the other side's budget. */
export function placesOf(pair: Pair, folder: string): Place[] {
  return pair.seeds.flatMap((seed) =>
    (['baseline', 'adaptive'] as const).map((side) => ({
      side,
      seed,
      directory: resolve(folder, side, `seed-${seed}`),
    })),
  );
}

export type Found =
  | { kind: 'new' }
  | { kind: 'finished' }
  /** It ended before its end, however that was. */
  | { kind: 'resumable' }
  /** Another process trains it right now. */
  | { kind: 'busy'; pid: number };

/**
 * What lies where a run is to be.
 *
 * @param wanted recipe keys that it should have been trained with
 * @throws PlainError where it is a run by other settings, or can't be read
 */
export async function look(
  { directory }: Place,
  wanted: Readonly<Record<string, unknown>>,
): Promise<Found> {
  if (!existsSync(join(directory, MANIFEST))) return { kind: 'new' };
  const manifest = await readManifest(directory);
  const other = differences(manifest, wanted);
  if (other.length > 0) {
    throw new PlainError(
      `${directory} holds a run with other settings: ${other.join(', ')}.`,
      'Choose another --output-dir, or give the same settings as before.',
    );
  }
  if (manifest.state === 'finished') return { kind: 'finished' };
  if (!isActive(manifest)) return { kind: 'resumable' };
  const { mtimeMs } = await stat(manifestPath(directory));
  const lives = await engineLives(manifest, mtimeMs, false);
  return lives === 'no' ? { kind: 'resumable' } : { kind: 'busy', pid: manifest.pid };
}

/** Keys that change nothing of what is learned, or are resolved anew on each machine. */
const beside = new Set([
  ...['output_dir', 'resume_from_checkpoint', 'threads', 'run_name', 'logging_steps'],
  ...['save_steps', 'save_total_limit', 'report_to'],
]);
/** They are written down as absolute paths. */
const paths = new Set(['model_name_or_path', 'dataset_name']);

function differences(manifest: Manifest, wanted: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(wanted).flatMap(([key, value]) => {
    const known = manifest.recipe[key];
    if (beside.has(key) || known === undefined) return [];
    const same =
      paths.has(key) && typeof known === 'string'
        ? basename(known) === basename(String(value))
        : JSON.stringify(known) === JSON.stringify(value);
    return same ? [] : [`${key} was ${JSON.stringify(known)}, not ${JSON.stringify(value)}`];
  });
}

/** Tokens that a run generated so far; null where it has no step. */
export async function generatedTokens(directory: string): Promise<number | null> {
  const log = new EventLog(directory);
  await log.refresh();
  return log.steps.at(-1)?.metrics['tokens/generated'] ?? null;
}
