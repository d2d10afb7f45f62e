import assert from 'node:assert/strict';
import { inVsCode } from './support/world.ts';

inVsCode(
  'a broken recipe is a sentence that names line and key',
  {
    files: {
      'recipes/broken.yaml': 'dataset_name: arithmetic\nnum_generation: 8\nlearning_rate: fast\n',
    },
    expectedErrors: /learning_rate|broken\.yaml/,
  },
  async ({ workbench }) => {
    await workbench.runCommand('Start Adaptive GRPO Run');
    const note = workbench.notification('learning_rate');
    await note.waitFor();
    const text = await note.innerText();
    assert.match(text, /3/, 'the line is named');
    assert.doesNotMatch(text, /\bat .*:\d+:\d+\)?$/m, 'no stack trace');
  },
);

inVsCode('the walkthrough opens and its first step is there', {}, async ({ workbench }) => {
  await workbench.runCommand('Welcome: Open Walkthrough...');
  await workbench.pick('Watch a model learn');
  const page = workbench.page.locator('.gettingStartedContainer');
  await page.getByText('Watch a model learn').first().waitFor();
  await page.getByText('Start a run').first().waitFor();
});
