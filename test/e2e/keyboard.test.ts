import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { RolloutPage } from '../../scripts/vscode/rollout-page.ts';
import { allOfRole, focusOf, type Spoken } from '../../scripts/vscode/spoken.ts';
import type { Workbench } from '../../scripts/vscode/workbench.ts';
import { writeRun } from '../unit/views/compare/runs.ts';
import { eventually } from './support/expect.ts';
import { inVsCode } from './support/world.ts';

/** The whole way without a mouse; what a screen reader says is asked at every station. */

const folder = await mkdtemp(join(tmpdir(), 'adaptive-grpo-keyboard-'));
const baseline = join(folder, 'baseline');
before(async () => (await writeRun(baseline, { strategy: 'baseline', steps: 3 })).close());
after(() => rm(folder, { recursive: true, force: true }));

const recipe = `model_name_or_path: base
dataset_name: arithmetic
num_generations: 4
num_roots: 2
per_device_train_batch_size: 8
max_completion_length: 48
max_steps: 2
eval_num_prompts: 0
seed: 3
`;
/** A run that starts and trains on a busy machine. */
const patienceMs = 90_000;

/** Ten fingers on a keyboard, and ears. */
class Hands {
  readonly #workbench: Workbench;

  constructor(workbench: Workbench) {
    this.#workbench = workbench;
  }

  async press(...keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.#workbench.page.keyboard.press(key);
  }

  async type(text: string): Promise<void> {
    await this.#workbench.page.keyboard.type(text);
  }

  /** Waits until what has the focus is this to a screen reader. */
  async hears(role: string, name: RegExp, patience?: number): Promise<Spoken> {
    const seen = await eventually(
      'what has the focus',
      () => focusOf(this.#workbench.page),
      (focus) => focus?.role === role && name.test(focus.name),
      patience,
    );
    assert.ok(seen !== null);
    return seen;
  }

  /** Presses a key until the focus is on this. */
  async pressUntil(key: string, role: string, name: RegExp): Promise<Spoken> {
    for (let i = 0; i < 40; i += 1) {
      const focus = await focusOf(this.#workbench.page);
      if (focus?.role === role && name.test(focus.name)) return focus;
      await this.press(key);
      await this.#workbench.page.waitForTimeout(100);
    }
    return await this.hears(role, name, 1000);
  }

  /** Checks one row of the list that asks this, and takes it. */
  async check(question: string, name: RegExp): Promise<void> {
    await this.#workbench.page.getByPlaceholder(question).waitFor();
    // Its first row is active before the list has the focus.
    await this.press('ArrowDown');
    await this.pressUntil('ArrowDown', 'checkbox', name);
    await this.press('Space');
    await eventually(
      'the row',
      () => focusOf(this.#workbench.page),
      (focus) => focus !== null && name.test(focus.name) && focus.states.checked === 'true',
    );
    await this.press('Enter');
  }

  /** A command of the palette; a window that has just started is asked again. */
  async command(title: string): Promise<void> {
    const { page } = this.#workbench;
    await eventually(
      `the palette's answer to "${title}"`,
      async () => {
        await this.press('Escape', 'F1');
        await page.waitForTimeout(500);
        await this.type(title);
        await page.waitForTimeout(700);
        return focusOf(page);
      },
      (focus) => focus?.role === 'option' && focus.name.includes(title),
    );
    await this.press('Enter');
  }
}

inVsCode(
  'from starting a run to the table of a comparison, by keyboard alone',
  {
    files: { 'recipes/tiny.yaml': recipe },
    folders: { 'runs/baseline': baseline },
    timeout: 300_000,
  },
  async ({ workbench }) => {
    const hands = new Hands(workbench);

    // The explorer of a run that has just started: its tree has the focus.
    await hands.command('Start Adaptive GRPO Run');
    await hands.hears('treeitem', /^(\d|root \d|try \d)/, patienceMs);
    await workbench.statusItem(/GRPO 2\/2.*finished/).waitFor({ timeout: patienceMs });

    // A prompt that was resampled; its tree; a resample.
    await hands.press('/');
    await hands.hears('textbox', /^Filter prompts$/);
    await hands.press('Escape');
    await hands.press('Home');
    const prompt = await hands.pressUntil('ArrowDown', 'treeitem', /\+\d+ resamples/);
    assert.match(prompt.name, /^\d.*= \+\d+ resamples, \d\/4 right, reward \d\.\d\d$/);
    await hands.press('Enter');
    const resample = await hands.pressUntil('ArrowDown', 'treeitem', /^try \d/);
    assert.match(resample.name, /^try \d , (right|wrong|length).*, reward \d\.\d\d .* \d+ tokens$/);
    assert.ok(Number(resample.states.level) >= 3, 'below its root, below the prompt');

    // The place where it was drawn again, its token, and what else it could have been.
    await hands.press('Enter');
    await hands.hears('option', /^failure point before token \d+$/);
    await hands.press('ArrowRight');
    await hands.hears('option', /^".+", entropy \d\.\d\d$/);
    await hands.pressUntil('Tab', 'button', /^Fork with ".+"$/);

    // The same path as a document, and its next failure point.
    await hands.press('o');
    await hands.hears('textbox', /^step \d+ · try \d+ · \d+\.rollout/);
    const document = await RolloutPage.find(workbench);
    await hands.press('Control+Home', 'Control+F8');
    await eventually(
      'the cursor',
      () => document.cursor(),
      ([line]) => line > 1,
    );

    // And back, to where one was.
    await hands.press('Control+Alt+Minus');
    await hands.hears('button', /^Fork with ".+"$/);

    // Two runs side by side, their curves as numbers, and the table of figures.
    await hands.command('Adaptive GRPO: Open Comparison');
    await hands.hears('option', /Two recorded or live runs/);
    await hands.press('Enter');
    await hands.check('First side, such as the baseline', /^baseline 1, /);
    await hands.check('Second side', /^tiny, 2\/2 reward \d\.\d\d finished/);
    await workbench.tab('baseline and adaptive').waitFor();
    const numbers = /^Show the numbers of Reward as a table$/;
    await hands.pressUntil('Tab', 'button', numbers);
    await hands.press('Enter');
    await eventually(
      'the button',
      () => focusOf(workbench.page),
      (focus) => focus?.states.pressed === 'true',
    );

    // The table of the curve that was asked for, and that of all figures.
    const tables = await eventually(
      'the tables',
      () => allOfRole(workbench.page, 'table'),
      (found) => found.length >= 2,
    );
    const names = tables.map(({ name }) => name).join('\n');
    assert.match(names, /Reward/);
    assert.match(names, /^Figures of both sides; a difference is adaptive minus baseline$/m);
    const figures = (await allOfRole(workbench.page, 'rowheader')).map(({ name }) => name);
    assert.ok(figures.includes('Final accuracy, greedy'), figures.join(', '));
    await hands.pressUntil('Tab', 'region', /^Figures$/);
  },
);
