import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { compareSides } from '../../src/compare/comparison.ts';
import { csvOf } from '../../src/compare/csv.ts';
import { COMPARISON } from '../../src/compare/file.ts';
import { loadRun, writeComparison, writeWhole } from '../../src/compare/load.ts';
import { markdownOf } from '../../src/compare/markdown.ts';
import type { ComparedRun, Comparison, Sides } from '../../src/compare/model.ts';
import { sideIds, type Pair } from '../../src/compare/pair.ts';
import { tableCells } from '../../src/compare/words.ts';
import { recordedCommandOf, type RecordedRequest, type Request } from './command-line.ts';
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
  return write(sides, folder, { name, command, request, budget: pair.budget });
}

/** Compares runs that are there already; throws a `PlainError` where one of them is no run. */
export async function reportRecorded(
  request: RecordedRequest,
  folder: string,
): Promise<Comparison> {
  const load = async (name: string, directories: readonly string[]) => ({
    name,
    runs: await Promise.all(directories.map((each) => loadRun(resolve(each), folder))),
  });
  const [baseline, adaptive] = request.sides;
  const sides: Sides = [await load(sideIds[0], baseline), await load(sideIds[1], adaptive)];
  const command = recordedCommandOf(request, folder);
  const name = `${baseline.length} and ${adaptive.length} recorded runs`;
  return write(sides, folder, { name, command, request, budget: null });
}

async function write(
  sides: Sides,
  folder: string,
  details: {
    name: string;
    command: string;
    request: Pick<Request, 'pricing' | 'targets'>;
    budget: number | null;
  },
): Promise<Comparison> {
  const { name, command, request, budget } = details;
  const comparison = compareSides(sides, {
    name,
    created_at: new Date().toISOString(),
    commands: [command],
    budget,
    pricing: request.pricing,
    ...(request.targets === null ? {} : { targets: request.targets }),
  });
  await mkdir(folder, { recursive: true });
  await writeComparison(join(folder, COMPARISON), comparison);
  await writeWhole(join(folder, 'comparison.md'), markdownOf(comparison));
  await writeWhole(join(folder, 'comparison.csv'), csvOf(comparison));
  return comparison;
}

/** Runs that can't change any more: reading a large one again after every other takes its time. */
const finished = new Map<string, ComparedRun>();

/** Null where there is no run (yet), or what lies there isn't one. */
async function loaded(
  { directory }: Place,
  folder: string,
  benchmarks: Benchmarks,
): Promise<ComparedRun | null> {
  try {
    const run = finished.get(directory) ?? (await loadRun(directory, folder));
    if (run.state === 'finished') finished.set(directory, run);
    return { ...run, benchmarks: benchmarks.of(run) };
  } catch {
    return null;
  }
}

/** The table for a terminal, and what must be known about it. */
export function tableText(comparison: Comparison): string {
  const { sides, notes } = comparison;
  const names = [sides[0].name, sides[1].name] as const;
  const head = ['', ...names, 'difference', '95 % interval', 'more than noise?'];
  const rows = tableCells(comparison);
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
  const marks = { warning: '!', info: '·' } as const;
  const said = notes.map(({ severity, sentence }) => `${marks[severity]} ${sentence}`);
  return [...all.map(line), ...(said.length === 0 ? [] : ['', ...said])].join('\n');
}
