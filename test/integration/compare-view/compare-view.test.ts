import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import { z } from 'zod';
import type { Pricing } from '../../../src/compare/model.ts';
import type { RunsSpec, Spec } from '../../../src/views/compare/spec.ts';
import { themes, type ThemeName } from '../support/themes.ts';
import { folderFor, writeRun, writeSides, writeStep } from '../../unit/views/compare/runs.ts';
import { CompareHarness, type OpenComparison } from './harness.ts';

let harness: CompareHarness;
before(async () => {
  harness = await CompareHarness.start();
});
after(() => harness.stop());

function specOf(baseline: readonly string[], adaptive: readonly string[]): RunsSpec {
  return {
    kind: 'runs',
    name: 'recipe: baseline and adaptive',
    sides: [
      { name: 'baseline', directories: [...baseline] },
      { name: 'adaptive', directories: [...adaptive] },
    ],
    targets: null,
  };
}

type Options = Parameters<CompareHarness['open']>[1] & { complaints?: RegExp };

async function open(t: TestContext, spec: Spec, options: Options = {}): Promise<OpenComparison> {
  const opened = await harness.open(spec, options);
  t.after(async () => {
    await opened.close();
    const surprising = opened.complaints.filter((each) => options.complaints?.test(each) !== true);
    assert.deepEqual(surprising, [], 'nothing was complained about');
  });
  return opened;
}

async function openSides(
  t: TestContext,
  seeds: readonly number[] = [1, 2, 3],
  options: Options & { accuracy?: number | null } = {},
): Promise<OpenComparison & { folder: string }> {
  const folder = await folderFor(t);
  const { baseline, adaptive } = await writeSides(folder, seeds, options);
  return { ...(await open(t, specOf(baseline, adaptive), options)), folder };
}

const inks = z.number();
/** How many pixels of a chart's canvas are not of its background. */
async function drawn(page: Page, chart: string): Promise<number> {
  return inks.parse(
    await page.evaluate(`(() => {
      const canvas = document.querySelector('[data-chart="${chart}"] canvas');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let i = 3; i < data.length; i += 4) if (data[i] > 0) count += 1;
      return count;
    })()`),
  );
}

/** Waits until so many elements are there. */
async function counted(page: Page, selector: string, count: number): Promise<void> {
  const found = page.locator(selector);
  for (let i = 0; i < 100 && (await found.count()) !== count; i += 1) await page.waitForTimeout(50);
  assert.equal(await found.count(), count, selector);
}

test('both sides: curves, figures, prompts side by side', async (t) => {
  const { page } = await openSides(t);
  await page.locator('.figures tbody tr').first().waitFor();
  for (const chart of ['reward', 'accuracy', 'entropy', 'length']) {
    assert.ok((await drawn(page, chart)) > 500, chart);
  }
  const final = page.locator('tr[data-row="final_accuracy"]');
  assert.match(await final.innerText(), /62\.0[^]*82\.0[^]*\+20\.0 points/);
  assert.match(await page.locator('.side').first().innerText(), /baseline\s+seed 1 finished 4/);
  assert.equal(await page.locator('tr[data-row="entropy"]').count(), 0);
  await page.getByText('All figures').click();
  await page.locator('tr[data-row="entropy"]').waitFor();
  await page.locator('.prompts-section').scrollIntoViewIfNeeded();
  const titles = page.locator('.row.prompt .label');
  await titles.first().waitFor();
  assert.equal(await titles.count(), 4);
  // Model output and prompts are text, never markup.
  assert.equal(await page.locator('.rows script').count(), 0);
  assert.match((await titles.allInnerTexts()).join('\n'), /91-<\/script>=/);
});

