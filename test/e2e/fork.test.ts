import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import type { Locator } from 'playwright-core';
import { ExplorerPage } from '../../scripts/vscode/explorer-page.ts';
import { root } from '../../scripts/vscode/install.ts';
import { recipeFile, runEngine } from '../integration/engine/support.ts';
import { eventually } from './support/expect.ts';
import { inVsCode } from './support/world.ts';

const patienceMs = 90_000;
/** A run is started and forked, on a machine that may be busy. */
const long = { timeout: 300_000 };
const pictures = join(root, 'test-results');

const folder = await mkdtemp(join(tmpdir(), 'adaptive-grpo-fork-'));
const ended = join(folder, 'ended');
before(async () => {
  const { code, stderr } = await runEngine([await recipeFile(folder), '--output_dir', ended]);
  assert.equal(code, 0, stderr);
});
after(() => rm(folder, { recursive: true, force: true }));

/** A server that wants a key, and says nothing about how sure it was. */
const guarded = createServer((request, response) => {
  const known = request.headers.authorization === 'Bearer the key';
  const choice = { text: '12', finish_reason: 'length', logprobs: null };
  const answer = known
    ? { model: 'guarded-1', choices: [choice, choice] }
    : { error: { message: 'no such key' } };
  response.writeHead(known ? 200 : 401, { 'content-type': 'application/json' });
  response.end(JSON.stringify(answer));
});
await new Promise<void>((resolve) => guarded.listen(0, '127.0.0.1', resolve));
after(() => guarded.close());
const guardedUrl = (): string => {
  const address = guarded.address();
  assert.ok(typeof address === 'object' && address !== null);
  return `http://127.0.0.1:${address.port}/v1`;
};

/** A workspace with a run that has ended, and two servers in its settings: one isn't there. */
const withEndedRun = {
  files: {
    '.vscode/settings.json': JSON.stringify({
      'adaptiveGrpo.completionServers': [
        { name: 'nowhere', baseUrl: 'http://127.0.0.1:9/v1' },
        { name: 'guarded', baseUrl: guardedUrl(), model: 'guarded-1' },
      ],
    }),
  },
  folders: { 'runs/ended': ended },
};

/** Rows of probes in the tree. */
const probes = (explorer: ExplorerPage): Locator =>
  explorer.segments.filter({ has: explorer.frame.locator('.label', { hasText: /^\s*probe \d/ }) });

inVsCode(
  'a run that has ended is forked from its document, and a server that is down is said so',
  {
    ...withEndedRun,
    ...long,
    expectedErrors: /nowhere can’t be reached|guarded refused|Connection error|401/,
  },
  async ({ workbench, workspace }) => {
    await workbench.runCommand('Reveal in Rollout Explorer');
    const explorer = await ExplorerPage.find(workbench, patienceMs);
    await explorer.segments.first().click();
    const { keyboard } = workbench.page;
    await keyboard.press('o');
    const lines = workbench.page.locator('.monaco-editor .view-line');
    await lines.first().waitFor();
    await workbench.page.keyboard.press('Control+End');
    await keyboard.press('ArrowUp');
    await workbench.runCommand('Fork from Here');
    const [first = '', ...rest] = await workbench.picks();
    assert.match(first, /^Sample 3 continuations *checkpoint step-4/);
    assert.ok(rest.some((row) => /^Begin with *what is sampled/.test(row)) || rest.length === 4);
    await workbench.screenshot(join(pictures, 'fork-menu.png'));
    await workbench.pick('How many');
    await workbench.enter('2');
    await workbench.pick('Sample 2 continuations');
    await workbench.notification(/2 continuations from token \d+ joined the tree/).waitFor();
    await workbench
      .notification(/joined the tree/)
      .getByText('Show in Explorer')
      .click();
    await eventually(
      'the probes in the tree',
      () => probes(explorer).count(),
      (count) => count === 2,
    );
    await explorer.frame.locator('.pane.path .crumbs', { hasText: /probe 1/ }).waitFor();
    await workbench.screenshot(join(pictures, 'fork-ended.png'));

    await workbench.runCommand('Fork from Here');
    await workbench.pick('From');
    await workbench.pick('nowhere');
    await workbench.pick('Sample 2 continuations');
    await workbench.notification(/nowhere can’t be reached at http:\/\/127\.0\.0\.1:9/).waitFor();
    assert.equal(await probes(explorer).count(), 2);
    // VS Code hides what comes when three notifications, progress included, came within 800 ms.
    await workbench.closeNotifications();
    await workbench.page.waitForTimeout(1000);

    // What was chosen last is chosen still.
    await workbench.runCommand('Fork from Here');
    await workbench.pick('From');
    await workbench.pick('guarded');
    await workbench.pick('Sample 2 continuations');
    await workbench.notification(/guarded refused \(401\): no such key/).waitFor();
    await workbench.closeNotifications();
    await workbench.runCommand('Set API Key of Completion Server');
    await workbench.pick('guarded');
    await workbench.enter('the key');
    await workbench.statusItem('The key for guarded is set.').waitFor();
    await workbench.runCommand('Fork from Here');
    const [again = ''] = await workbench.picks();
    assert.match(again, /^Sample 2 continuations *guarded/);
    await workbench.pick('Sample 2 continuations');
    await eventually(
      'the probes in the tree',
      () => probes(explorer).count(),
      (count) => count === 4,
    );
    await workbench.screenshot(join(pictures, 'fork-server.png'));

    // A server that is no longer in the settings still has its key, until somebody takes it away.
    await writeFile(join(workspace, '.vscode', 'settings.json'), '{}');
    await eventually(
      'the key under its address, when VS Code has read the settings again',
      async () => {
        await workbench.runCommand('Remove API Key of Completion Server');
        const [row = ''] = await workbench.picks();
        if (!row.startsWith('http')) await keyboard.press('Escape');
        return row;
      },
      (row) => row.startsWith(guardedUrl()),
    );
    await workbench.pick(guardedUrl());
    await workbench.statusItem(`The key for ${guardedUrl()} is removed.`).waitFor();
    await workbench.runCommand('Remove API Key of Completion Server');
    await workbench.notification('No completion server has a key.').waitFor();
  },
);

inVsCode(
  'nothing is sampled in a folder that is not trusted',
  { ...withEndedRun, untrusted: true },
  async ({ workbench }) => {
    await workbench.runCommand('Reveal in Rollout Explorer');
    const explorer = await ExplorerPage.find(workbench, patienceMs);
    await explorer.segments.first().click();
    await workbench.page.keyboard.press('Enter');
    await workbench.page.keyboard.press('Home');
    await workbench.page.keyboard.press('b');
    await workbench.notification(/not trusted, so nothing is sampled/).waitFor();
    assert.equal(await probes(explorer).count(), 0);
  },
);
