import type { Page } from 'playwright-core';
import { HostChannel } from '../../../src/views/channel.ts';
import type { HostMessage } from '../../../src/views/channel.ts';
import { schemas } from '../../../src/views/charts/protocol.ts';
import type { Protocol } from '../../../src/views/charts/protocol.ts';
import { page as pageHtml } from '../../../src/views/page.ts';
import { FrontEnd } from '../support/front-end.ts';
import { themes, type ThemeName } from '../support/themes.ts';

/**
 * The real charts in a real Chromium, on the page and under the content security policy they have
 * in VS Code. Only VS Code's message pipe is replaced, by one that makes JSON of everything too.
 */

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
  readonly #frontEnd: FrontEnd;

  private constructor(frontEnd: FrontEnd) {
    this.#frontEnd = frontEnd;
  }

  static async start(): Promise<ChartsHarness> {
    return new ChartsHarness(await FrontEnd.start('charts'));
  }

  stop(): Promise<void> {
    return this.#frontEnd.stop();
  }

  /** Opens the page; it has asked for its state when this resolves. */
  async open(options: { theme?: ThemeName; state?: unknown } = {}): Promise<OpenCharts> {
    const complaints: string[] = [];
    const asked: string[] = [];
    const page = await this.#frontEnd.newPage({ width: 300, height: 900 }, complaints);
    await page.route('**/*', async (route) => {
      const path = new URL(route.request().url()).pathname;
      const file = await this.#frontEnd.file(path);
      if (path === '/') await route.fulfill({ contentType: 'text/html', body: html() });
      else if (file === null) await route.fulfill({ status: 404 });
      else await route.fulfill({ contentType: file.type, body: file.body });
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
