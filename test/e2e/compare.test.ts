import assert from 'node:assert/strict';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import type { Frame } from 'playwright-core';
import { root } from '../../scripts/vscode/install.ts';
import type { Workbench } from '../../scripts/vscode/workbench.ts';
import { readComparison } from '../../src/compare/load.ts';
import { readManifest } from '../../src/run/manifest-file.ts';
import { writeSides } from '../unit/views/compare/runs.ts';
import { checkAccessibility } from './support/accessibility.ts';
import { eventually } from './support/expect.ts';
import { inVsCode } from './support/world.ts';

const pictures = join(root, 'test-results');
const folder = await mkdtemp(join(tmpdir(), 'adaptive-grpo-compare-'));
/** Two runs that start and train on two busy cores. */
const patienceMs = 150_000;

before(() => writeSides(folder, [1, 2, 3]));
after(() => rm(folder, { recursive: true, force: true }));

const recorded = Object.fromEntries(
  [1, 2, 3].flatMap((seed) =>
    ['baseline', 'adaptive'].map((side) => [
      `runs/${side}-${seed}`,
      join(folder, `${side}-${seed}`),
    ]),
  ),
);

const recipe = (budget: number, steps: number) => `model_name_or_path: base
dataset_name: arithmetic
reward_funcs: [accuracy, format]
use_token_adaptive: true
num_generations: 4
num_roots: 2
per_device_train_batch_size: 16
max_completion_length: 64
lr_scheduler_type: constant_with_warmup
max_steps: ${steps}
max_generated_tokens: ${budget}
eval_steps: 2
eval_num_prompts: 16
eval_num_generations: 2
`;

const comparison = (workbench: Workbench, selector = '.compare .figures', timeout?: number) =>
  workbench.webviewWith(selector, timeout);

/** All that was checked in the open list is chosen. */
async function pickAll({ page }: Workbench, texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    await page.locator('.quick-input-list .monaco-list-row', { hasText: text }).first().click();
  }
  await page.keyboard.press('Enter');
}

async function openRecorded(workbench: Workbench): Promise<Frame> {
  const { page } = workbench;
  await workbench.runCommand('Adaptive GRPO: Open Comparison');
  await workbench.pick('Two recorded or live runs');
  await page.getByPlaceholder('First side, such as the baseline').waitFor();
  await pickAll(workbench, ['baseline 1', 'baseline 2', 'baseline 3']);
  await page.getByPlaceholder('Second side').waitFor();
  await pickAll(workbench, ['adaptive 1', 'adaptive 2', 'adaptive 3']);
  return comparison(workbench);
}

/** VS Code's own dialogs look up every path, and may still be filling in the one they propose. */
async function answerDialog({ page }: Workbench, path: string): Promise<void> {
  const input = page.locator('.quick-input-widget:not([style*="display: none"]) input').first();
  await input.waitFor();
  for (let i = 0; i < 30 && (await input.isVisible()); i += 1) {
    if ((await input.inputValue()) === path) await page.keyboard.press('Enter');
    else await input.fill(path);
    await page.waitForTimeout(500);
  }
}

/**
 * From the file explorer's context menu, which takes no click in its first moments, and lacks what
 * extensions add to it while the window is young.
 */
async function openFromMenu({ page }: Workbench, file: string): Promise<void> {
  const row = page.locator(`.explorer-viewlet [aria-label^="${file}"]`).first();
  const item = page.locator('.monaco-menu .action-label', { hasText: 'Open Comparison' }).first();
  await eventually(
    'the menu',
    async () => {
      await row.click({ button: 'right' });
      await page.waitForTimeout(700);
      if (await item.isVisible()) return true;
      await page.keyboard.press('Escape');
      return false;
    },
    (shown) => shown,
  );
  await item.click();
}

