import assert from 'node:assert/strict';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import type { Locator } from 'playwright-core';
import { ExplorerPage } from '../../scripts/vscode/explorer-page.ts';
import { root } from '../../scripts/vscode/install.ts';
import type { Workbench } from '../../scripts/vscode/workbench.ts';
import { synthesizeRun } from '../fixtures/synthesize.ts';
import { checkAccessibility } from './support/accessibility.ts';
import { eventually } from './support/expect.ts';
import { inVsCode } from './support/world.ts';

const pictures = join(root, 'test-results');
const folder = await mkdtemp(join(tmpdir(), 'adaptive-grpo-recipe-'));
const recorded = join(folder, 'recorded');

before(() => synthesizeRun(recorded, { completions: 64, tokensPerCompletion: 60, seed: 7 }));
after(() => rm(folder, { recursive: true, force: true }));

/** In the manner of open-r1's recipes for TRL 0.18. */
const old = `# An old recipe
model_name_or_path: Qwen/Qwen2.5-0.5B-Instruct
torch_dtype: bfloat16 # as the card likes it
dataset_name: somebody/sums
use_vllm: true
max_prompt_length: 512
num_generations: 8
warmup_ratio: 0.1
`;

const strategy = `# Cut where the policy is unsure.
uncertainty_threshold: 0.7
entropy_threshold: 2.0
`;

/** Opens a file of `recipes/` in an editor that stays. */
async function open({ page }: Workbench, name: string): Promise<Locator> {
  const row = (label: string) => page.locator(`.explorer-viewlet [aria-label^="${label}"]`).first();
  if (!(await row(name).isVisible())) await row('recipes').click();
  await row(name).dblclick();
  const editor = page.locator('.editor-instance .monaco-editor').first();
  await editor.locator('.view-line').first().waitFor();
  return editor;
}

const texts = async (all: Locator): Promise<string> =>
  (await all.allInnerTexts()).join(' | ').replaceAll('\u00a0', ' ');

inVsCode(
  'an old recipe says what newer versions changed, and is rewritten in one go',
  { files: { 'recipes/old.yaml': old } },
  async ({ workbench, workspace }) => {
    const { page } = workbench;
    const editor = await open(workbench, 'old.yaml');
    await editor.locator('.squiggly-error').first().waitFor();
    await editor.locator('.squiggly-warning').first().waitFor();

    await editor.getByText('torch_dtype').click();
    await page.keyboard.press('Control+K');
    await page.keyboard.press('Control+I');
    const hover = page
      .locator('.monaco-hover')
      .filter({ hasText: 'Its name is dtype now' })
      .first();
    await hover.waitFor();
    await page.keyboard.press('Escape');

    await page.keyboard.press('Control+.');
    const fix = page.getByText('Change everything that newer versions of TRL changed').first();
    await fix.click();
    await page.keyboard.press('Control+S');
    const changed = old
      .replace('torch_dtype', 'dtype')
      .replace('use_vllm: true\n', 'use_vllm: true\nvllm_mode: server\n')
      .replace('max_prompt_length: 512\n', '')
      .replace('warmup_ratio', 'warmup_steps');
    const path = join(workspace, 'recipes/old.yaml');
    await eventually(
      'the recipe',
      () => readFile(path, 'utf8'),
      (text) => text === changed,
    );
    await eventually(
      'what is wrong',
      () => editor.locator('.squiggly-error').count(),
      (n) => n === 0,
    );
  },
);

inVsCode(
  'while one types: keys and their words are offered, mistakes are said, the answer follows',
  { files: { 'recipes/mine.yaml': strategy }, folders: { 'runs/recorded': recorded } },
  async ({ workbench }) => {
    const { page } = workbench;
    const editor = await open(workbench, 'mine.yaml');
    const lenses = editor.locator('.codelens-decoration');
    const before = await eventually(
      'the lens',
      () => texts(lenses),
      (text) => /What would it do\? .* of rollouts trigger/.test(text),
    );
    assert.match(before, /Start/);
    assert.match(before, /Dry Run/);

    // A threshold that nothing falls below: the answer is another one.
    await editor.getByText('0.7').click();
    await page.keyboard.press('End');
    await page.keyboard.press('Backspace');
    await page.keyboard.type('01');
    await eventually(
      'the lens',
      () => texts(lenses),
      (text) => text !== before && text.includes('What would it do? '),
    );

    await page.keyboard.press('Control+End');
    await page.keyboard.type('fork_p');
    await page.keyboard.press('Control+Space');
    const widget = page.locator('.suggest-widget');
    await widget.getByText('fork_policy').first().waitFor();
    await page.keyboard.press('Enter');
    await eventually(
      'the editor',
      () => texts(editor.locator('.view-line')),
      (text) => text.includes('fork_policy: first_failure'),
    );
    await page.keyboard.type('top_entropi');
    await editor.locator('.squiggly-error').first().waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+.');
    await page.getByText('Change it to "top_entropy"').first().click();
    await eventually(
      'the editor',
      () => texts(editor.locator('.view-line')),
      (text) => text.includes('fork_policy: top_entropy'),
    );
    await eventually(
      'what is wrong',
      () => editor.locator('.squiggly-error').count(),
      (n) => n === 0,
    );

    await lenses.getByText('What would it do?').first().click();
    const answer = page.locator('.editor-instance').filter({ hasText: 'Triggers are exact' });
    await answer.waitFor();
    await workbench.screenshot(join(pictures, 'what-would-it-do.png'));
  },
);

