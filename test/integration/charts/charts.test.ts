import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, afterEach, before, test } from 'node:test';
import { z } from 'zod';
import type { ChartsState, MetricRow } from '../../../src/views/charts/protocol.ts';
import { ChartsHarness } from './harness.ts';
import type { OpenCharts } from './harness.ts';

let harness: ChartsHarness;
let charts: OpenCharts | null = null;

before(async () => {
  harness = await ChartsHarness.start();
});
after(() => harness.stop());
afterEach(async () => {
  const { complaints, page } = charts ?? {};
  charts = null;
  await page?.close();
  assert.deepEqual(complaints ?? [], [], 'nothing was complained about');
});

async function open(options: Parameters<ChartsHarness['open']>[0] = {}): Promise<OpenCharts> {
  charts = await harness.open(options);
  return charts;
}

const steps = (count: number): MetricRow[] =>
  Array.from({ length: count }, (_, i) => ({
    step: i + 1,
    metrics: {
      reward: 0.2 + i / 100,
      entropy: 0.5 / (i + 1),
      'adaptive/truncation_rate': 0.5,
      'tokens/generated': 1000 * (i + 1),
      'tokens/reused': 500 * (i + 1),
      kl: 0.01,
    },
  }));
const evaluations: MetricRow[] = [
  { step: 0, metrics: { 'eval/accuracy': 0.25, 'eval/pass@1': 0.2, 'tokens/generated': 0 } },
];
const run = (change: Partial<Extract<ChartsState, { kind: 'run' }>> = {}): ChartsState => ({
  kind: 'run',
  directory: '/runs/one',
  name: 'one',
  state: 'running',
  alive: true,
  max_steps: 200,
  steps: steps(10),
  evaluations,
  ...change,
});

test('each state says what it is, and what comes from a run is text', async () => {
  const { page, channel, asked } = await open();
  const main = page.locator('main');
  await main.getByText('Loading…').waitFor();
  channel.send('state', { kind: 'none' });
  await main.getByText('There is no run to chart.').waitFor();
  channel.send('state', { kind: 'loading', name: '<img src=x onerror=alert(1)>' });
  await main.getByText('Reading <img src=x onerror=alert(1)>…').waitFor();
  channel.send('state', { kind: 'failed', name: 'one', message: 'It is newer.', next: 'Update.' });
  await main.getByText('one can’t be read. It is newer.').waitFor();
  await main.getByText('Show Log').click();
  await page.waitForFunction('true');
  assert.deepEqual(asked, ['show_log']);
  channel.send('state', run({ steps: [] }));
  await main.getByText('The first step is not finished yet.').waitFor();
  channel.send('state', run({ steps: [], alive: false, state: 'crashed' }));
  await main.getByText('The run ended before its first step was finished (crashed).').waitFor();
});

test('a run grows, and a repeated step takes the place of the old one', async () => {
  const { page, channel } = await open();
  channel.send('state', run());
  const reward = page.locator('.chart', { hasText: 'Reward' }).locator('.value');
  await reward.filter({ hasText: '0.29' }).waitFor();
  assert.equal(await page.locator('.chart').count(), 7);
  const more = { step: 11, metrics: { reward: 0.77, 'tokens/generated': 11_000 } };
  const nothing = { from: 1, rows: [] };
  const growth = { directory: '/runs/one', state: 'running', alive: true, evaluations: nothing };
  channel.send('grew', { ...growth, steps: { from: 10, rows: [more] } });
  await reward.filter({ hasText: '0.77' }).waitFor();
  const again = { step: 10, metrics: { reward: 0.11, 'tokens/generated': 10_000 } };
  channel.send('grew', { ...growth, steps: { from: 9, rows: [again] } });
  await reward.filter({ hasText: '0.11' }).waitFor();
  // Growth of a run that is no longer shown is not for these charts.
  channel.send('grew', { ...growth, directory: '/runs/two', steps: { from: 10, rows: [more] } });
  channel.send('state', run({ directory: '/runs/two', steps: steps(3) }));
  await reward.filter({ hasText: '0.22' }).waitFor();
});

