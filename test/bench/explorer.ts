import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { z } from 'zod';
import { RunStore } from '../../src/run/store.ts';
import { synthesizeRun } from '../fixtures/synthesize.ts';
import { scrollFrames, type FrameTimes } from '../integration/explorer/frames.ts';
import { ExplorerHarness } from '../integration/explorer/harness.ts';

/**
 * The rollout explorer on a recorded run of 20,000 completions, about 10 million tokens: the real
 * reader and model in this process, the real webview in a real Chromium.
 *
 *     npm run bench:explorer
 */
const COMPLETIONS = Number(process.env.BENCH_COMPLETIONS ?? 20_000);
const TOKENS_PER_COMPLETION = 670;
const LONG_PATH = 32_000;
const FRAMES = 200;

const made = z.object({
  steps: z.number(),
  segments: z.number(),
  completions: z.number(),
  tokens: z.number(),
  bytes: z.number(),
});

const say = (name: string, value: string): void => console.log(`${name}: ${value}`);
const ms = (value: number): string => `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;
const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;

/** In a process of its own, so that what it needed doesn't count as the reader's. */
function make(directory: string, completions: number, tokensPerCompletion: number) {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [import.meta.filename, 'make', directory, String(completions), String(tokensPerCompletion)],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`the run could not be made: ${stderr}`);
  return made.parse(JSON.parse(stdout));
}

/** Garbage collected, if `node --expose-gc` lets us; see `bench:explorer` in `package.json`. */
function memory(): NodeJS.MemoryUsage {
  globalThis.gc?.();
  return process.memoryUsage();
}

async function webviewHeap(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.collectGarbage');
  await session.send('Performance.enable');
  const { metrics } = await session.send('Performance.getMetrics');
  return metrics.find(({ name }) => name === 'JSHeapUsedSize')?.value ?? NaN;
}

function sayFrames(what: string, { work, interval }: FrameTimes): void {
  const each = (spread: FrameTimes['work']) =>
    `median ${ms(spread.median)}, p95 ${ms(spread.p95)}, worst ${ms(spread.worst)}`;
  say(`frame while scrolling ${what} (script, style, layout)`, each(work));
  say(`frame to frame while scrolling ${what}`, each(interval));
}

/** Ms since the page began to load. */
async function clock(page: Page): Promise<number> {
  return z.number().parse(await page.evaluate('performance.now()'));
}

async function manyCompletions(folder: string, harness: ExplorerHarness): Promise<void> {
  const directory = join(folder, 'many');
  const run = make(directory, COMPLETIONS, TOKENS_PER_COMPLETION);
  say(
    'recorded run',
    `${run.completions} completions, ${run.segments} segments, ${run.tokens} tokens, ${run.steps} steps`,
  );
  say('bytes a token', (run.bytes / run.tokens).toFixed(1));

  const before = memory();
  const began = performance.now();
  const store = await RunStore.open(directory);
  say('time to open the run', ms(performance.now() - began));
  const opened = await harness.open({ source: store, width: 1400, height: 900 });
  const { page } = opened;
  await page.waitForSelector('.row.segment .strip path.l0');
  const shown = await clock(page);
  const paint: unknown = await page.evaluate(
    `performance.getEntriesByName('first-contentful-paint')[0]?.startTime`,
  );
  say('first paint of the webview', ms(z.number().parse(paint)));
  say('webview with prompts, tree, strips and path', ms(shown));

  sayFrames('prompts', await scrollFrames(page, '.pane.prompts .scroller', FRAMES, 700));
  sayFrames('a path', await scrollFrames(page, '.pane.path .scroller', FRAMES, 20));
  await page.locator('.pane.prompts .scroller').focus();
  const walk = performance.now();
  const prompts = 50;
  for (let i = 0; i < prompts; i++) await page.keyboard.press('ArrowDown');
  await page.waitForSelector('.row.segment.selected .strip path.l0');
  say('one prompt further by key', ms((performance.now() - walk) / prompts));

  await setTimeout(500);
  const after = memory();
  say(
    'memory of the host for this run',
    `${mib(after.heapUsed + after.external - before.heapUsed - before.external)} (whole process ${mib(after.rss)})`,
  );
  say('memory of the webview', `${mib(await webviewHeap(page))} of script heap`);
  await opened.close();
  store.dispose();
}

async function longPath(folder: string, harness: ExplorerHarness): Promise<void> {
  const directory = join(folder, 'long');
  make(directory, 8, LONG_PATH);
  const store = await RunStore.open(directory);
  const opened = await harness.open({ source: store, width: 1400, height: 900 });
  const { page } = opened;
  await page.waitForSelector('.pane.path .token');
  const count = await page.locator('.pane.path .count').innerText();
  say(`webview with a path of ${count}`, ms(await clock(page)));
  sayFrames('that path', await scrollFrames(page, '.pane.path .scroller', FRAMES, 700));
  await opened.close();
  store.dispose();
}

const [task, target, completions, tokens] = process.argv.slice(2);
if (task === 'make' && target !== undefined) {
  const run = await synthesizeRun(target, {
    completions: Number(completions),
    tokensPerCompletion: Number(tokens),
    seed: 11,
  });
  console.log(JSON.stringify(run));
} else {
  const folder = await mkdtemp(join(tmpdir(), 'bench-explorer-'));
  const harness = await ExplorerHarness.start();
  try {
    await manyCompletions(folder, harness);
    await longPath(folder, harness);
  } finally {
    await harness.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
