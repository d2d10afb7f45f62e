import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ExplorerPage } from '../../scripts/vscode/explorer-page.ts';
import { readManifest } from '../../src/run/manifest-file.ts';
import { eventually } from './support/expect.ts';
import { inVsCode } from './support/world.ts';
import type { World } from './support/world.ts';

/** From the key press to the first rollouts, on a busy machine with two cores. */
const patienceMs = 90_000;

async function start({ workbench }: World): Promise<ExplorerPage> {
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

inVsCode('a run starts from the palette and fills every view', {}, async (world) => {
  const { workbench } = world;
  const explorer = await start(world);

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
  const status = workbench.statusItem('GRPO');
  const first = stepIn(await status.innerText());
  await eventually(
    'the status bar',
    () => status.innerText(),
    (text) => stepIn(text) > first,
  );
  assert.match(await status.innerText(), /reward \d\.\d\d/);
  assert.ok(stepIn(await row.innerText()) >= first);
  const charts = await workbench.webviewWith('canvas');
  assert.ok((await charts.locator('canvas').count()) >= 6, 'a chart for each of the six curves');

  await workbench.runCommand('Stop Run');
  await explorer.state('stopped').waitFor({ timeout: patienceMs });
  await eventually(
    'the row of the run',
    () => row.innerText(),
    (text) => text.includes('stopped'),
  );
  const manifest = await readManifest(await onlyRun(world));
  assert.equal(manifest.state, 'stopped');
  assert.equal(manifest.endpoint, null);
});

inVsCode('tokens are read by keyboard alone', {}, async (world) => {
  const { workbench } = world;
  const explorer = await start(world);
  await explorer.resamples.first().waitFor({ timeout: patienceMs });
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
  const status = workbench.statusItem('GRPO');
  const before = stepIn(await status.innerText());
  await eventually(
    'the status bar',
    () => status.innerText(),
    (text) => stepIn(text) > before + 1,
  );
  assert.equal(await explorer.step(), step);
});

inVsCode('the next window finds the live run again', {}, async (world) => {
  const { workbench } = world;
  const explorer = await start(world);
  await explorer.segments.first().waitFor({ timeout: patienceMs });
  const before = await readManifest(await onlyRun(world));

  await workbench.reload();
  const again = await ExplorerPage.find(workbench, patienceMs);
  await again.state('running').waitFor();
  const status = workbench.statusItem('GRPO');
  const step = stepIn(await status.innerText());
  await eventually(
    'the status bar',
    () => status.innerText(),
    (text) => stepIn(text) > step,
  );
  const after = await readManifest(await onlyRun(world));
  assert.equal(after.pid, before.pid, 'the same process goes on');
  assert.equal(after.state, 'running');
  await workbench.runCommand('Stop Run');
  await again.state('stopped').waitFor({ timeout: patienceMs });
});

inVsCode('a killed engine shows as crashed and can be resumed', {}, async (world) => {
  const { workbench } = world;
  const explorer = await start(world);
  await explorer.segments.first().waitFor({ timeout: patienceMs });
  const status = workbench.statusItem('GRPO');
  await eventually(
    'the status bar',
    () => status.innerText(),
    (text) => stepIn(text) >= 2,
  );

  const directory = await onlyRun(world);
  const { pid } = await readManifest(directory);
  process.kill(pid, 'SIGKILL');
  await explorer.state('crashed').waitFor();
  const crashed = stepIn(await status.innerText());
  assert.match(await status.innerText(), /crashed/);
  assert.ok((await explorer.segments.count()) > 0, 'what was written is there');

  await workbench.runCommand('Resume Run');
  await explorer.state('running').waitFor({ timeout: patienceMs });
  await eventually(
    'the status bar',
    () => status.innerText(),
    (text) => stepIn(text) > crashed && !text.includes('crashed'),
    patienceMs,
  );
  const manifest = await readManifest(directory);
  assert.notEqual(manifest.pid, pid);
  assert.equal((await readdir(join(world.workspace, 'runs'))).length, 1, 'the same run goes on');
});