test('the cursor reads a moment across all charts, by pointer and by keyboard', async (t) => {
  const { page } = await openSides(t);
  const plot = page.locator('[data-chart="reward"] .plot');
  await plot.waitFor();
  const values = page.locator('[data-chart="accuracy"] .values');
  const latest = await values.innerText();
  await plot.hover({ position: { x: 60, y: 60 } });
  assert.notEqual(await values.innerText(), latest);
  await page.mouse.move(0, 0);
  assert.equal(await values.innerText(), latest);
  await plot.focus();
  await page.keyboard.press('Home');
  const first = (await plot.getAttribute('aria-valuetext')) ?? '';
  assert.match(first, /^1K tokens: baseline 0\.\d+ \(95% interval.*adaptive/);
  await page.keyboard.press('ArrowRight');
  assert.notEqual(await plot.getAttribute('aria-valuetext'), first);
  assert.equal((await page.locator('[role="slider"][aria-valuenow="1"]').count()) > 0, true);
});

test('a chart’s numbers as a table', async (t) => {
  const { page } = await openSides(t);
  await page.getByRole('button', { name: /numbers of Held-out accuracy/ }).click();
  const table = page.locator('[data-chart="accuracy"] table');
  assert.match(await table.innerText(), /Generated tokens\s+baseline\s+adaptive/);
  assert.match(await table.locator('tbody tr').last().innerText(), /4K tokens\s+62% \([^)]+\)/);
  assert.equal(await page.locator('[data-chart="accuracy"] .plot').isVisible(), false);
});

test('charts against steps, time, and cost once there is a price', async (t) => {
  const pricing: Pricing = { per_hour: 3600, per_million_tokens: null, currency: '€' };
  const { page } = await openSides(t, [1], { pricing });
  const plot = page.locator('[data-chart="reward"] .plot');
  await plot.waitFor();
  const against = async (name: string): Promise<string> => {
    await page.locator('.header vscode-dropdown').click();
    await page.locator('vscode-option', { hasText: name }).first().click();
    return (await plot.getAttribute('aria-valuetext')) ?? '';
  };
  assert.match(await against('optimizer steps'), /^step 4: /);
  assert.match(await against('training time'), /^8s: /);
  assert.match(await against('cost'), /^€8: /);
});

test('without a price, cost leads to the settings', async (t) => {
  const { page, done } = await openSides(t, [1]);
  await page.locator('.header vscode-dropdown').click();
  await page.locator('vscode-option', { hasText: 'cost' }).first().click();
  await page.getByText('Set a price an hour').waitFor();
  assert.deepEqual(done, [['openPrice']]);
});

test('targets are typed', async (t) => {
  const { page } = await openSides(t);
  const field = page.locator('.targets input');
  for (const pause of [0, 100, 700]) {
    await field.click();
    await page.keyboard.press('Control+A');
    await page.keyboard.press('6');
    await page.waitForTimeout(pause);
    await page.keyboard.press('0');
    await page.locator('tr[data-row="tokens_to/0.6"]').waitFor();
    assert.equal(await field.inputValue(), '60', `after ${pause} ms`);
  }
  await field.fill('55, x');
  await page.getByText('Percentages from 0 to 100').waitFor();
  await field.fill('45');
  await page.locator('tr[data-row="tokens_to/0.45"]').waitFor();
  assert.equal(await page.locator('tr[data-row^="tokens_to/"]').count(), 1);
});

test('prompts: filter, order, point of training, pair', async (t) => {
  const { page } = await openSides(t, [1, 2]);
  const rows = page.locator('.row.prompt');
  await page.locator('.prompts-section').scrollIntoViewIfNeeded();
  await rows.first().waitFor();
  await page.locator('.filter', { hasText: 'Lost' }).click();
  await counted(page, '.row.prompt', 1);
  assert.match(await rows.innerText(), /7\*8= \(4\)[^]*−1\.00[^]*lost/);
  await page.locator('.filter', { hasText: 'All' }).click();
  await page.locator('.point input').focus();
  await page.keyboard.press('Home');
  await page.getByText('12+30= (1)').waitFor();
  assert.match(await page.locator('.where').innerText(), /step 1 · 1K tokens/);
  await page.getByText('All steps').click();
  await counted(page, '.row.prompt', 16);
  await page.locator('.prompts-bar input[type="text"]').fill('2+2');
  await counted(page, '.row.prompt', 4);
  await page.locator('.prompts-bar vscode-dropdown').first().click();
  await page.locator('vscode-option', { hasText: 'seed 2' }).click();
  await counted(page, '.row.prompt', 4);
});