inVsCode(
  'the form and the text are two editors of one file',
  { files: { 'recipes/mine.yaml': strategy }, folders: { 'runs/recorded': recorded } },
  async ({ workbench, workspace }) => {
    const { page } = workbench;
    const editor = await open(workbench, 'mine.yaml');
    await editor.locator('.codelens-decoration').getByText('Form').first().waitFor();
    await workbench.runCommand('Open Recipe as Form');
    const form = await workbench.webviewWith('#field-uncertainty_threshold');
    await form.locator('.histogram').first().waitFor();
    await workbench.screenshot(join(pictures, 'recipe-form.png'));

    // Keyboard only: one step of the slider.
    await form.locator('#field-uncertainty_threshold').focus();
    await page.keyboard.press('ArrowLeft');
    const path = join(workspace, 'recipes/mine.yaml');
    const lines = editor.locator('.view-line');
    const shows = (text: string) =>
      eventually(
        'the text',
        () => texts(lines),
        (all) => all.includes(text),
      );
    await shows('uncertainty_threshold: 0.69');
    await form.locator('#field-fork_policy').selectOption('top_entropy');
    await shows('fork_policy: top_entropy');
    assert.match(await texts(lines), /# Cut where the policy is unsure\./);

    // Undo belongs to VS Code, in either editor.
    await editor.getByText('fork_policy').click();
    await page.keyboard.press('Control+Z');
    await eventually(
      'the form',
      () => form.locator('#field-fork_policy').inputValue(),
      (value) => value === 'first_failure',
    );
    await page.keyboard.press('Control+Y');
    await eventually(
      'the form',
      () => form.locator('#field-fork_policy').inputValue(),
      (value) => value === 'top_entropy',
    );
    await page.keyboard.press('Control+Z');

    // What is typed in the text is seen in the form, mistakes included.
    await editor.getByText('entropy_threshold').click();
    await page.keyboard.press('End');
    await page.keyboard.type('x');
    await form.locator('.problem').first().waitFor();
    await page.keyboard.press('Backspace');
    await page.keyboard.press('Control+S');
    await eventually(
      'the file',
      () => readFile(path, 'utf8'),
      (text) => text === strategy.replace('0.7', '0.69'),
    );

    // Somebody else writes the file: the form follows as the text does.
    await writeFile(path, strategy.replace('0.7', '0.42'));
    const threshold = form.locator('input.number').first();
    await eventually(
      'the form',
      () => threshold.inputValue(),
      (value) => value === '0.42',
    );
    // With changes of one's own, nothing is lost on either side: VS Code asks when it saves.
    await threshold.fill('0.5');
    await threshold.press('Enter');
    await shows('uncertainty_threshold: 0.5');
    await writeFile(path, strategy.replace('0.7', '0.3'));
    await page.waitForTimeout(1500);
    await page.keyboard.press('Control+S');
    await eventually(
      'what VS Code says',
      async () => (await workbench.notifications()).join(' '),
      (text) => text.includes('content of the file is newer'),
    );
    assert.equal(await threshold.inputValue(), '0.5');
    assert.equal(await readFile(path, 'utf8'), strategy.replace('0.7', '0.3'));
    await checkAccessibility(form, 'the form');
  },
);

inVsCode(
  'what may change in a live run is applied to it from its recipe',
  { files: { 'recipes/mine.yaml': `${strategy}max_steps: 2000\neval_num_prompts: 0\n` } },
  async ({ workbench, workspace }) => {
    const { page } = workbench;
    const editor = await open(workbench, 'mine.yaml');
    await workbench.runCommand('Start Adaptive GRPO Run');
    const explorer = await ExplorerPage.find(workbench);
    await explorer.state('running').waitFor({ timeout: 60_000 });
    await workbench.tab('mine.yaml').click();
    await editor.getByText('0.7').click();
    await page.keyboard.press('End');
    await page.keyboard.press('Backspace');
    await page.keyboard.type('55');
    const lens = editor
      .locator('.codelens-decoration')
      .getByText('Apply to the running run')
      .first();
    await lens.waitFor();
    await workbench.runCommand('Apply Recipe to Its Running Run');
    const runs = join(workspace, 'runs');
    const [run = ''] = await readdir(runs);
    await eventually(
      'the log of the run',
      () => readFile(join(runs, run, 'events.jsonl'), 'utf8'),
      (log) =>
        /"command":"set".*"applied".*"uncertainty_threshold":\{"old":0.7,"new":0.55\}/.test(log),
    );
    await lens.waitFor({ state: 'detached' });
  },
);

inVsCode(
  'a dry run trains the tiny model with the strategy of a recipe for a large one',
  {
    files: {
      'recipes/large.yaml': `engine: trl\nmodel_name_or_path: Qwen/Qwen2.5-7B\n${strategy}`,
    },
  },
  async ({ workbench }) => {
    const editor = await open(workbench, 'large.yaml');
    await editor.locator('.codelens-decoration').getByText('Dry Run').first().waitFor();
    await workbench.runCommand('Dry Run of Recipe');
    const explorer = await ExplorerPage.find(workbench);
    await explorer.state('finished').waitFor({ timeout: 120_000 });
    await explorer.prompts.first().waitFor();
  },
);
