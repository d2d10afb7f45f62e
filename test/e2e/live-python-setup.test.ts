import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { ExplorerPage } from '../../scripts/vscode/explorer-page.ts';
import { root } from '../../scripts/vscode/install.ts';
import { pythonOf } from '../../src/launch/python/interpreters.ts';
import { borrowingEnvironment } from '../integration/launch/borrowed.ts';
import { trainerPython, withoutTrainer } from '../integration/launch/trainer.ts';
import { trlFiles } from './support/engines.ts';
import { eventually } from './support/expect.ts';
import { packPythonExtension } from './support/python-extension.ts';
import { inVsCode } from './support/world.ts';

const pictures = join(root, 'test-results', 'setup');
const hour = 60 * 60_000;

// What pip is told, from one attempt to the next: VS Code inherits the name of the file.
const folder = await mkdtemp(join(tmpdir(), 'adaptive-grpo-pip-'));
const pipConfig = join(folder, 'pip.conf');
const tellPip = (...lines: string[]) => writeFile(pipConfig, ['[global]', ...lines, ''].join('\n'));
process.env.PIP_CONFIG_FILE = pipConfig;
after(() => rm(folder, { recursive: true, force: true }));

/** An index that takes every question and never answers. */
const silent = createServer(() => undefined);
await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
after(() => {
  silent.closeAllConnections();
  silent.close();
});
const portOf = (address: ReturnType<typeof silent.address>): number =>
  typeof address === 'object' && address !== null ? address.port : 0;

inVsCode(
  'without a Python that can train: one is set up, whatever happens on the way, and then it trains',
  {
    files: {
      ...trlFiles,
      '.vscode/settings.json': JSON.stringify({ 'adaptiveGrpo.pythonPath': 'gone/python' }),
    },
    others: async (at) => [
      await packPythonExtension(at, { active: '/gone/too', known: [trainerPython] }),
    ],
    expectedErrors: /There is no Python at gone\/python|pip could not install|PlainError|^\s+at /,
    skip: withoutTrainer,
    timeout: 480_000,
  },
  async ({ workbench, workspace }) => {
    const { page } = workbench;
    const environment = join(workspace, '.venv');
    const setUp = async () => {
      await workbench.notification('There is no Python at gone/python.').waitFor();
      await page.getByRole('button', { name: 'Set Up Python…' }).first().click();
      await page.getByText('In this workspace').click();
    };
    await tellPip('index-url = http://127.0.0.1:9/simple', 'retries = 0', 'timeout = 2');
    await workbench.runCommand('Start Adaptive GRPO Run');
    await workbench.notification('There is no Python at gone/python.').waitFor();
    await workbench.screenshot(join(pictures, 'no-python.png'));
    await page.getByRole('button', { name: 'Select Python…' }).first().click();
    // What the Python extension knows is on the list, with what it has.
    await workbench.pickRow(/trl 1\.\d+\.\d+/).waitFor({ timeout: 60_000 });
    await page.getByText('Find one automatically').waitFor();
    await workbench.screenshot(join(pictures, 'select.png'));
    await page.getByText('Set up a new environment…').click();
    await page.getByText('In this workspace').click();

    // Nobody answers.
    const failed = workbench.notification(/pip could not install the trainer/);
    await failed.waitFor({ timeout: 90_000 });
    await workbench.screenshot(join(pictures, 'pip-failed.png'));
    assert.ok(!existsSync(environment), 'what was half made is gone');
    await page.getByRole('button', { name: 'Show Log' }).first().click();
    await page
      .getByText(/Could\snot\sfind\sa\sversion/)
      .first()
      .waitFor();
    await workbench.closeNotifications();
    await page.waitForTimeout(1000);

    // Somebody answers, but not in time for us.
    await tellPip(`index-url = http://127.0.0.1:${portOf(silent.address())}/simple`, 'retries = 0');
    await workbench.runCommand('Start Adaptive GRPO Run');
    await setUp();
    const progress = workbench.notification('Setting up Python');
    await workbench.notification(/Setting up Python: installing/).waitFor({ timeout: 60_000 });
    await workbench.screenshot(join(pictures, 'progress.png'));
    await progress.getByText('Cancel').click();
    await progress.waitFor({ state: 'hidden' });
    await eventually(
      'the half-made environment',
      () => existsSync(environment),
      (there) => !there,
    );
    assert.deepEqual(await workbench.notifications(), [], 'a person who cancels knows that');

    // PyTorch's gigabytes are borrowed; the trainer itself is built and installed for real.
    await borrowingEnvironment(environment);
    await tellPip('no-deps = true');
    await workbench.runCommand('Start Adaptive GRPO Run');
    await setUp();
    await workbench.statusItem('Python is ready for training.').waitFor({ timeout: 120_000 });
    await workbench.screenshot(join(pictures, 'ready.png'));
    const explorer = await ExplorerPage.find(workbench, 180_000);
    await explorer.segments.first().waitFor({ timeout: 180_000 });
    await workbench.screenshot(join(pictures, 'run.png'));
    await workbench.runCommand('Stop Run');
    await explorer.state('stopped').waitFor({ timeout: 180_000 });
  },
);

/** The whole of it, PyTorch included: some gigabytes, so only where somebody asks for them. */
if (process.env.ADAPTIVE_GRPO_DOWNLOADS === '1') {
  inVsCode(
    'from no Python that can train to a run, with all that pip downloads',
    {
      files: trlFiles,
      timeout: hour,
      expectedErrors: /can’t train it|can train it|PlainError|NoTrainerError|^\s+at /,
    },
    async ({ workbench, workspace }) => {
      const { page } = workbench;
      await workbench.runCommand('Start Adaptive GRPO Run');
      await workbench.notification(/This recipe is for TRL/).waitFor();
      await workbench.screenshot(join(pictures, '0-none.png'));
      await page.getByRole('button', { name: 'Set Up Python…' }).first().click();
      await page.getByText('In this workspace').waitFor();
      await workbench.screenshot(join(pictures, '1-where.png'));
      await page.getByText('In this workspace').click();
      const stages: string[] = [];
      const progress = workbench.notification('Setting up Python');
      await progress.waitFor();
      await eventually(
        'the set-up',
        async () => {
          const said = await progress.innerText({ timeout: 2000 }).catch(() => '');
          const stage = said.replaceAll(/\s+/g, ' ').trim();
          if (stage !== '' && stage !== stages.at(-1)) {
            stages.push(stage);
            if (stages.length % 10 === 1) {
              await workbench.screenshot(join(pictures, `2-stage-${stages.length}.png`));
            }
          }
          return progress.isVisible();
        },
        (visible) => !visible,
        hour / 2,
      );
      await workbench.screenshot(join(pictures, '3-ready.png'));
      assert.ok(stages.length > 5, stages.join('\n'));
      assert.ok(existsSync(pythonOf(join(workspace, '.venv'))));
      const explorer = await ExplorerPage.find(workbench, 300_000);
      await explorer.segments.first().waitFor({ timeout: 300_000 });
      await workbench.screenshot(join(pictures, '4-run.png'));
      await workbench.runCommand('Stop Run');
      await explorer.state('stopped').waitFor({ timeout: 300_000 });
    },
  );
}