test('the keyboard walks over the points of a chart, and all charts show that moment', async () => {
  const { page, channel } = await open();
  channel.send('state', run());
  const slider = page.getByRole('slider', { name: 'Reward' });
  await slider.focus();
  const said = () => slider.getAttribute('aria-valuetext');
  assert.equal(await said(), '0.29 at step 10');
  await page.keyboard.press('ArrowLeft');
  assert.equal(await said(), '0.28 at step 9');
  await page.keyboard.press('Home');
  assert.equal(await said(), '0.20 at step 1');
  await page.keyboard.press('ArrowLeft');
  assert.equal(await said(), '0.20 at step 1', 'stays at the first');
  const entropy = page.locator('.chart', { hasText: 'Entropy' }).locator('.value');
  await entropy.filter({ hasText: '0.50' }).waitFor();
  await page.locator('.where', { hasText: 'step 1' }).waitFor();
  await page.keyboard.press('End');
  assert.equal(await said(), '0.29 at step 10');
  await page.keyboard.press('Tab');
  await page.locator('.where', { hasText: 'step 0' }).waitFor();
  const accuracy = page.getByRole('slider', { name: 'Held-out accuracy' });
  assert.equal(await accuracy.getAttribute('aria-valuetext'), 'greedy 25%, sampled 20% at step 0');
});

test('growth leaves the focus where it is', async () => {
  const { page, channel } = await open();
  channel.send('state', run());
  const slider = page.getByRole('slider', { name: 'Truncation rate' });
  await slider.focus();
  channel.send('state', run({ steps: steps(12) }));
  // What one reads stays: the cursor is where it was, the summary knows the new steps.
  await page.locator('#summary-reward', { hasText: 'latest 0.31 at step 12' }).waitFor();
  await page.locator('.where', { hasText: 'step 10' }).waitFor();
  assert.equal(
    await page.evaluate('document.activeElement.getAttribute("aria-label")'),
    'Truncation rate',
  );
});

test('each chart is summed up for who can’t see it', async () => {
  const { page, channel } = await open();
  channel.send('state', run());
  const slider = page.getByRole('slider', { name: 'Reward' });
  const id = await slider.getAttribute('aria-describedby');
  const summary = await page.locator(`[id="${id ?? ''}"]`).textContent();
  assert.match(summary ?? '', /^Reward\. latest 0\.29 at step 10, from 0\.20 at step 1;/);
});

test('the axis and all metrics are chosen, kept, and restored', async () => {
  const { page, channel, savedState } = await open();
  channel.send('state', run());
  await page.locator('vscode-checkbox').click();
  await page.locator('.chart', { hasText: 'kl' }).waitFor();
  await page.locator('vscode-dropdown').click();
  await page.locator('vscode-option', { hasText: 'by tokens' }).click();
  await page.getByRole('slider', { name: 'Reward' }).focus();
  await page.locator('.where', { hasText: '10K tokens' }).waitFor();
  const state = await savedState();
  assert.deepEqual(state, { axis: 'tokens', all: true });

  await page.close();
  const again = await open({ state });
  again.channel.send('state', run());
  await again.page.locator('.chart', { hasText: 'kl' }).waitFor();
  await again.page.getByRole('slider', { name: 'Reward' }).focus();
  await again.page.locator('.where', { hasText: '10K tokens' }).waitFor();
});

test('a state that makes no sense is the same as none', async () => {
  const { page, channel } = await open({ state: { axis: 'sideways', all: 'yes' } });
  channel.send('state', run());
  await page.getByRole('slider', { name: 'Reward' }).focus();
  await page.locator('.where', { hasText: 'step 10' }).waitFor();
});

test('the colours follow the theme', async () => {
  const { page, channel, setTheme } = await open({ theme: 'dark' });
  channel.send('state', run());
  const canvas = page.locator('canvas').first();
  await canvas.waitFor();
  const colours = () => page.evaluate("document.querySelector('canvas').toDataURL()");
  const dark = await colours();
  await setTheme('light');
  await page.waitForTimeout(200);
  assert.notEqual(await colours(), dark);
});

/** The view has its heading outside of the page: VS Code's own. */
const options = JSON.stringify({ rules: { 'page-has-heading-one': { enabled: false } } });
const violations = z.array(z.object({ id: z.string(), nodes: z.array(z.unknown()) }));
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

for (const theme of ['dark', 'light'] as const) {
  test(`axe finds nothing to complain about (${theme})`, async () => {
    const { page, channel } = await open({ theme });
    channel.send('state', run({ steps: steps(60) }));
    await page.getByText('Lines are means over').waitFor();
    await page.evaluate(await readFile(axe, 'utf8'));
    const found = violations.parse(
      await page.evaluate(`axe.run(document, ${options}).then(({ violations }) => violations.map(({ id, nodes }) =>
        ({ id, nodes: nodes.map(({ html, failureSummary }) => html + failureSummary) })))`),
    );
    assert.deepEqual(found, []);
  });
}
