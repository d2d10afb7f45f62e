import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import { ExplorerPage } from '../../scripts/vscode/explorer-page.ts';
import { root } from '../../scripts/vscode/install.ts';
import { readManifest } from '../../src/run/manifest-file.ts';
import { liveEngines, type LiveEngine } from './support/engines.ts';
import { eventually } from './support/expect.ts';
import { inVsCode } from './support/world.ts';
import type { World } from './support/world.ts';

/** The first live run, once with each engine: neither is told apart by what one sees. */

const pictures = join(root, 'test-results');

async function start({ workbench }: World, { patienceMs }: LiveEngine): Promise<ExplorerPage> {
  await workbench.runCommand('Start Adaptive GRPO Run');
  return ExplorerPage.find(workbench, patienceMs);
}

async function onlyRun({ workspace }: World): Promise<string> {
  const runs = await readdir(join(workspace, 'runs'));
  assert.equal(runs.length, 1);
  return join(workspace, 'runs', runs[0] ?? '');
}

/** "12/200" in a text, as the number 12. */
const stepIn = (text: string): number => Number(/(\d+)\/\d+/.exec(text)?.[1] ?? -1);

/** Waits until the status bar shows a step that will do. */
async function untilStep(
  { workbench }: World,
  enough: (step: number, text: string) => boolean,
  patienceMs?: number,
): Promise<string> {
  const status = workbench.statusItem('GRPO');
  return eventually(
    'the status bar',
    () => status.innerText(),
    (text) => enough(stepIn(text), text),
    patienceMs,
  );
}

/** Rows of probes in the tree. */
const probes = (explorer: ExplorerPage): Locator =>
  explorer.segments.filter({ has: explorer.frame.locator('.label', { hasText: /^\s*probe \d/ }) });

/** The cursor on the fifth token of a root, by keyboard alone, while the run goes on. */
async function toFifthToken({ workbench }: World, explorer: ExplorerPage): Promise<void> {
  const { keyboard } = workbench.page;
  await explorer.frame.locator('.pane.rollouts .scroller').focus();
  await keyboard.press('Home');
  await keyboard.press('ArrowDown');
  await explorer.frame.locator('.pane.rollouts .row.segment.selected.active').waitFor();
  await keyboard.press('Enter');
  await keyboard.press('Home');
  for (let i = 0; i < 4; i++) await keyboard.press('ArrowRight');
  await eventually(
    'the detail of the fifth token',
    () => explorer.detail.innerText(),
    (text) => text.includes('token 4 ·') && /rank\s+\d+/.test(text),
  );
}

