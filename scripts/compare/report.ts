import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { compareSides } from '../../src/compare/comparison.ts';
import { csvOf } from '../../src/compare/csv.ts';
import { COMPARISON } from '../../src/compare/file.ts';
import { loadRun, writeComparison, writeWhole } from '../../src/compare/load.ts';
import { markdownOf } from '../../src/compare/markdown.ts';
import type { ComparedRun, Comparison, Sides } from '../../src/compare/model.ts';
import { sideIds, type Pair } from '../../src/compare/pair.ts';
import { cellText, deltaText, intervalText, verdictText } from '../../src/compare/words.ts';
import type { Request } from './command-line.ts';
import type { Benchmarks } from './benchmarks.ts';
import type { Place } from './places.ts';

/** What `comparison.json` and its companions say, from the runs that there are. */
export async function report(
  places: readonly Place[],
  folder: string,
  benchmarks: Benchmarks,
  details: { name: string; command: string; request: Request; pair: Pair },
): Promise<Comparison> {
  const { name, command, request, pair } = details;
  const load = async (side: string) => {
    const mine = places.filter((place) => place.side === side);
    const runs = await Promise.all(mine.map((place) => loaded(place, folder, benchmarks)));
    return { name: side, runs: runs.filter((run) => run !== null) };
  };
  const sides: Sides = [await load(sideIds[0]), await load(sideIds[1])];
  const comparison = compareSides(sides, {
    name,
    created_at: new Date().toISOString(),
    commands: [command],
    budget: pair.budget,
    pricing: request.pricing,
    ...(request.targets === null ? {} : { targets: request.targets }),
  });
  await mkdir(folder, { recursive: true });
  await writeComparison(join(folder, COMPARISON), comparison);
  await writeWhole(join(folder, 'comparison.md'), markdownOf(comparison));
  await writeWhole(join(folder, 'comparison.csv'), csvOf(comparison));
  return comparison;
}

/** Null where there is no run (yet), or what lies there isn't one. */
async function loaded(
  { directory }: Place,
  folder: string,
  benchmarks: Benchmarks,
): Promise<ComparedRun | null> {
  try {
    const run = await loadRun(directory, folder);
    return { ...run, benchmarks: benchmarks.of(run) };
  } catch {
    return null;
  }
}

/** The table for a terminal, and what must be known about it. */
export function tableText({ sides, table, pricing, notes }: Comparison): string {
  const names = [sides[0].name, sides[1].name] as const;
  const head = ['', ...names, 'difference', '95 % interval', 'more than noise?'];
  const rows = table.map((row) => [
    row.label,
    ...row.sides.map((cell) => cellText(cell, row, pricing)),
    deltaText(row, pricing),
    intervalText(row, pricing),
    verdictText(row.verdict, names),
  ]);
  const all = [head, ...rows];
  const widths = head.map((_, i) => Math.max(...all.map((cells) => (cells[i] ?? '').length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) =>
        i === 0 || i === cells.length - 1
          ? cell.padEnd(widths[i] ?? 0)
          : cell.padStart(widths[i] ?? 0),
      )
      .join('  ')
      .trimEnd();
  const warnings = notes.filter(({ severity }) => severity === 'warning');
  return [
    ...all.map(line),
    ...(warnings.length === 0 ? [] : ['', ...warnings.map(({ sentence }) => `! ${sentence}`)]),
  ].join('\n');
}
