import { createServer, type ServerResponse } from 'node:http';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { WebSocketServer, type WebSocket } from 'ws';
import { launchChromium } from '../../../scripts/vscode/chromium.ts';
import { noPricing, type Pricing } from '../../../src/compare/model.ts';
import { StorePool } from '../../../src/launch/store-pool.ts';
import type { HostMessage, Port } from '../../../src/views/channel.ts';
import { ColourChoice } from '../../../src/views/colour.ts';
import type { CompareActions } from '../../../src/views/compare/actions.ts';
import { CompareSession } from '../../../src/views/compare/session.ts';
import type { Spec } from '../../../src/views/compare/spec.ts';
import { encode } from '../explorer/harness.ts';
import { themes, type ThemeName } from '../explorer/themes.ts';

/**
 * The real compare view in a real Chromium, on the page and under the content security policy it
 * has in VS Code, answered by the real host side in this process. Only VS Code's message pipe is
 * replaced, and what it does outside of the view is written down instead.
 */

const root = fileURLToPath(new URL('../../../', import.meta.url));

function pageScript(state: unknown): string {
  return `
    const arrays = { Int8Array, Uint32Array, Float32Array };
    const revive = (key, value) => {
      if (value === null || typeof value !== 'object' || !('$array' in value)) return value;
      const bytes = Uint8Array.from(atob(value.bytes), (c) => c.charCodeAt(0));
      return new arrays[value.$array](bytes.buffer);
    };
    const socket = new WebSocket('ws://' + location.host);
    const open = new Promise((resolve) => socket.addEventListener('open', resolve));
    window.received = 0;
    socket.addEventListener('message', (event) => {
      window.received += 1;
      window.dispatchEvent(new MessageEvent('message', { data: JSON.parse(event.data, revive) }));
    });
    let state = ${JSON.stringify(state ?? null).replaceAll('<', '\\u003c')} ?? undefined;
    window.vsCodeState = () => state;
    window.acquireVsCodeApi = () => ({
      postMessage: (message) => open.then(() => socket.send(JSON.stringify(message))),
      getState: () => state,
      setState: (next) => { state = structuredClone(next); },
    });`;
}

function pageHtml(theme: ThemeName, state: unknown): string {
  const { classes, variables } = themes[theme];
  const nonce = 'harness';
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'self' 'nonce-${nonce}'; connect-src ws:`;
  const css = Object.entries(variables).map(([name, value]) => `--vscode-${name}: ${value};`);
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>Comparison</title>
<style nonce="${nonce}">:root { ${css.join(' ')} } body { scrollbar-color: ${variables['editor-foreground']} ${variables['editor-background']}; }</style>
<link rel="stylesheet" href="/compare.css">
</head>
<body class="${classes}">
<script nonce="${nonce}">${pageScript(state)}</script>
<script type="module" nonce="${nonce}" src="/compare.js"></script>
</body>
</html>`;
}

export interface OpenComparison {
  page: Page;
  session: CompareSession;
  /** What the view asked VS Code to do: method and arguments. */
  done: unknown[][];
  /** Console errors, exceptions and refused policies of the page; and problems of the host. */
  complaints: string[];
  close(): Promise<void>;
}

export class CompareHarness {
  readonly #bundle: string;
  readonly #browser: Browser;

  private constructor(bundle: string, browser: Browser) {
    this.#bundle = bundle;
    this.#browser = browser;
  }

  static async start(): Promise<CompareHarness> {
    const bundle = await mkdtemp(join(tmpdir(), 'compare-bundle-'));
    await build({
      absWorkingDir: root,
      entryPoints: { compare: 'webview/compare/main.ts' },
      outdir: bundle,
      bundle: true,
      format: 'iife',
      target: 'chrome134',
      loader: { '.svg': 'text' },
      logLevel: 'error',
    });
    const browser = await launchChromium((line) => void process.stderr.write(`${line}\n`));
    return new CompareHarness(bundle, browser);
  }

  async stop(): Promise<void> {
    await this.#browser.close();
    await rm(this.#bundle, { recursive: true, force: true });
  }

  async open(
    spec: Spec,
    options: {
      theme?: ThemeName;
      width?: number;
      height?: number;
      state?: unknown;
      pricing?: Pricing;
      pictures?: 'as_shown' | 'light';
    } = {},
  ): Promise<OpenComparison> {
    const { theme = 'dark', width = 1400, height = 900, state } = options;
    const complaints: string[] = [];
    const done: unknown[][] = [];
    const stores = new StorePool(undefined, 0);
    const port = new SocketPort();
    const session = new CompareSession(
      spec,
      {
        acquire: (directory) => stores.acquire(directory),
        pricing: () => options.pricing ?? noPricing,
      },
      written(done, options.pictures ?? null),
      new ColourChoice({ get: () => undefined, update: () => Promise.resolve() }),
      port,
      (problem) => complaints.push(`host: ${problem}`),
    );
    const html = pageHtml(theme, state);
    const server = createServer(
      (request, response) => void this.#serve(html, request.url ?? '/', response),
    );
    const sockets = new WebSocketServer({ server });
    sockets.on('connection', (socket) => port.connect(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const page = await this.#browser.newPage({ viewport: { width, height } });
    page.setDefaultTimeout(10_000);
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(`http://127.0.0.1:${address.port}/`);
    return {
      page,
      session,
      done,
      complaints,
      close: async () => {
        await page.close();
        session.dispose();
        stores.dispose();
        for (const client of sockets.clients) client.terminate();
        await new Promise<void>((resolve) => server.close(() => resolve()));
      },
    };
  }

  async #serve(html: string, path: string, response: ServerResponse): Promise<void> {
    const types: Record<string, string> = {
      '/compare.js': 'text/javascript',
      '/compare.css': 'text/css',
    };
    const type = types[path];
    if (path === '/') response.setHeader('content-type', 'text/html; charset=utf-8').end(html);
    else if (type === undefined) response.writeHead(404).end();
    else {
      response.setHeader('content-type', `${type}; charset=utf-8`);
      response.end(await readFile(join(this.#bundle, path)));
    }
  }
}

function written(done: unknown[][], pictures: 'as_shown' | 'light' | null): CompareActions {
  const note =
    (name: string) =>
    (...args: unknown[]): Promise<void> => {
      done.push([name, ...args]);
      return Promise.resolve();
    };
  return {
    openRollout: note('openRollout'),
    diff: note('diff'),
    explore: note('explore'),
    chooseExport: () => {
      done.push(['chooseExport']);
      return Promise.resolve(pictures === null ? null : { pictures });
    },
    savePictures: (_comparison, drawn) => {
      done.push(['savePictures', ...drawn]);
      return Promise.resolve(`${drawn.length} pictures`);
    },
    stop: note('stop'),
    openRun: note('openRun'),
    showLog: note('showLog'),
    openPrice: note('openPrice'),
  };
}

class SocketPort implements Port {
  #socket: WebSocket | null = null;
  readonly #listeners = new Set<(message: unknown) => void>();

  connect(socket: WebSocket): void {
    this.#socket = socket;
    socket.on('message', (data: Buffer) => {
      const message: unknown = JSON.parse(data.toString('utf8'));
      for (const listener of this.#listeners) listener(message);
    });
  }

  postMessage(message: HostMessage): Promise<boolean> {
    this.#socket?.send(encode(message));
    return Promise.resolve(this.#socket !== null);
  }

  onDidReceiveMessage(listener: (message: unknown) => void): { dispose(): void } {
    this.#listeners.add(listener);
    return { dispose: () => void this.#listeners.delete(listener) };
  }
}
