/**
 * Draws held-out accuracy against generated tokens for some runs, and prints the same figures as
 * a Markdown table. Everything comes from the runs' own `events.jsonl`.
 *
 *     node scripts/plot-results.ts OUT.svg RUN_DIRECTORY…
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { manifestSchema } from '../src/run/model/manifest.ts';
import { parseEvent } from '../src/run/model/events.ts';

interface Point {
  step: number;
  generated: number;
  greedy: number;
  sampled: number;
  seconds: number;
}

interface Curve {
  name: string;
  points: Point[];
}

async function readCurve(directory: string): Promise<Curve> {
  const manifest = manifestSchema.parse(
    JSON.parse(await readFile(join(directory, 'run.json'), 'utf8')),
  );
  const points: Point[] = [];
  // What follows the last line end is empty, or a line that is still being written.
  const lines = (await readFile(join(directory, 'events.jsonl'), 'utf8')).split('\n').slice(0, -1);
  for (const line of lines) {
    const event = parseEvent(line);
    if (event.type !== 'evaluation') continue;
    points.push({
      step: event.step,
      generated: event.metrics['tokens/generated'] ?? NaN,
      greedy: event.metrics['eval/accuracy'] ?? NaN,
      sampled: event.metrics['eval/pass@1'] ?? NaN,
      seconds: (Date.parse(event.time) - Date.parse(manifest.started_at)) / 1000,
    });
  }
  return { name: manifest.name, points };
}

function table(curves: readonly Curve[]): string {
  const head = '| run | step | generated tokens | greedy | pass@1 | seconds since start |';
  const rows = curves.flatMap(({ name, points }) =>
    points.map(
      ({ step, generated, greedy, sampled, seconds }) =>
        `| ${name} | ${step} | ${generated.toLocaleString('en-US')} | ${percent(greedy)} | ${percent(sampled)} | ${seconds.toFixed(0)} |`,
    ),
  );
  return [head, '| --- | ---: | ---: | ---: | ---: | ---: |', ...rows].join('\n');
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

const WIDTH = 720;
const HEIGHT = 360;
const LEFT = 56;
const RIGHT = 24;
const TOP = 40;
const BOTTOM = 48;
/** Told apart by dash and marker too, not by colour alone. */
const styles = [
  { colour: '#1f6fb4', dash: '', marker: 'circle' },
  { colour: '#c2570c', dash: '7 4', marker: 'square' },
  { colour: '#2e7d32', dash: '2 4', marker: 'circle' },
  { colour: '#7b3fa0', dash: '10 3 2 3', marker: 'square' },
] as const;

function drawing(curves: readonly Curve[]): string {
  const most = Math.max(1, ...curves.flatMap(({ points }) => points.map((p) => p.generated)));
  const x = (tokens: number) => LEFT + (tokens / most) * (WIDTH - LEFT - RIGHT);
  const y = (share: number) => HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);
  const parts: string[] = [];
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    parts.push(
      `<path d="M${LEFT} ${y(share)}H${WIDTH - RIGHT}" stroke="#8886" />`,
      `<text x="${LEFT - 8}" y="${y(share) + 4}" text-anchor="end">${100 * share} %</text>`,
    );
  }
  const tick = roundTick(most / 4);
  for (let tokens = 0; tokens <= most; tokens += tick) {
    parts.push(
      `<text x="${x(tokens)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${tokens / 1000}k</text>`,
    );
  }
  parts.push(
    `<text x="${(LEFT + WIDTH) / 2}" y="${HEIGHT - 8}" text-anchor="middle">generated tokens</text>`,
    `<text x="${LEFT}" y="20">held-out accuracy, greedy</text>`,
  );
  curves.forEach(({ name, points }, index) => {
    const style = styles[index % styles.length] ?? styles[0];
    const places = points.map((p) => ({ x: x(p.generated), y: y(p.greedy) }));
    const line = places.map((place) => `${place.x.toFixed(1)} ${place.y.toFixed(1)}`).join('L');
    const legend = { x: WIDTH - RIGHT - 190, y: HEIGHT - BOTTOM - 44 + 18 * index };
    parts.push(
      `<path d="M${line}" fill="none" stroke="${style.colour}" stroke-width="2" stroke-dasharray="${style.dash}" />`,
      ...places.map((place) => marker(place.x, place.y, style)),
      `<path d="M${legend.x - 34} ${legend.y - 4}h28" stroke="${style.colour}" stroke-width="2" stroke-dasharray="${style.dash}" />`,
      marker(legend.x - 20, legend.y - 4, style),
      `<text x="${legend.x}" y="${legend.y}">${escape(name)}</text>`,
    );
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="13" fill="#777">`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

/** The largest of 1, 2, 5, 10, 20, 50, … that is not above `size`. */
function roundTick(size: number): number {
  const power = 10 ** Math.floor(Math.log10(size));
  return power * ([5, 2].find((factor) => factor * power <= size) ?? 1);
}

function marker(x: number, y: number, style: (typeof styles)[number]): string {
  return style.marker === 'circle'
    ? `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="4" fill="${style.colour}" />`
    : `<rect x="${(x - 3.5).toFixed(1)}" y="${(y - 3.5).toFixed(1)}" width="7" height="7" fill="${style.colour}" />`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

const [out, ...directories] = process.argv.slice(2);
if (out === undefined || directories.length === 0) {
  console.error('Usage: node scripts/plot-results.ts OUT.svg RUN_DIRECTORY…');
  process.exitCode = 2;
} else {
  const curves = await Promise.all(directories.map(readCurve));
  await writeFile(out, drawing(curves));
  console.log(table(curves));
}
