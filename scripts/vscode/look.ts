/**
 * Looks at the extension in a real VS Code and takes a picture:
 *
 *     npm run look -- [OPTION…] STEP…
 *
 * Builds and packs the extension, opens a workspace with a copy of `recipes/` in it in a headless
 * Chromium, does the steps in order, prints errors of the extension and of the webviews, and ends.
 *
 * Steps:
 *   --command TITLE      run a command of the palette ("Adaptive GRPO: Start Run")
 *   --pick TEXT          choose a row of the open quick pick
 *   --enter TEXT         type into the open input box and accept it
 *   --container NAME     show a container of the activity bar
 *   --file PATH          open a file of the workspace
 *   --key KEY            press a key ("ArrowDown", "Control+F")
 *   --click SELECTOR     click an element, in the window or in any webview
 *   --wait SELECTOR      wait until a webview or the window shows this
 *   --seconds N          wait
 *   --screenshot FILE    take a picture
 *   --text SELECTOR      print the text of an element
 *
 * Options:
 *   --workspace DIR      open this folder instead (as it is)
 *   --copy DIR           copy this folder into the workspace (a recorded run: --copy path/to/run)
 *   --theme NAME         "Default Light Modern", "Default High Contrast", …
 *   --size 1600x1000     of the window
 *   --scale 2            device pixels a pixel
 *   --untrusted          with workspace trust, in a folder that is not trusted
 *   --no-build           take the .vsix of the last look
 *   --keep               serve on until Ctrl-C, URL printed
 */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { messageOf } from '../../src/common/errors.ts';
import { packageExtension } from '../package.ts';
import { prepareWorkspace } from '../start/workspace.ts';
import { launchChromium } from './chromium.ts';
import { extensionErrors } from './extension-log.ts';
import { cache, root } from './install.ts';
import { serveVsCode } from './serve.ts';
import { Workbench } from './workbench.ts';

const steps = {
  command: { type: 'string', multiple: true },
  pick: { type: 'string', multiple: true },
  enter: { type: 'string', multiple: true },
  container: { type: 'string', multiple: true },
  file: { type: 'string', multiple: true },
  key: { type: 'string', multiple: true },
  click: { type: 'string', multiple: true },
  wait: { type: 'string', multiple: true },
  seconds: { type: 'string', multiple: true },
  screenshot: { type: 'string', multiple: true },
  text: { type: 'string', multiple: true },
} as const;

const { values, tokens } = parseArgs({
  tokens: true,
  options: {
    ...steps,
    workspace: { type: 'string' },
    copy: { type: 'string', multiple: true, default: [] },
    theme: { type: 'string', default: 'Default Dark Modern' },
    size: { type: 'string', default: '1600x1000' },
    scale: { type: 'string', default: '1' },
    untrusted: { type: 'boolean', default: false },
    'no-build': { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});

/** The window first, then every webview. */
async function locate(
  workbench: Workbench,
  selector: string,
): ReturnType<Workbench['webviewWith']> {
  const main = workbench.page.mainFrame();
  if (await main.locator(selector).first().isVisible()) return main;
  return workbench.webviewWith(selector);
}

/** The pointer rests where it clicked last, and VS Code explains what lies there. */
async function takePicture(workbench: Workbench, file: string): Promise<void> {
  const { page } = workbench;
  const { width, height } = page.viewportSize() ?? { width: 0, height: 0 };
  await page.mouse.move(width / 2, height - 5);
  await page.waitForTimeout(500);
  await workbench.screenshot(file);
}

async function perform(workbench: Workbench, name: string, value: string): Promise<void> {
  const { page } = workbench;
  if (name === 'command') await workbench.runCommand(value);
  else if (name === 'pick') await workbench.pick(value);
  else if (name === 'enter') await workbench.enter(value);
  else if (name === 'container') await workbench.showContainer(value);
  else if (name === 'key') await page.keyboard.press(value);
  else if (name === 'seconds') await page.waitForTimeout(Number(value) * 1000);
  else if (name === 'screenshot') await takePicture(workbench, resolve(value));
  else if (name === 'wait') await locate(workbench, value);
  else if (name === 'click') await (await locate(workbench, value)).locator(value).first().click();
  else if (name === 'text') {
    console.log(await (await locate(workbench, value)).locator(value).first().innerText());
  } else if (name === 'file') {
    await workbench.runCommand('Go to File...');
    // Until something is typed it lists only what was open before.
    await page.keyboard.type(value);
    await workbench.pick(value);
  }
}

const session = await mkdtemp(join(tmpdir(), 'adaptive-grpo-look-'));
const workspace =
  values.workspace === undefined ? join(session, 'workspace') : resolve(values.workspace);
if (values.workspace === undefined) await prepareWorkspace(workspace);
for (const folder of values.copy) {
  await cp(resolve(folder), join(workspace, 'runs', basename(resolve(folder))), {
    recursive: true,
  });
}

const vsix = join(cache, 'look.vsix');
if (!values['no-build'] || !existsSync(vsix)) await packageExtension(vsix);
const vscode = await serveVsCode({
  vsix,
  workspace,
  data: join(session, 'vscode'),
  workspaceTrust: values.untrusted,
  settings: { 'workbench.colorTheme': values.theme },
  say: console.log,
});
const browser = await launchChromium(console.log);
try {
  const [width, height] = values.size.split('x').map(Number);
  const workbench = await Workbench.open(browser, vscode.url, {
    ...(width === undefined || height === undefined ? {} : { width, height }),
    scale: Number(values.scale),
  });
  for (const token of tokens) {
    if (token.kind !== 'option' || !(token.name in steps)) continue;
    console.log(`${token.name}: ${token.value ?? ''}`);
    await perform(workbench, token.name, token.value ?? '').catch(async (error: unknown) => {
      await workbench.screenshot(join(root, 'test-results', 'look-failed.png'));
      console.error(`${messageOf(error)} (test-results/look-failed.png)`);
      process.exitCode = 1;
    });
    if (process.exitCode === 1) break;
  }
  for (const line of extensionErrors(await vscode.logs())) console.error(`extension: ${line}`);
  for (const line of workbench.webviewErrors) console.error(`webview: ${line}`);
  if (values.keep) {
    console.log(`Serving on ${vscode.url}`);
    await once(process, 'SIGINT');
  }
} finally {
  await browser.close();
  await vscode.stop();
  await rm(session, { recursive: true, force: true });
}
