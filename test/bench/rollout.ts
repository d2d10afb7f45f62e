import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { z } from 'zod';
import { packageExtension } from '../../scripts/package.ts';
import { launchChromium } from '../../scripts/vscode/chromium.ts';
import { cache } from '../../scripts/vscode/install.ts';
import { RolloutPage } from '../../scripts/vscode/rollout-page.ts';
import { serveVsCode } from '../../scripts/vscode/serve.ts';
import { Workbench } from '../../scripts/vscode/workbench.ts';
import { RunStore } from '../../src/run/store.ts';
import { Vocabulary } from '../../src/views/model/vocabulary.ts';
import { heatOf, ruledPlaces } from '../../src/views/rollout/heat.ts';
import { hoverAt } from '../../src/views/rollout/hover.ts';
import { lensesOf } from '../../src/views/rollout/lenses.ts';
import { failurePoints } from '../../src/views/rollout/points.ts';
import { loadRollout } from '../../src/views/rollout/rollout.ts';
import { endsOf, siblingsAt } from '../../src/views/rollout/siblings.ts';
import { symbolsOf } from '../../src/views/rollout/symbols.ts';
import { synthesizeRun } from '../fixtures/synthesize.ts';

/**
 * A rollout of 32,000 tokens as a document: what the extension does for it, and how a real VS Code
 * opens and scrolls it.
 *
 *     npm run bench:rollout [-- --models]      (--models: without VS Code)
 */
const TOKENS = 32_000;
/** Characters coloured at once: what can be seen, and what lies around it. */
const WINDOW = 16_000;
const FRAMES = 200;

const say = (name: string, value: string): void => console.log(`${name}: ${value}`);
const ms = (value: number): string => `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`;

/** Mean of some calls, after some that don't count. */
async function timed(what: string, work: () => unknown, times = 20): Promise<void> {
  for (let i = 0; i < 3; i++) await work();
  const began = performance.now();
  for (let i = 0; i < times; i++) await work();
  say(what, ms((performance.now() - began) / times));
}

async function models(directory: string): Promise<void> {
  const store = await RunStore.open(directory);
  const tree = store.tree(1, store.groups()[0]?.prompt_id ?? '');
  const longest = endsOf(tree).toSorted((a, b) => b.fork_at + b.length - a.fork_at - a.length)[0];
  if (longest === undefined) throw new Error('the run has no rollout');
  const address = { directory, segment_id: longest.segment_id };
  const vocabulary = new Vocabulary();
  const first = performance.now();
  const rollout = await loadRollout(store, vocabulary, address);
  say('first read of the rollout', ms(performance.now() - first));
  const { length } = rollout.document.text;
  const { ends } = rollout.view;
  say('rollout', `${ends.length} tokens, ${length} characters, ${rollout.document.lines} lines`);
  await timed('read again', () => loadRollout(store, vocabulary, address));
  await timed('outline', () => symbolsOf(rollout));
  await timed('lenses', () => lensesOf(rollout, 'entropy', null));
  await timed('failure points', () => failurePoints(rollout));
  await timed('marks beside the scroll bar', () => ruledPlaces(rollout, 'entropy'));
  const middle = length / 2;
  await timed('colours of a window', () =>
    heatOf(rollout, 'entropy', middle - WINDOW / 2, middle + WINDOW / 2),
  );
  const heat = [...heatOf(rollout, 'entropy', 0, length).values()];
  const spans = heat.reduce((sum, each) => sum + each.spans.length, 0);
  say('coloured tokens in the whole document', `${spans} of ${heat.length} kinds`);
  await timed('hover at its end', () => hoverAt(rollout, length - 2));
  await timed('same position in siblings', () => siblingsAt(store, vocabulary, rollout, 20_000), 5);
  store.dispose();
}

const spread = z.object({ median: z.number(), p95: z.number(), worst: z.number() });

/** Frame to frame while the wheel turns without a rest. */
async function scroll(page: Page): Promise<z.infer<typeof spread>> {
  // In one piece as a string: it runs in the page, which this program's types know nothing of.
  const measured: unknown = await page.evaluate(`(async () => {
    const editor = document.querySelector('.monaco-editor[data-uri^="adaptive-grpo-rollout:"]');
    const target = editor.querySelector('.monaco-scrollable-element');
    const times = [];
    let last = await new Promise(requestAnimationFrame);
    for (let i = 0; i < ${FRAMES}; i++) {
      target.dispatchEvent(new WheelEvent('wheel', { deltaY: 240, bubbles: true, cancelable: true }));
      const now = await new Promise(requestAnimationFrame);
      times.push(now - last);
      last = now;
    }
    times.sort((a, b) => a - b);
    const at = (share) => times[Math.floor(share * (times.length - 1))];
    return { median: at(0.5), p95: at(0.95), worst: at(1) };
  })()`);
  return spread.parse(measured);
}

async function inVsCode(directory: string, folder: string): Promise<void> {
  const workspace = join(folder, 'workspace');
  const data = join(folder, 'vscode');
  await cp(directory, join(workspace, 'runs', 'long'), { recursive: true });
  await mkdir(data);
  const vsix = join(cache, 'bench.vsix');
  await packageExtension(vsix);
  const vscode = await serveVsCode({ vsix, workspace, data, workspaceTrust: false });
  const browser = await launchChromium(() => undefined);
  try {
    const workbench = await Workbench.open(browser, vscode.url);
    const { page } = workbench;
    await workbench.runCommand('Open Rollout as Document');
    await workbench.picks();
    await page.keyboard.press('Enter');
    await workbench.pick('try 1');
    const began = performance.now();
    await RolloutPage.find(workbench);
    say('from the choice to the document with its lenses', ms(performance.now() - began));
    await page.waitForTimeout(1000);
    const { median, p95, worst } = await scroll(page);
    say(
      'frame to frame while scrolling it',
      `median ${ms(median)}, p95 ${ms(p95)}, worst ${ms(worst)} (16.7 ms is all a screen shows)`,
    );
    await page.waitForTimeout(500);
    const tinted = page.locator('.view-overlays .cdr[class*="ced-"]');
    say('coloured tokens in sight when it rests', String(await tinted.count()));
    await page.keyboard.press('Control+End');
    const before = performance.now();
    await page.keyboard.press('Control+F8');
    await page.waitForFunction(`document.querySelector('.statusbar').innerText.includes('Ln ')`);
    say('next failure point from the end', ms(performance.now() - before));
  } finally {
    await browser.close();
    await vscode.stop();
  }
}

const folder = await mkdtemp(join(tmpdir(), 'bench-rollout-'));
try {
  const directory = join(folder, 'long');
  await synthesizeRun(directory, { completions: 8, tokensPerCompletion: TOKENS, seed: 11 });
  await models(directory);
  if (!process.argv.includes('--models')) await inVsCode(directory, folder);
} finally {
  await rm(folder, { recursive: true, force: true });
}
