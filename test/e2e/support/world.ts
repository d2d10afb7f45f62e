import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import type { Browser } from 'playwright-core';
import { messageOf } from '../../../src/common/errors.ts';
import { packageExtension } from '../../../scripts/package.ts';
import { endRuns } from '../../../scripts/start/runs.ts';
import { launchChromium } from '../../../scripts/vscode/chromium.ts';
import { extensionErrors } from '../../../scripts/vscode/extension-log.ts';
import { cache, root } from '../../../scripts/vscode/install.ts';
import type { ServedVsCode } from '../../../scripts/vscode/serve.ts';
import { serveVsCode } from '../../../scripts/vscode/serve.ts';
import { Workbench } from '../../../scripts/vscode/workbench.ts';
import { addPseudoLanguage, pseudo } from './language.ts';

/** A real VS Code with the packed extension, opened in a real browser, in a folder of its own. */
export interface World {
  readonly workbench: Workbench;
  readonly vscode: ServedVsCode;
  /** The folder that is open. */
  readonly workspace: string;
  /** The browser, for a second window. */
  readonly browser: Browser;
}

export interface WorldOptions {
  /** Files of the workspace: path to content. Default: one recipe, the shipped adaptive one. */
  files?: Record<string, string>;
  /** Folders to copy into the workspace: path in it to the folder. */
  folders?: Record<string, string>;
  /** Packs other extensions to install, into this folder; returns their files. */
  others?: (folder: string) => Promise<string[]>;
  /** Start in a folder that is not trusted. */
  untrusted?: boolean;
  theme?: string;
  /** The extension's texts in the language that VS Code made up for tests. */
  pseudoLanguage?: boolean;
  /** Errors that the test provokes: lines of the extension's log it must and may hold. */
  expectedErrors?: RegExp;
  /** Milliseconds for the test; default three minutes. */
  timeout?: number;
  /** Why it can't be tried here. */
  skip?: string | false;
}

const results = join(root, 'test-results', 'e2e');
const quiet = (): void => undefined;

let packed: Promise<string> | null = null;
/** `npm test` packs once for all files; a file run by itself packs for itself. */
export function vsix(): Promise<string> {
  packed ??= (async () => {
    const given = process.env.ADAPTIVE_GRPO_VSIX;
    if (given !== undefined) return given;
    const file = join(cache, 'test.vsix');
    await packageExtension(file);
    return file;
  })();
  return packed;
}

let chromium: Promise<Browser> | null = null;
after(async () => {
  await (await chromium)?.close();
});

/**
 * One test in a VS Code of its own. An error-level line of our extension, or an error in one of its
 * webviews, fails it; a failed test leaves a picture and the logs in test-results/e2e/.
 *
 * Once in a while a VS Code that has just started leaves one of two webviews opened together blank:
 * its page is never loaded, so nothing of ours has run in it. Such a window gets a second try, which
 * the report names; a view that stays blank twice fails.
 */
export function inVsCode(
  name: string,
  options: WorldOptions,
  body: (world: World) => Promise<void>,
): void {
  const { timeout = 180_000, skip = false } = options;
  test(name, { timeout, skip }, async (t) => {
    try {
      await attempt();
    } catch (error) {
      if (!waitedInVain(error)) throw error;
      t.diagnostic(`second try, because at the first: ${messageOf(error)}`);
      await attempt();
    }
  });

  async function attempt(): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'adaptive-grpo-e2e-'));
    const workspace = join(folder, 'workspace');
    const slug = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
    await rm(join(results, slug), { recursive: true, force: true });
    await fillWorkspace(workspace, options);
    chromium ??= launchChromium(quiet);
    const browser = await chromium;
    const vscode = await serveVsCode({
      vsix: await vsix(),
      others: (await options.others?.(folder)) ?? [],
      workspace,
      data: await mkdir(join(folder, 'vscode')).then(() => join(folder, 'vscode')),
      workspaceTrust: options.untrusted === true,
      ...(options.theme === undefined
        ? {}
        : { settings: { 'workbench.colorTheme': options.theme } }),
    });
    let workbench: Workbench | null = null;
    try {
      if (options.pseudoLanguage === true) {
        await addPseudoLanguage(join(folder, 'vscode', 'extensions'));
      }
      workbench = await Workbench.open(
        browser,
        vscode.url,
        options.pseudoLanguage === true ? { language: pseudo } : {},
      );
      await body({ workbench, vscode, workspace, browser });
      checkLog(extensionErrors(await vscode.logs()), options.expectedErrors);
      assert.deepEqual(workbench.webviewErrors, [], 'errors in webviews');
    } catch (error) {
      await keepEvidence(join(results, slug), workbench, vscode, folder);
      throw error;
    } finally {
      await workbench?.close();
      await vscode.stop();
      await endRuns(workspace);
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    }
  }
}

/**
 * A robot outruns a window now and then: what it waited for is tried once more, in a new window,
 * and reported. What was seen and was wrong is not.
 */
function waitedInVain(error: unknown): boolean {
  const timedOut = error instanceof Error && error.name === 'TimeoutError';
  return timedOut || /^No webview shows|^After \d+ s /.test(messageOf(error));
}

function checkLog(errors: string[], expected: RegExp | undefined): void {
  const surprising = errors.filter((line) => expected?.test(line) !== true);
  assert.deepEqual(surprising, [], 'errors in the extension’s log');
  if (expected !== undefined) assert.ok(errors.length > 0, 'the error is in the extension’s log');
}

async function fillWorkspace(workspace: string, options: WorldOptions): Promise<void> {
  await mkdir(workspace);
  const recipe = 'recipes/adaptive_grpo.yaml';
  if (options.files === undefined) await cp(join(root, recipe), join(workspace, recipe));
  for (const [path, content] of Object.entries(options.files ?? {})) {
    await mkdir(dirname(join(workspace, path)), { recursive: true });
    await writeFile(join(workspace, path), content);
  }
  for (const [path, folder] of Object.entries(options.folders ?? {})) {
    await cp(folder, join(workspace, path), { recursive: true });
  }
}

async function keepEvidence(
  to: string,
  workbench: Workbench | null,
  vscode: ServedVsCode,
  folder: string,
): Promise<void> {
  await mkdir(to, { recursive: true });
  await workbench?.screenshot(join(to, 'screen.png')).catch(quiet);
  for (const [name, text] of await vscode.logs()) {
    await writeFile(join(to, name.replaceAll(/[\\/ ]/g, '-')), text);
  }
  const runs = join(folder, 'workspace', 'runs');
  await cp(runs, join(to, 'runs'), { recursive: true }).catch(quiet);
}