test('keyboard alone: unfold, read both rollouts, compare them, go to the explorer', async (t) => {
  const { page, done } = await openSides(t, [1]);
  const list = page.locator('.rows');
  await page.locator('.prompts-section').scrollIntoViewIfNeeded();
  await page.locator('.row.prompt').first().waitFor();
  await list.focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowRight');
  const completions = page.locator('.row.completions');
  await completions.first().waitFor();
  await page.keyboard.press('ArrowDown');
  assert.match((await list.getAttribute('aria-activedescendant')) ?? '', /^pair-1$/);
  const text = await completions.first().innerText();
  assert.match(text, /root 1[^]*wrong[^]*≠ 3[^]*\+1\.00[^]*root 1 › try 1[^]*right/);
  await page.keyboard.press('Enter');
  await page.keyboard.press('1');
  await page.keyboard.press('2');
  await page.getByRole('button', { name: 'Explore' }).last().click();
  await page.waitForTimeout(100);
  assert.deepEqual(
    done.map(([what]) => what),
    ['diff', 'openRollout', 'openRollout', 'explore'],
  );
  const [diff, first, second, explore] = done;
  assert.match(JSON.stringify(diff), /baseline-1.*adaptive-1/);
  assert.match(String(first?.[1]), /baseline-1$/);
  assert.match(String(second?.[1]), /adaptive-1$/);
  assert.equal(first?.[3], 3, 'at the first token that differs');
  assert.deepEqual(explore?.[2], { step: 4, prompt_id: 'arithmetic/4/0' });
  await list.focus();
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowLeft');
  await counted(page, '.row.completions', 0);
});

test('strips show both rollouts, and where they part', async (t) => {
  const { page } = await openSides(t, [1]);
  await page.locator('.prompts-section').scrollIntoViewIfNeeded();
  await page.locator('.row.prompt .twisty').first().click();
  await page.locator('.row.completions .strip path').first().waitFor({ state: 'attached' });
  assert.ok((await page.locator('.row.completions .strip path').count()) >= 4);
  assert.equal(await page.locator('.row.completions').first().locator('.parting').count(), 2);
});

test('tokens are coloured as in all views', async (t) => {
  const { page } = await openSides(t, [1]);
  await page.locator('.prompts-section').scrollIntoViewIfNeeded();
  await page.locator('.row.prompt .twisty').first().click();
  await page.locator('.row.completions .strip path').first().waitFor({ state: 'attached' });
  const before = await page.locator('.row.completions .strip svg').first().innerHTML();
  await page.locator('.prompts-bar vscode-dropdown').first().click();
  await page.locator('vscode-option', { hasText: 'advantage' }).click();
  const strip = page.locator('.row.completions .strip svg').first();
  for (let i = 0; i < 100 && (await strip.innerHTML()) === before; i += 1) {
    await page.waitForTimeout(50);
  }
  assert.notEqual(await strip.innerHTML(), before);
});

const png = z.object({ name: z.string(), data: z.base64() });
test('pictures of charts are PNGs at print size', async (t) => {
  const { page, done } = await openSides(t, [1, 2], { pictures: 'light' });
  await page.locator('.figures').waitFor();
  await page.getByRole('button', { name: 'Save the chart of Reward' }).click();
  await page.getByText('1 pictures').waitFor();
  await page.getByText('Export…').click();
  await page.getByText('4 pictures').waitFor();
  const pictures = done.flatMap(([what, ...rest]) =>
    what === 'savePictures' ? rest.map((each) => png.parse(each)) : [],
  );
  assert.deepEqual(
    pictures.map(({ name }) => name),
    ['reward', 'reward', 'accuracy', 'entropy', 'length'],
  );
  for (const { data } of pictures) {
    const bytes = Buffer.from(data, 'base64');
    assert.equal(bytes.toString('latin1', 1, 4), 'PNG');
    assert.deepEqual([bytes.readUInt32BE(16), bytes.readUInt32BE(20)], [1920, 1200]);
    assert.ok(bytes.length > 10_000);
  }
});

