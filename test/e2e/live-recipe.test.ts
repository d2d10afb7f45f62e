import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ExplorerPage } from '../../scripts/vscode/explorer-page.ts';
import { EVENTS, RECIPE } from '../../src/run/files.ts';
import { readManifest } from '../../src/run/manifest-file.ts';
import { parseEvent } from '../../src/run/model/events.ts';
import { eventually } from './support/expect.ts';
import { inVsCode } from './support/world.ts';

/** From the key press to the first rollouts, on a busy machine with two cores. */
const patienceMs = 90_000;

inVsCode(
  'a live run is changed from the explorer, and the rest is for the next run',
  {},
  async ({ workbench, workspace }) => {
    const { page } = workbench;
    await workbench.runCommand('Start Adaptive GRPO Run');
    const explorer = await ExplorerPage.find(workbench, patienceMs);
    await explorer.segments.first().waitFor({ timeout: patienceMs });
    const [name = ''] = await readdir(join(workspace, 'runs'));
    const directory = join(workspace, 'runs', name);
    const launched = await readFile(join(directory, RECIPE), 'utf8');

    // By keyboard alone: the key of the recipe, then the field of the temperature.
    await explorer.frame.locator('.pane.path .scroller').focus();
    await page.keyboard.press('r');
    const panel = explorer.frame.getByRole('region', { name: 'Recipe of this run' });
    const temperature = panel.getByRole('textbox', { name: 'temperature, as a number' });
    await temperature.fill('1.15');
    await temperature.press('Enter');
    await panel
      .locator('.knob-note', { hasText: /was 1 up to step \d+/ })
      .waitFor({ timeout: patienceMs });

    const events = (await readFile(join(directory, EVENTS), 'utf8')).trimEnd().split('\n');
    const commands = events.map(parseEvent).filter((event) => event.type === 'command');
    assert.deepEqual(
      commands.map(({ command, outcome, changes }) => ({ command, outcome, changes })),
      [{ command: 'set', outcome: 'applied', changes: { temperature: { old: 1, new: 1.15 } } }],
    );
    assert.equal((await readManifest(directory)).recipe.temperature, 1.15);

    // What makes no sense is refused in words, and what holds stays in view.
    await temperature.fill('cold');
    await temperature.press('Enter');
    await panel.locator('.refused', { hasText: 'temperature' }).waitFor({ timeout: patienceMs });
    assert.equal(await temperature.inputValue(), '1.15');

    const find = panel.getByRole('textbox', { name: 'Find a key' });
    await find.fill('max_steps');
    const steps = panel.getByRole('textbox', { name: 'max_steps' });
    const before = await steps.inputValue();
    await steps.fill('321');
    await steps.press('Enter');
    await panel.getByText(`next run; now ${before}`).waitFor();
    await panel.getByRole('button', { name: 'Open as a New Recipe' }).click();
    const copy = page.locator('.tab', { hasText: 'adaptive_grpo_2.yaml' });
    await copy.waitFor();
    await page.locator('.monaco-editor .view-lines', { hasText: 'max_steps: 321' }).waitFor();
    await page.keyboard.press('Control+S');
    const saved = await eventually(
      'the new recipe',
      () => readFile(join(workspace, 'recipes/adaptive_grpo_2.yaml'), 'utf8').catch(() => ''),
      (text) => text.includes('max_steps: 321'),
    );
    assert.equal(saved, launched.replace(/^max_steps: \d+/m, 'max_steps: 321'));
    assert.equal(
      await readFile(join(directory, RECIPE), 'utf8'),
      launched,
      'the run keeps its own',
    );

    await workbench.runCommand('Stop Run');
    await explorer.state('stopped').waitFor({ timeout: patienceMs });
    await panel.getByText('This run takes no commands').waitFor();
  },
);
