import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { z } from 'zod';
import { appendProbes } from '../../../src/run/probes.ts';
import type { RunStore } from '../../../src/run/store.ts';
import type { RunActions } from '../../../src/views/explorer/session.ts';
import { probeOf } from '../../fixtures/probe.ts';
import { ExplorerHarness, noActions } from '../explorer/harness.ts';
import { synthesized } from '../explorer/runs.ts';
import { themes, type ThemeName } from '../support/themes.ts';

/** Probes in the explorer's own front end: named, explained, forked on from. */

let harness: ExplorerHarness;
before(async () => {
  harness = await ExplorerHarness.start();
});
after(() => harness.stop());

/** Where pictures go that a person wants to look at. */
const pictures = process.env.ADAPTIVE_GRPO_PICTURES;

type Fork = Parameters<RunActions['fork']>[0];

/** An explorer at a tree that three probes join while it is open. */
async function openWithProbes(t: TestContext, theme: ThemeName = 'dark') {
  const store: RunStore = await synthesized(t, { completions: 32 });
  const group = store.groups().at(-1);
  assert.ok(group);
  const tree = store.tree(group.step, group.prompt_id);
  const [root] = tree;
  assert.ok(root);
  const forks: Fork[] = [];
  const actions = {
    ...noActions,
    fork: (place: Fork) => Promise.resolve(void forks.push(place)),
  };
  const explorer = await harness.open({ source: store, actions, theme, width: 1500 });
  t.after(async () => {
    await explorer.close();
    assert.deepEqual(explorer.complaints, []);
  });
  const { page, session } = explorer;
  const segments = page.locator('.pane.rollouts .row.segment');
  await segments.first().waitFor();
  const { step, prompt_id } = group;
  session.reveal({ step, prompt_id, segment_id: root.segment_id, position: 2 });
  await page.locator('.pane.path .detail .facts').waitFor();
  const origin = probeOf(root).origin;
  assert.ok(origin);
  await appendProbes(store.directory, [
    probeOf(root, { fork_at: 3 }),
    probeOf(root, {
      fork_at: 3,
      reward: null,
      rewards: null,
      status: 'length',
      origin: { ...origin, source: 'live', name: '', forced: null, unscored: 'no_endpoint' },
    }),
    probeOf(root, {
      fork_at: 3,
      rewards: { accuracy: 0 },
      reward: 0,
      origin: { ...origin, uncertainty: 'lower_bound', logprob: 'temperature_1' },
    }),
  ]);
  const probes = segments.filter({ has: page.locator('.label', { hasText: /^\s*probe \d/ }) });
  await probes.nth(2).waitFor();
  return { page, probes, forks, root };
}

test('probes appear in the open tree, say what they are, and what they were made to begin with', async (t) => {
  const { page, probes } = await openWithProbes(t);
  const spoken = (await probes.nth(0).innerText()).replaceAll(/\s+/g, ' ');
  assert.match(spoken, /probe 1 "so" ?, forced/);
  assert.match(spoken, /right/);
  assert.match(spoken, /reward 1\.00/);
  assert.match(spoken, /tokens, not trained/);
  const labels = await probes.locator('.label').all();
  const titles = await Promise.all(labels.map((label) => label.getAttribute('title')));
  assert.match(titles[0] ?? '', /^Sampled on request from box \(tiny ✓\); never trained on\./);
  assert.match(titles[0] ?? '', /made to begin with "so"/);
  assert.match(titles[0] ?? '', /says nothing about how sure it was/);
  assert.match(titles[1] ?? '', /the live policy[^]*Not scored: the run’s rewards can’t be asked/);
  assert.match(titles[2] ?? '', /lower bound[^]*at temperature 1/);
  assert.equal(await probes.nth(1).locator('.reward').getAttribute('title'), 'Not scored');

  await probes.nth(0).click();
  await page.locator('.pane.path .crumbs', { hasText: /probe 1/ }).waitFor();
  await page.locator('.pane.path .scroller').focus();
  await page.keyboard.press('End');
  const detail = page.locator('.pane.path .detail');
  await detail.getByText('How sure the policy was of this token is not known.').waitFor();
  assert.match(await detail.innerText(), /No alternatives are known\./);
});

test('b forks before the token with the cursor, a button with an alternative', async (t) => {
  const { page, forks, root } = await openWithProbes(t);
  const { segment_id } = root;
  await page.locator('.pane.path .scroller').focus();
  await page.keyboard.press('b');
  await page.getByRole('button', { name: 'Fork from here (b)' }).click();
  await page.locator('.pane.path .scroller').focus();
  const button = page.locator('.detail').getByRole('button', { name: /^Fork with / });
  for (let i = 0; i < 40 && (await button.count()) === 0; i++) {
    await page.keyboard.press('ArrowRight');
    await page.waitForTimeout(100);
  }
  await button.first().click();
  for (let i = 0; i < 50 && forks.length < 3; i++) await page.waitForTimeout(20);
  const [first, second, third] = forks;
  assert.deepEqual(first, { segment_id, position: 2 });
  assert.deepEqual(second, { segment_id, position: 2 });
  assert.equal(typeof third?.alternative, 'number');
});

for (const theme of Object.keys(themes).filter((name): name is ThemeName => name in themes)) {
  test(`probes: axe finds nothing serious in the ${theme} theme`, async (t) => {
    const { page, probes } = await openWithProbes(t, theme);
    await probes.nth(0).click();
    await page.locator('.pane.path .crumbs', { hasText: /probe 1/ }).waitFor();
    if (pictures !== undefined)
      await page.screenshot({ path: join(pictures, `fork-${theme}.png`) });
    const source = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
    await page.evaluate(await readFile(source, 'utf8'));
    const found: unknown = await page.evaluate(
      `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
        violations.map(({ id, impact, nodes }) => ({ id, impact, html: nodes[0]?.html ?? '' })))`,
    );
    const violations = z
      .array(z.object({ id: z.string(), impact: z.string().nullable(), html: z.string() }))
      .parse(found);
    const serious = violations.filter(
      ({ impact }) => impact === 'serious' || impact === 'critical',
    );
    assert.deepEqual(serious, []);
  });
}
