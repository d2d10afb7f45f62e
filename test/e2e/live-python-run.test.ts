import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ExplorerPage } from '../../scripts/vscode/explorer-page.ts';
import { readManifest } from '../../src/run/manifest-file.ts';
import {
  root,
  smallTrlRecipe,
  sums,
  trainerPython,
  withoutTrainer,
} from '../integration/launch/trainer.ts';
import { eventually } from './support/expect.ts';
import { inVsCode } from './support/world.ts';

/** The first live run, with the Python trainer on the CPU. PyTorch alone takes many seconds to load. */
const patienceMs = 180_000;

const stepIn = (text: string): number => Number(/(\d+)\/\d+/.exec(text)?.[1] ?? -1);

const settings = { 'adaptiveGrpo.pythonPath': trainerPython };
const files = {
  'recipes/sums.yaml': smallTrlRecipe(join(root, 'media', 'base')),
  'recipes/sums.jsonl': sums,
};

const trained = 'a recipe for TRL is trained by the Python of the settings, and fills every view';
inVsCode(
  trained,
  {
    files: { ...files, '.vscode/settings.json': JSON.stringify(settings) },
    timeout: 2 * patienceMs,
    skip: withoutTrainer,
  },
  async ({ workbench, workspace }) => {
    await workbench.runCommand('Start Adaptive GRPO Run');
    const explorer = await ExplorerPage.find(workbench, patienceMs);
    await explorer.resamples.first().waitFor({ timeout: patienceMs });
    await workbench.showContainer('Adaptive GRPO');
    const row = workbench.treeRows('Runs').first();
    const status = workbench.statusItem('GRPO');
    const first = stepIn(await status.innerText());
    await eventually(
      'the status bar',
      () => status.innerText(),
      (text) => stepIn(text) > first,
      patienceMs,
    );
    const charts = await workbench.webviewWith('canvas');
    assert.ok((await charts.locator('canvas').count()) >= 6);

    await workbench.runCommand('Stop Run');
    await explorer.state('stopped').waitFor({ timeout: patienceMs });
    await eventually(
      'the row of the run',
      () => row.innerText(),
      (text) => text.includes('stopped'),
    );
    const [run = ''] = await readdir(join(workspace, 'runs'));
    const manifest = await readManifest(join(workspace, 'runs', run));
    assert.equal(manifest.engine.name, 'trl');
    assert.equal(manifest.state, 'stopped');

    // A line of the log leads to its step.
    await workbench.runCommand('Show Log');
    const links = workbench.page.getByText(/^step\s\d+\/1000$/);
    // The last but one: the first may lie under the panel's edge, the last is where one is already.
    const shown = await eventually(
      'two steps in the log',
      () => links.count(),
      (count) => count >= 2,
    );
    const link = links.nth(shown - 2);
    const step = stepIn(await link.innerText());
    await link.click({ modifiers: ['ControlOrMeta'] });
    await eventually(
      'the step that the explorer shows',
      () => explorer.step(),
      (found) => found === step,
    );
  },
);

// Nothing is fetched: pip asks a port where nobody answers.
process.env.PIP_INDEX_URL = 'http://127.0.0.1:9/simple';
process.env.PIP_RETRIES = '0';

inVsCode(
  'a Python that is not there is a plain sentence with ways out, and so is pip that fails',
  {
    files: {
      ...files,
      '.vscode/settings.json': JSON.stringify({ 'adaptiveGrpo.pythonPath': 'gone/python' }),
    },
    expectedErrors: /There is no Python at gone\/python|pip could not install|PlainError|^\s+at /,
    skip: withoutTrainer,
  },
  async ({ workbench, workspace }) => {
    await workbench.runCommand('Start Adaptive GRPO Run');
    const { page } = workbench;
    await page.getByText('There is no Python at gone/python.').first().waitFor();
    await page.getByRole('button', { name: 'Select Python…' }).first().click();
    await page.getByText('Find one automatically').waitFor();
    await page.getByText('Set up a new environment…').click();
    await page.getByText('In this workspace').click();
    await page
      .getByText(/pip could not install the trainer/)
      .first()
      .waitFor({ timeout: 90_000 });
    assert.ok(!existsSync(join(workspace, '.venv')), 'what was half made is gone');
    await page.getByRole('button', { name: 'Show Log' }).first().click();
    await page
      .getByText(/Could\snot\sfind\sa\sversion/)
      .first()
      .waitFor();
  },
);