inVsCode(
  'a recipe is compared with its baseline while both train',
  { files: { 'recipes/tiny.yaml': recipe(6000, 8) }, timeout: 400_000 },
  async ({ workbench, workspace }) => {
    const { page } = workbench;
    await page.locator('.explorer-viewlet [aria-label^="recipes"]').first().click();
    await page.locator('.explorer-viewlet [aria-label^="tiny.yaml"]').first().dblclick();
    // Lenses are drawn anew while the extension looks around: a click may meet one that is going.
    const lens = page.locator('.codelens-decoration').getByText('Compare with Baseline').first();
    await eventually(
      'the question for seeds',
      async () => {
        await lens.click();
        const question = page.locator('.quick-input-widget').getByText('How many seeds?');
        return question.waitFor({ timeout: 3000 }).then(
          () => true,
          () => false,
        );
      },
      (asked) => asked,
    );
    await workbench.enter('1');

    // The view is there at once, and fills while the runs train.
    const view = await comparison(workbench, '.compare .side', patienceMs);
    const sides = view.locator('.side');
    await eventually(
      'the sides',
      () => sides.allInnerTexts(),
      (texts) => texts.length === 2 && texts.every((text) => text.includes('finished')),
      patienceMs,
    );
    const final = view.locator('tr[data-row="final_accuracy"]');
    assert.match(await final.innerText(), /%[^]*%/);
    for (const chart of ['reward', 'accuracy']) {
      const readings = await view.locator(`[data-chart="${chart}"] .value`).allInnerTexts();
      assert.equal(readings.length, 2);
      for (const reading of readings) assert.match(reading, /\d/, chart);
    }
    const runs = await readdir(join(workspace, 'runs'));
    const manifests = await Promise.all(
      runs.map((run) => readManifest(join(workspace, 'runs', run))),
    );
    assert.deepEqual(manifests.map(({ strategy }) => strategy).sort(), ['adaptive', 'baseline']);
    const [first, second] = manifests;
    assert.equal(first?.seed, second?.seed);
    assert.deepEqual(
      manifests.map((manifest) => manifest.recipe.max_generated_tokens),
      [6000, 6000],
    );
    assert.deepEqual(manifests.map(({ name }) => name).sort(), [
      'tiny adaptive seed 42',
      'tiny baseline seed 42',
    ]);

    await view.locator('.prompts-section').scrollIntoViewIfNeeded();
    await view.getByText('All steps').click();
    await view.locator('.filter', { hasText: 'All' }).click();
    const prompts = view.locator('.row.prompt');
    await prompts.first().waitFor();
    const right = Number(
      /\d+/.exec(await view.locator('.filter', { hasText: 'Both right' }).innerText())?.[0],
    );
    await view.locator('.filter', { hasText: 'Both right' }).click();
    await eventually(
      'the prompts that are listed',
      () => prompts.count(),
      (count) => (right < 10 ? count === right : count >= 10),
    );
    await view.locator('.filter', { hasText: 'All' }).click();
    await prompts.first().locator('.twisty').click();
    await view.locator('.row.completions').first().click();
    await view.getByRole('button', { name: 'Diff' }).click();
    await page.locator('.monaco-diff-editor').waitFor();
    await page.locator('.monaco-diff-editor .view-line').first().waitFor();
    await workbench.screenshot(join(pictures, 'compare-diff.png'));
    await workbench.tab('tiny: baseline and adaptive').click();

    await workbench.reload();
    const again = await comparison(workbench, '.compare .figures', patienceMs);
    assert.equal((await again.locator('.side').allInnerTexts()).join().split('finished').length, 3);
  },
);

inVsCode(
  'stop ends all runs of a comparison, also those that wait',
  { files: { 'recipes/long.yaml': recipe(10_000_000, 10_000) }, timeout: 400_000 },
  async ({ workbench, workspace }) => {
    const { page } = workbench;
    await workbench.runCommand('Adaptive GRPO: Compare with Baseline');
    await workbench.enter('2');
    const view = await comparison(workbench, '.compare .side', patienceMs);
    const sides = view.locator('.side');
    await eventually(
      'the sides',
      () => sides.allInnerTexts(),
      (texts) => texts.every((text) => text.includes('running') && text.includes('waits')),
      patienceMs,
    );
    await view.getByRole('button', { name: 'Stop all runs' }).click();
    await eventually(
      'the sides',
      () => sides.allInnerTexts(),
      (texts) => texts.every((text) => text.includes('stopped') && text.includes('cancelled')),
      patienceMs,
    );
    assert.equal((await readdir(join(workspace, 'runs'))).length, 2);
    assert.equal(await page.locator('.monaco-workbench').count(), 1);
  },
);