test('a live run is followed while it can be seen, and not while it can’t', async (t) => {
  const folder = await folderFor(t);
  const { baseline } = await writeSides(folder, [1]);
  const live = join(folder, 'live');
  const run = await writeRun(live, {
    strategy: 'adaptive',
    steps: 2,
    accuracy: null,
    manifest: { state: 'running', pid: process.pid },
  });
  t.after(() => run.close());
  const { page, session } = await open(t, specOf(baseline, [live]));
  await page.getByText('seed 1 running 2/10').waitFor();
  await page.locator('.prompts-section').scrollIntoViewIfNeeded();
  await page.getByText('12+30= (2)').waitFor();
  await writeStep(run, 'adaptive', 3, 1);
  await page.getByText('seed 1 running 3/10').waitFor();
  await page.getByText('12+30= (3)').waitFor();
  // Who reads isn't carried away.
  await page.locator('.row.prompt .twisty').first().click();
  await page.locator('.row.completions').first().waitFor();
  await writeStep(run, 'adaptive', 4, 1);
  await page.getByText('seed 1 running 4/10').waitFor();
  await page.getByText('12+30= (3)').waitFor();
  session.visible = false;
  const before = inks.parse(await page.evaluate('window.received'));
  await writeStep(run, 'adaptive', 5, 1);
  await page.waitForTimeout(1500);
  assert.equal(await page.evaluate('window.received'), before);
});

test('a comparison that is being made: its runs come one by one', async (t) => {
  const folder = await folderFor(t);
  const { baseline, adaptive } = await writeSides(folder, [1]);
  const [first = '', second = ''] = [...baseline, ...adaptive];
  const { page, session } = await open(t, specOf([], []));
  await page.getByText('no runs yet').first().waitFor();
  const jobs = [
    { side: 0, seed: 1 },
    { side: 1, seed: 1 },
    { side: 0, seed: 2 },
  ] as const;
  session.follow({
    jobs,
    states: [{ kind: 'starting' }, { kind: 'starting' }, { kind: 'waiting' }],
  });
  await page.getByText('seed 2 waits').waitFor();
  await session.add(0, first);
  session.follow({
    jobs,
    states: [
      { kind: 'running', directory: first },
      { kind: 'failed', message: 'There is no such model.', next: 'Name another.' },
      { kind: 'cancelled' },
    ],
  });
  await page.getByText('seed 1 finished 4').waitFor();
  await page.getByText('adaptive seed 1: There is no such model. Name another.').waitFor();
  await page.getByText('seed 2 cancelled').waitFor();
  await session.add(1, second);
  await session.add(1, second);
  await page.locator('tr[data-row="final_accuracy"]').waitFor();
  assert.equal(await page.getByText('seed 1 finished 4').count(), 2);
});

test('a run that is deleted while open is said, and what was read stays', async (t) => {
  const { page, folder } = await openSides(t, [1]);
  await page.locator('.figures').waitFor();
  await rm(join(folder, 'adaptive-1'), { recursive: true });
  await page
    .getByText(/is not a run directory: it has no run\.json\.(?!\.)/)
    .first()
    .waitFor();
  assert.ok((await drawn(page, 'reward')) > 500);
});

test('one side is missing', async (t) => {
  const folder = await folderFor(t);
  const { baseline } = await writeSides(folder, [1]);
  const { page } = await open(t, specOf(baseline, [join(folder, 'never')]));
  await page.locator('.notice.error').waitFor();
  assert.match(await page.locator('.notice.error').innerText(), /^adaptive: /);
  await page.getByText('adaptive has no runs yet').waitFor();
  await page.locator('.prompts-section').scrollIntoViewIfNeeded();
  await page.getByText('Prompts are laid side by side where both sides have a run').waitFor();
});

test('nothing at all yet', async (t) => {
  const { page } = await open(t, specOf([], []));
  await page.getByText('baseline has no runs yet').waitFor();
  assert.equal(await page.getByText('No values yet.').count(), 3);
  await page.getByText('There is nothing to tell from yet.').waitFor();
});

test('runs without evaluations, and one seed alone', async (t) => {
  const { page } = await openSides(t, [1], { accuracy: null });
  await page.getByText('Neither side has evaluated held-out prompts yet.').waitFor();
  await page.getByText(/baseline: 1 of 1 runs have no evaluation/).waitFor();
  await page.getByText(/single seed/).waitFor();
});

