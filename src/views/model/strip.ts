import type { ColourMode, Strip } from './shapes.ts';
import { levelOf } from './scale.ts';

/**
 * A segment's own tokens in cells of `stride` positions. Cells are aligned to positions of the
 * path, so that the strips of a tree stand above each other, and a cell shows the token that
 * stands out most: a single unsure token among a thousand is not lost.
 */
export function stripOf(
  segment_id: number,
  fork_at: number,
  values: ArrayLike<number>,
  mode: ColourMode,
  stride: number,
): Omit<Strip, 'advantage'> {
  const firstCell = Math.floor(fork_at / stride);
  const cells =
    values.length === 0 ? 0 : Math.floor((fork_at + values.length - 1) / stride) - firstCell + 1;
  const levels = new Int8Array(cells);
  const positions = new Uint32Array(cells);
  let previous = -1;
  for (let i = 0; i < values.length; i++) {
    const cell = Math.floor((fork_at + i) / stride) - firstCell;
    const level = levelOf(mode, values[i] ?? NaN);
    if (cell !== previous || Math.abs(level) > Math.abs(levels[cell] ?? 0)) {
      levels[cell] = level;
      positions[cell] = fork_at + i;
    }
    previous = cell;
  }
  return { segment_id, levels, positions };
}

export function mean(values: Float32Array): number | null {
  if (values.length === 0) return null;
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}