for (const engine of liveEngines) {
  const { name, patienceMs } = engine;

  inVsCode(
    `${name}: a run starts from the palette, fills every view, is forked and stopped`,
    engine.world,
    async (world) => {
      const { workbench } = world;
      const explorer = await start(world, engine);
      const seen = new Set<number>();
      await eventually(
        'the number of steps whose resamples were shown',
        async () => {
          const step = await explorer.step();
          if (step !== null && (await explorer.resamples.count()) > 0) seen.add(step);
          return seen.size;
        },
        (count) => count >= 2,
        patienceMs,
      );

      await workbench.showContainer('Adaptive GRPO');
      const row = workbench.treeRows('Runs').first();
      const first = stepIn(await workbench.statusItem('GRPO').innerText());
      const status = await untilStep(world, (step) => step > first, patienceMs);
      assert.match(status, /reward \d\.\d\d/);
      assert.ok(stepIn(await row.innerText()) >= first);
      const charts = await workbench.webviewWith('canvas');
      assert.ok(
        (await charts.locator('canvas').count()) >= 6,
        'a chart for each of the six curves',
      );

      // Other continuations of a token join the tree, scored by the run's own rewards.
      await toFifthToken(world, explorer);
      await workbench.page.keyboard.press('b');
      const offered = await workbench.picks();
      assert.match(offered[0] ?? '', /^Sample 3 continuations *the live policy/);
      await workbench.pick('Temperature');
      await workbench.enter('1.3');
      await workbench.pick('Sample 3 continuations');
      const forks = probes(explorer);
      await eventually(
        'the probes in the tree',
        () => forks.count(),
        (count) => count === 3,
        patienceMs,
      );
      const joined = workbench.notification(
        /3 continuations from token 4 joined the tree: \d of 3 right/,
      );
      await joined.waitFor();
      for (const fork of await forks.all()) {
        assert.match(await fork.locator('.status').innerText(), /right|wrong|length/);
        assert.match(await fork.locator('.reward').innerText(), /\d\.\d\d/);
        assert.match(await fork.locator('.temperature').innerText(), /1\.30/);
        assert.match(await fork.locator('.tokens').innerText(), /not trained/);
      }
      await workbench.screenshot(join(pictures, `fork-live-${name}.png`));
      await joined.getByText('Open as Document').click();
      await workbench.tab(/probe/).waitFor();
      await workbench.screenshot(join(pictures, `fork-document-${name}.png`));
      const directory = await onlyRun(world);
      const files = await readdir(directory);
      assert.ok(files.includes('probes.arrows') && !files.includes('probes.lock'));

      // So far that its log speaks of a step by now.
      await untilStep(world, (now) => now > 5, patienceMs);
      await workbench.runCommand('Stop Run');
      await eventually(
        'the row of the run',
        () => row.innerText(),
        (text) => text.includes('stopped'),
        patienceMs,
      );
      const manifest = await readManifest(directory);
      assert.equal(manifest.engine.name, name);
      assert.equal(manifest.state, 'stopped');
      assert.equal(manifest.endpoint, null);

      // A line of the log leads to its step.
      await workbench.runCommand('Show Log');
      const links = workbench.page.getByText(/^step\s\d+\/\d+$/);
      // The first may lie under the panel's edge; the explorer shows the step that was forked.
      await links.last().waitFor();
      const link = links.last();
      const step = stepIn(await link.innerText());
      await link.click({ modifiers: ['ControlOrMeta'] });
      await workbench.tab(/rollouts/).waitFor();
      await eventually(
        'the step that the explorer shows',
        async () => (await ExplorerPage.find(workbench)).step(),
        (found) => found === step,
      );
    },
  );

  inVsCode(
    `${name}: the next window finds the live run, and resumes it when it was killed`,
    engine.world,
    async (world) => {
      const { workbench } = world;
      const explorer = await start(world, engine);
      await explorer.segments.first().waitFor({ timeout: patienceMs });
      const directory = await onlyRun(world);
      const before = await readManifest(directory);
      await untilStep(world, (now) => now >= 2, patienceMs);
      // VS Code writes down every few seconds which tabs there are.
      await workbench.page.waitForTimeout(6000);

      await workbench.reload();
      const again = await ExplorerPage.find(workbench, patienceMs);
      await again.state('running').waitFor();
      const step = stepIn(await workbench.statusItem('GRPO').innerText());
      await untilStep(world, (now) => now > step, patienceMs);
      const after = await readManifest(directory);
      assert.equal(after.pid, before.pid, 'the same process goes on');
      assert.equal(after.state, 'running');

      process.kill(after.pid, 'SIGKILL');
      await again.state('crashed').waitFor();
      const status = await untilStep(world, (_, text) => text.includes('crashed'));
      assert.ok((await again.segments.count()) > 0, 'what was written is there');
      await workbench.runCommand('Resume Run');
      await again.state('running').waitFor({ timeout: patienceMs });
      const crashed = stepIn(status);
      await untilStep(world, (now, text) => now > crashed && !text.includes('crashed'), patienceMs);
      const resumed = await readManifest(directory);
      assert.notEqual(resumed.pid, after.pid);
      assert.equal(await onlyRun(world), directory, 'the same run goes on');
      await workbench.runCommand('Stop Run');
      await again.state('stopped').waitFor({ timeout: patienceMs });
    },
  );
}

const [builtIn] = liveEngines;
assert.ok(builtIn);
inVsCode('tokens are read by keyboard alone', builtIn.world, async (world) => {
  const { workbench } = world;
  const explorer = await start(world, builtIn);
  await explorer.resamples.first().waitFor({ timeout: builtIn.patienceMs });
  const { keyboard } = workbench.page;

  await explorer.frame.locator('.pane.prompts .scroller').focus();
  await keyboard.press('End');
  const chosen = explorer.frame.locator('.pane.prompts .row.selected .label');
  const shown = explorer.frame.locator('.pane.rollouts .tree-prompt .label');
  await eventually(
    'the prompt whose rollouts are shown',
    async () => [await chosen.textContent(), await shown.textContent()],
    ([prompt, tree]) => prompt === tree,
  );
  await keyboard.press('Enter');
  await keyboard.press('ArrowDown');
  await explorer.frame.locator('.pane.rollouts .row.segment.selected.active').waitFor();
  await keyboard.press('Enter');
  await keyboard.press('Home');
  await keyboard.press('ArrowRight');
  const second = await eventually(
    'the detail of the second token',
    () => explorer.detail.innerText(),
    (text) => text.includes('token 1 ·') && /rank\s+\d+/.test(text),
  );
  assert.match(second, /max prob\s+[01]\.\d+/);
  assert.match(second, /entropy\s+\d+\.\d+ nats/);
  assert.match(second, /logprob\s+[−-]?\d/);
  await keyboard.press('ArrowRight');
  await eventually(
    'the detail of the third token',
    () => explorer.detail.innerText(),
    (text) => text.includes('token 2 ·'),
  );
  // Whoever reads isn't carried away by the run.
  const step = await explorer.step();
  const before = stepIn(await workbench.statusItem('GRPO').innerText());
  await untilStep(world, (now) => now > before + 1);
  assert.equal(await explorer.step(), step);
});
