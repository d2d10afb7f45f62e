import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { ExplorerPage } from '../../scripts/vscode/explorer-page.ts';
import { root } from '../../scripts/vscode/install.ts';
import { synthesizeRun } from '../fixtures/synthesize.ts';
import { inVsCode } from './support/world.ts';

const pictures = join(root, 'test-results');
const folder = await mkdtemp(join(tmpdir(), 'adaptive-grpo-recorded-'));
const recorded = join(folder, 'recorded');

before(() => synthesizeRun(recorded, { completions: 640, tokensPerCompletion: 60, seed: 7 }));
after(() => rm(folder, { recursive: true, force: true }));

inVsCode('a recorded run is opened from anywhere', {}, async ({ workbench }) => {
  await workbench.runCommand('Open Recorded Run');
  await workbench.chooseFolder(recorded);
  const explorer = await ExplorerPage.find(workbench);
  await explorer.state('finished').waitFor();
  await explorer.prompts.first().click();
  await explorer.segments.first().click();
  assert.ok((await explorer.prompts.count()) > 5);
  // Model output is hostile text: shown, never run.
  const scripts = await explorer.frame.locator('.rows script, .detail script').count();
  assert.equal(scripts, 0);
});

inVsCode(
  'without trust, runs can be read and starting says why not',
  { untrusted: true, folders: { 'runs/recorded': recorded }, files: { 'notes.txt': 'x' } },
  async ({ workbench }) => {
    await workbench.showContainer('Adaptive GRPO');
    const row = workbench.treeRows('Runs').first();
    await row.waitFor();
    await row.click();
    const explorer = await ExplorerPage.find(workbench);
    await explorer.state('finished').waitFor();
    await explorer.segments.first().waitFor();
    await workbench.runCommand('Start Adaptive GRPO Run');
    await workbench.notification('this workspace is not trusted').waitFor();
  },
);

for (const theme of [
  'Default Dark Modern',
  'Default Light Modern',
  'Default High Contrast',
  'Default High Contrast Light',
]) {
  inVsCode(
    `the views are drawn in ${theme}`,
    { theme, folders: { 'runs/recorded': recorded } },
    async ({ workbench }) => {
      await workbench.showContainer('Adaptive GRPO');
      await workbench.treeRows('Runs').first().click();
      const explorer = await ExplorerPage.find(workbench);
      await explorer.resamples.first().click();
      await workbench.webviewWith('canvas');
      const slug = theme.replace('Default ', '').toLowerCase().replaceAll(' ', '-');
      await workbench.screenshot(join(pictures, `theme-${slug}.png`));
      // A string, because the types of this side know no DOM.
      const background = String(
        await explorer.frame.evaluate('getComputedStyle(document.body).backgroundColor'),
      );
      const light = Number(/rgba?\((\d+)/.exec(background)?.[1] ?? 0) > 128;
      assert.equal(light, theme.includes('Light'), `${background} in ${theme}`);
    },
  );
}