inVsCode(
  'a comparison is exported and opens again, also without its runs',
  { folders: recorded, timeout: 300_000 },
  async ({ workbench, workspace }) => {
    const view = await openRecorded(workbench);
    const table = (frame: Frame) => frame.locator('.figures tbody').innerText();
    const before = await table(view);
    const exportAs = async (form: string, path: string): Promise<void> => {
      await view.locator('vscode-button', { hasText: 'Export' }).click();
      await workbench.pick(form);
      await answerDialog(workbench, join(workspace, path));
    };
    const written = (path: string) =>
      eventually(
        path,
        () => readFile(join(workspace, path), 'utf8').catch(() => ''),
        (text) => text !== '',
      );
    await exportAs('Report', 'report.md');
    assert.match(await written('report.md'), /\| Final accuracy[^]*adaptive/);
    await exportAs('All Values', 'values.csv');
    assert.match(await written('values.csv'), /^side,run_id,seed,kind[^]*adaptive/);
    await exportAs('The Comparison Itself', 'comparison.json');
    await written('comparison.json');
    const kept = await readComparison(join(workspace, 'comparison.json'));
    assert.equal(kept.sides[0].runs[0]?.directory, 'runs/baseline-1', 'found again when moved');
    await view.getByRole('button', { name: 'Save the chart of Held-out accuracy' }).click();
    await answerDialog(workbench, join(workspace, 'accuracy.png'));
    await written('accuracy.png');
    assert.equal((await readFile(join(workspace, 'accuracy.png'))).toString('latin1', 1, 4), 'PNG');

    await workbench.runCommand('View: Close All Editors');
    await rm(join(workspace, 'runs'), { recursive: true });
    // Runs that nobody looks at any more stay open for ten seconds.
    await workbench.page.waitForTimeout(12_000);
    await openFromMenu(workbench, 'comparison.json');
    const again = await comparison(workbench);
    assert.equal(await table(again), before);
    await again.locator('.side', { hasText: 'recorded' }).first().waitFor();
    await again
      .getByText('Prompts are laid side by side where both sides have a run')
      .waitFor({ state: 'attached' });
  },
);

inVsCode(
  'a comparison’s file that is torn says so',
  {
    files: { 'comparison.json': '{"version": 1, "name": "hal', 'recipes/x.yaml': recipe(1, 1) },
  },
  async ({ workbench }) => {
    await openFromMenu(workbench, 'comparison.json');
    const view = await comparison(workbench, '.compare .failure');
    assert.match(await view.locator('.failure').innerText(), /not valid JSON/);
  },
);

for (const theme of [
  'Default Dark Modern',
  'Default Light Modern',
  'Default High Contrast',
  'Default High Contrast Light',
]) {
  inVsCode(
    `a comparison is drawn in ${theme}`,
    { theme, folders: recorded },
    async ({ workbench }) => {
      const view = await openRecorded(workbench);
      await view.locator('.prompts-section').scrollIntoViewIfNeeded();
      await view.locator('.row.prompt .twisty').first().click();
      await view.locator('.row.completions').first().waitFor();
      await checkAccessibility(view, theme);
      const slug = theme.replace('Default ', '').toLowerCase().replaceAll(' ', '-');
      await workbench.screenshot(join(pictures, `compare-${slug}-prompts.png`));
      await view.locator('.charts-section').scrollIntoViewIfNeeded();
      await workbench.screenshot(join(pictures, `compare-${slug}.png`));
    },
  );
}
