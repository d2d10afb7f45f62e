import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import type { Frame } from 'playwright-core';
import { root } from '../../scripts/vscode/install.ts';
import type { Workbench } from '../../scripts/vscode/workbench.ts';
import { synthesizeRun } from '../fixtures/synthesize.ts';
import { checkAccessibility } from './support/accessibility.ts';
import { plainWords } from './support/language.ts';
import { inVsCode } from './support/world.ts';

/** How the webviews look in each theme and read in another language. */

const pictures = join(root, 'test-results', 'looks');
const folder = await mkdtemp(join(tmpdir(), 'adaptive-grpo-looks-'));
const recorded = join(folder, 'recorded');

before(() => synthesizeRun(recorded, { completions: 64, tokensPerCompletion: 60, seed: 7 }));
after(() => rm(folder, { recursive: true, force: true }));

const world = {
  files: { 'recipes/mine.yaml': 'uncertainty_threshold: 0.7\nentropy_threshold: 2.0\n' },
  folders: { 'runs/recorded': recorded },
  timeout: 300_000,
};

/** Each view by name, in front of whatever there was; the form while the files are in sight. */
const views: Readonly<Record<string, (workbench: Workbench) => Promise<Frame>>> = {
  'recipe-form': async (workbench) => {
    const file = (name: string) =>
      workbench.page.locator(`.explorer-viewlet [aria-label^="${name}"]`).first();
    await file('recipes').click();
    await file('mine.yaml').dblclick();
    await workbench.runCommand('Open Recipe as Form');
    const frame = await workbench.webviewWith('#field-uncertainty_threshold');
    await frame.locator('.histogram').first().waitFor();
    return frame;
  },
  explorer: async (workbench) => {
    await workbench.runCommand('Reveal in Rollout Explorer');
    const frame = await workbench.webviewWith('.pane.rollouts .row.segment');
    await frame.locator('[aria-controls="recipe-panel"]').click();
    await frame.locator('.recipe-panel vscode-checkbox').click();
    await frame.locator('.recipe-panel .knob').first().waitFor();
    return frame;
  },
  charts: async (workbench) => {
    await workbench.showContainer('Adaptive GRPO');
    return workbench.webviewWith('canvas');
  },
};

/** As the picker of themes calls them, with the class that a page's body has in each. */
const themes = [
  ['Dark Modern', 'vscode-dark'],
  ['Light Modern', 'vscode-light'],
  ['Dark High Contrast', 'vscode-high-contrast'],
  ['Light High Contrast', 'vscode-high-contrast-light'],
] as const;

inVsCode('every webview can be read in every theme', world, async ({ workbench }) => {
  for (const [name, open] of Object.entries(views)) {
    const frame = await open(workbench);
    for (const [theme, look] of themes) {
      await workbench.runCommand('Preferences: Color Theme');
      await workbench.enter(theme);
      await frame.locator(`body.${look}`).waitFor();
      await workbench.page.waitForTimeout(300);
      const slug = theme.toLowerCase().replaceAll(' ', '-');
      await workbench.screenshot(join(pictures, `${name}-${slug}.png`));
      // A view's page lets the side bar behind it shine through, which axe can't see.
      await frame.evaluate(
        `if (getComputedStyle(document.body).backgroundColor === 'rgba(0, 0, 0, 0)')
          document.body.style.background = 'var(--vscode-sideBar-background)'`,
      );
      await checkAccessibility(frame, `${name} in ${theme}`);
    }
  }
});

/** What the user, the model or the recipe wrote; and what is called the same in every language. */
const data: Readonly<Record<string, string[]>> = {
  charts: [],
  explorer: [
    'bdi',
    '.run-name',
    '.line',
    '[role=option]',
    '.row.prompt',
    '.reward',
    '.alt-fork',
    '.knob label',
    '.control',
  ],
  'recipe-form': ['h1', 'label', 'code', '.answer', '.control', '.expects', '.reset'],
};

inVsCode(
  'every text of the webviews is in the language of VS Code',
  { ...world, pseudoLanguage: true },
  async ({ workbench }) => {
    for (const [name, open] of Object.entries(views)) {
      const frame = await open(workbench);
      const { length } =
        (await frame.locator('body').innerText()).match(/[À-ɏ\u1e00-\u1eff]/g) ?? [];
      assert.ok(length > 50, `${name} is in the other language`);
      assert.deepEqual(await plainWords(frame, data[name] ?? []), [], name);
      await workbench.screenshot(join(pictures, `${name}-pseudo.png`));
    }
  },
);