test('different tasks and tokenizers are said before anything else', async (t) => {
  const folder = await folderFor(t);
  const [one, other] = [join(folder, 'one'), join(folder, 'other')];
  await (await writeRun(one, { strategy: 'baseline' })).close();
  const run = await writeRun(other, {
    strategy: 'adaptive',
    manifest: { recipe: { dataset_name: 'countdown' }, model: 'another' },
  });
  await run.close();
  const { page } = await open(t, specOf([one], [other]));
  await page.getByText(/The tasks differ \(arithmetic and countdown\)/).waitFor();
  await page.getByText(/The tokenizers are not known to be the same/).waitFor();
  await page.locator('.prompts-section').scrollIntoViewIfNeeded();
  await page.locator('.row.prompt .twisty').first().click();
  await page.locator('.row.completions').first().waitFor();
  assert.equal(await page.locator('.parting').count(), 0, 'tokens are not compared');
});

test('a torn comparison says what is wrong; put right, it opens', async (t) => {
  const folder = await folderFor(t);
  const path = join(folder, 'comparison.json');
  await writeFile(path, '{"version": 1,');
  const { page } = await open(
    t,
    { kind: 'file', path, targets: null },
    { complaints: /not valid JSON/ },
  );
  await page.locator('.failure').waitFor();
  assert.match(
    await page.locator('.failure').innerText(),
    /not valid JSON[^]*cut off[^]*Try Again/,
  );
  await writeFile(
    path,
    JSON.stringify({
      version: 1,
      name: 'kept',
      created_at: '2026-01-01T00:00:00Z',
      commands: [],
      budget: null,
      pricing: { per_hour: null, per_million_tokens: null, currency: '$' },
      targets: [],
      sides: [
        { name: 'a', runs: [] },
        { name: 'b', runs: [] },
      ],
      table: [],
      notes: [],
      same_tokens: false,
    }),
  );
  await page.getByText('Try Again').click();
  await page.locator('.name', { hasText: 'kept' }).waitFor();
});

test('what one looked at is there again', async (t) => {
  const first = await openSides(t, [1], { height: 330 });
  await first.page.locator('.figures').waitFor();
  await first.page.getByRole('button', { name: 'Figures' }).click();
  await first.page.locator('.filter', { hasText: 'Both right' }).click();
  await first.page.getByText('2+2=').first().waitFor();
  await first.page.locator('.prompts-section').scrollIntoViewIfNeeded();
  await first.page.evaluate(`document.querySelector('.page').scrollTop = 30`);
  await first.page.waitForTimeout(200);
  const state: unknown = await first.page.evaluate('window.vsCodeState()');
  const { page } = await open(t, first.session.spec, { state, height: 330 });
  await page.getByText('2+2=').first().waitFor();
  assert.equal(await page.evaluate(`document.querySelector('.page').scrollTop`), 30);
  assert.equal(await page.locator('.figures').count(), 0);
  const broken = await open(t, first.session.spec, {
    state: { axis: 7, query: 'x', sections: [] },
  });
  await broken.page.locator('.figures').waitFor();
});

test('narrow: nothing is wider than the page', async (t) => {
  const { page } = await openSides(t, [1, 2], { width: 420, height: 800 });
  await page.locator('.figures').waitFor();
  await page.locator('.prompts-section').scrollIntoViewIfNeeded();
  await page.locator('.row.prompt .twisty').first().click();
  await page.locator('.row.completions').first().waitFor();
  const wide = await page.evaluate(
    `[...document.querySelectorAll('body *')].filter((element) => {
      const { right, width } = element.getBoundingClientRect();
      return right > innerWidth + 1 && width > 1 && element.closest('.figures, .data-table') === null;
    }).map((element) => element.className)`,
  );
  assert.deepEqual(wide, []);
});

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
for (const theme of z.array(z.custom<ThemeName>()).parse(Object.keys(themes))) {
  test(`axe finds nothing to complain about (${theme})`, async (t) => {
    const { page } = await openSides(t, [1, 2], { theme });
    await page.locator('.figures').waitFor();
    await page.getByRole('button', { name: /numbers of Reward/ }).click();
    await page.locator('.prompts-section').scrollIntoViewIfNeeded();
    await page.locator('.row.prompt .twisty').first().click();
    await page.locator('.row.completions').first().waitFor();
    await page.evaluate(await readFile(axe, 'utf8'));
    const found: unknown = await page.evaluate(
      `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map(({ id, nodes }) =>
        id + ': ' + nodes.map(({ html, failureSummary }) => html.slice(0, 120) + ' ' + failureSummary).join(' | ')))`,
    );
    assert.deepEqual(found, []);
  });
}
