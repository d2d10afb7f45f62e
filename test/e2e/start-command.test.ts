import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isAlive } from '../../scripts/alone.mjs';
import { runDirectories } from '../../scripts/start/runs.ts';
import { ExplorerPage } from '../../scripts/vscode/explorer-page.ts';
import { launchChromium } from '../../scripts/vscode/chromium.ts';
import { root } from '../../scripts/vscode/install.ts';
import { Workbench } from '../../scripts/vscode/workbench.ts';
import { readManifest } from '../../src/run/manifest-file.ts';
import { eventually } from './support/expect.ts';

const minute = 60_000;

// Windows has no Ctrl-C that one process could send another.
const skip = process.platform === 'win32';

test(
  'npm start shows a live run; Ctrl-C ends all of it',
  { skip, timeout: 8 * minute },
  async () => {
    const script = join(root, 'scripts', 'start.ts');
    const start = spawn(process.execPath, [script, '--served'], { cwd: root });
    const ended = new Promise<number | null>((resolve) => start.on('exit', resolve));
    let output = '';
    start.stdout.on('data', (data: Buffer) => (output += data.toString()));
    start.stderr.on('data', (data: Buffer) => (output += data.toString()));
    after(async () => {
      // Not by force: it has things of its own to end.
      start.kill('SIGINT');
      await ended;
    });

    const said = (words: RegExp): Promise<string> =>
      eventually(
        'what npm start says',
        () => output,
        (text) => words.test(text),
        4 * minute,
      );
    await said(/step \d+\/\d+ {2}reward \d/);
    const url = /http:\/\/127\.0\.0\.1:\S+/.exec(output)?.[0] ?? '';

    const refused = await fetch(url.replace(/tkn=[^&]*/, 'tkn=wrong'));
    assert.equal(refused.status, 403, 'nobody without the token gets in');

    const browser = await launchChromium(() => undefined);
    try {
      const workbench = await Workbench.open(browser, url);
      const explorer = await ExplorerPage.find(workbench, minute);
      await explorer.state('running').waitFor();
      await workbench.webviewWith('canvas', minute);
    } finally {
      await browser.close();
    }

    const workspace = decodeURIComponent(/folder=(\S+)/.exec(url)?.[1] ?? '');
    const newest = (await runDirectories(workspace)).at(-1) ?? '';
    const { pid } = await readManifest(newest);
    start.kill('SIGINT');
    assert.equal(await ended, 130);
    assert.ok(!isAlive(pid), 'the engine is gone');
    assert.equal((await readManifest(newest)).state, 'stopped');
    await assert.rejects(fetch(url), 'VS Code is gone');
  },
);
