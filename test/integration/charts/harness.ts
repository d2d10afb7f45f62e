import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { HostChannel } from '../../../src/views/channel.ts';
import type { HostMessage } from '../../../src/views/channel.ts';
import { schemas } from '../../../src/views/charts/protocol.ts';
import type { Protocol } from '../../../src/views/charts/protocol.ts';
import { page as pageHtml } from '../../../src/views/page.ts';
import { needChromium } from '../../../scripts/vscode/chromium.ts';
import { themes } from '../explorer/themes.ts';
import type { ThemeName } from '../explorer/themes.ts';

/**
 * The real charts in a real Chromium, on the page and under the content security policy they have
 * in VS Code. Only VS Code's message pipe is replaced, by one that makes JSON of everything too.
 */

const root = fileURLToPath(new URL('../../../', import.meta.url));
const origin = 'http://charts.test';

/** Colours come from variables on the root element, as in VS Code. */
const themeScript = ({ classes, variables }: (typeof themes)[ThemeName]): string => `
  document.body.className = ${JSON.stringify(classes)};
  for (const [name, value] of Object.entries(${JSON.stringify(variables)})) {
    document.documentElement.style.setProperty('--vscode-' + name, value);
  }
  document.body.style.background = 'var(--vscode-sideBar-background, var(--vscode-editor-background))';`;

const apiScript = (state: unknown): string => `
  let state = ${JSON.stringify(state ?? null)} ?? undefined;
  window.savedState = () => state;
  window.acquireVsCodeApi = () => ({
    postMessage: (message) => void window.toHost(JSON.stringify(message)),
    getState: () => state,
    setState: (next) => { state = structuredClone(next); },
  });`;

export interface OpenCharts {
  page: Page;
  channel: HostChannel<Protocol>;
  /** Requests the page made. */
  asked: string[];
  /** Console errors, exceptions, refusals of the policy, and problems of the host. */
  complaints: string[];
  readonly setTheme: (theme: ThemeName) => Promise<void>;
  readonly savedState: () => Promise<unknown>;
}

export class ChartsHarness {
  readonly #bundle: string;
  readonly #browser: Browser;

  private constructor(bundle: string, browser: Browser) {
    this.#bundle = bundle;
    this.#browser = browser;
  }

  static async start(): Promise<ChartsHarness> {
    const bundle = await mkdtemp(join(tmpdir(), 'charts-bundle-'));
    await build({
      absWorkingDir: root,
      entryPoints: { charts: 'webview/charts/main.ts' },
      outdir: bundle,
      bundle: true,
      format: 'iife',
      target: 'chrome134',
      loader: { '.svg': 'text' },
      logLevel: 'error',
    });
    const args = ['--no-sandbox', '--disable-gpu', '--no-first-run'];
    return new ChartsHarness(
      bundle,
      await chromium.launch({ executablePath: needChromium(() => undefined), args }),
    );
  }

  async stop(): Promise<void> {
    await this.#browser.close();
    await rm(this.#bundle, { recursive: true, force: true });
  }

  /** Opens the page; it has asked for its state when this resolves. */
  async open(options: { theme?: ThemeName; state?: unknown } = {}): Promise<OpenCharts> {
    const page = await this.#browser.newPage({ viewport: { width: 300, height: 900 } });
    const complaints: string[] = [];
    const asked: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.route('**/*', async (route) => {
      const path = new URL(route.request().url()).pathname;
      if (path === '/') await route.fulfill({ contentType: 'text/html', body: html() });
      else if (/^\/charts\.(js|css)$/.test(path)) {
        const contentType = path.endsWith('js') ? 'text/javascript' : 'text/css';
        await route.fulfill({ contentType, body: await readFile(join(this.#bundle, path)) });
      } else await route.fulfill({ status: 404 });
    });
    let listener: (message: unknown) => void = () => undefined;
    await page.exposeFunction('toHost', (text: string) => listener(JSON.parse(text)));
    await page.addInitScript(apiScript(options.state));

    let opened = (): void => undefined;
    const open = new Promise<void>((resolve) => (opened = resolve));
    const channel = new HostChannel<Protocol>(
      {
        postMessage: async (message: HostMessage) => {
          await page.evaluate(
            `window.dispatchEvent(new MessageEvent('message', { data: ${JSON.stringify(message)} }))`,
          );
          return true;
        },
        onDidReceiveMessage: (hears) => {
          listener = hears;
          return { dispose: () => (listener = () => undefined) };
        },
      },
      schemas,
      {
        open: () => {
          opened();
          return null;
        },
        show_log: () => {
          asked.push('show_log');
          return null;
        },
      },
      (problem) => complaints.push(`host: ${problem}`),
    );
    const setTheme = async (theme: ThemeName): Promise<void> => {
      await page.evaluate(themeScript(themes[theme]));
    };
    await page.goto(`${origin}/`);
    await setTheme(options.theme ?? 'dark');
    await open;
    return {
      page,
      channel,
      asked,
      complaints,
      setTheme,
      savedState: () => page.evaluate('window.savedState()'),
    };
  }
}

const html = (): string =>
  pageHtml({
    cspSource: origin,
    nonce: 'harness',
    script: `${origin}/charts.js`,
    style: `${origin}/charts.css`,
    title: 'Charts',
    language: 'en',
    texts: undefined,
  });
