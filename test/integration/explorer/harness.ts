import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { WebSocketServer, type WebSocket } from 'ws';
import { launchChromium } from '../../../scripts/vscode/chromium.ts';
import type { HostMessage, Port } from '../../../src/views/channel.ts';
import { ColourChoice } from '../../../src/views/colour.ts';
import { ExplorerSession, type RunActions } from '../../../src/views/explorer/session.ts';
import type { RunSource } from '../../../src/views/explorer/source.ts';
import { themes, type ThemeName } from './themes.ts';

/**
 * The real webview bundle in a real Chromium, on the page and under the content security policy it
 * has in VS Code, answered by the real host side in this process. Only VS Code's message pipe is
 * replaced: messages travel as JSON beside typed arrays, just as VS Code sends them.
 */

const root = fileURLToPath(new URL('../../../', import.meta.url));

const say = (line: string): void => void process.stderr.write(`${line}\n`);

const ARRAYS = { Int8Array, Uint32Array, Float32Array };

/** JSON as VS Code makes it: NaN becomes null, typed arrays stay what they are. */
export function encode(message: unknown): string {
  return JSON.stringify(message, (_key, value: unknown) => {
    if (!ArrayBuffer.isView(value)) return value;
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return { $array: value.constructor.name, bytes: bytes.toString('base64') };
  });
}

/** Runs in the page before anything else: VS Code's API over a WebSocket, and its theme. */
function pageScript(state: unknown): string {
  return `
    const arrays = { ${Object.keys(ARRAYS).join(', ')} };
    const revive = (key, value) => {
      if (value === null || typeof value !== 'object' || !('$array' in value)) return value;
      const bytes = Uint8Array.from(atob(value.bytes), (c) => c.charCodeAt(0));
      return new arrays[value.$array](bytes.buffer);
    };
    const socket = new WebSocket('ws://' + location.host);
    const open = new Promise((resolve) => socket.addEventListener('open', resolve));
    socket.addEventListener('message', (event) => {
      window.dispatchEvent(new MessageEvent('message', { data: JSON.parse(event.data, revive) }));
    });
    let state = ${JSON.stringify(state ?? null).replaceAll('<', '\\u003c')} ?? undefined;
    window.vsCodeState = () => state;
    window.acquireVsCodeApi = () => ({
      postMessage: (message) => open.then(() => socket.send(JSON.stringify(message))),
      getState: () => state,
      setState: (next) => { state = structuredClone(next); },
    });
  `;
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
<title>Rollouts</title>
<style nonce="${nonce}">:root { ${css.join(' ')} } body { scrollbar-color: ${variables['editor-foreground']} ${variables['editor-background']}; }</style>
<link rel="stylesheet" href="/explorer.css">
</head>
<body class="${classes}">
<script nonce="${nonce}">${pageScript(state)}</script>
<script type="module" nonce="${nonce}" src="/explorer.js"></script>
</body>
</html>`;
}

/** What tokens are coloured by, kept nowhere. */
export const freshColour = (): ColourChoice =>
  new ColourChoice({ get: () => undefined, update: () => Promise.resolve() });

/** Actions of a run that nobody can command. */
export const noActions: RunActions = {
  controllable: () => false,
  command: () => Promise.reject(new Error('This run takes no commands.')),
  set: () => Promise.reject(new Error('This run takes no commands.')),
  openRecipe: () => Promise.resolve(),
  openDocument: () => Promise.reject(new Error('There is no editor for documents.')),
  siblings: () => Promise.reject(new Error('There is no editor for documents.')),
  fork: () => Promise.reject(new Error('There is nobody to sample from.')),
  colour: freshColour(),
  resume: () => Promise.reject(new Error('This run can not be resumed.')),
  showLog: () => undefined,
};

export interface OpenOptions {
  source: RunSource;
  actions?: RunActions;
  theme?: ThemeName;
  state?: unknown;
  width?: number;
  height?: number;
}

export interface OpenExplorer {
  page: Page;
  session: ExplorerSession;
  /** Console errors, exceptions and refused policies of the page; and problems of the host. */
  complaints: string[];
  close(): Promise<void>;
}

export class ExplorerHarness {
  readonly #bundle: string;
  readonly #browser: Browser;

  private constructor(bundle: string, browser: Browser) {
    this.#bundle = bundle;
    this.#browser = browser;
  }

  static async start(): Promise<ExplorerHarness> {
    const bundle = await mkdtemp(join(tmpdir(), 'explorer-bundle-'));
    await build({
      absWorkingDir: root,
      entryPoints: { explorer: 'webview/explorer/main.ts' },
      outdir: bundle,
      bundle: true,
      format: 'iife',
      target: 'chrome134',
      loader: { '.svg': 'text' },
      minify: true,
      logLevel: 'error',
    });
    // Whoever has no Chromium and may not install one reads in one sentence what is needed.
    return new ExplorerHarness(bundle, await launchChromium(say));
  }

  async stop(): Promise<void> {
    await this.#browser.close();
    await rm(this.#bundle, { recursive: true, force: true });
  }

  async open(options: OpenOptions): Promise<OpenExplorer> {
    const { source, theme = 'dark', state, width = 1280 } = options;
    const actions = options.actions ?? { ...noActions, colour: freshColour() };
    const complaints: string[] = [];
    const port = new SocketPort();
    const load = () => Promise.resolve(source);
    const session = new ExplorerSession(load, actions, port, (problem) => {
      complaints.push(`host: ${problem}`);
    });
    const html = pageHtml(theme, state);
    const server = createServer((request, response) => void this.#serve(html, request, response));
    const sockets = new WebSocketServer({ server });
    sockets.on('connection', (socket) => port.connect(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const page = await this.#browser.newPage({
      viewport: { width, height: options.height ?? 760 },
    });
    page.setDefaultTimeout(10_000);
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(`http://127.0.0.1:${address.port}/`);
    return {
      page,
      session,
      complaints,
      close: async () => {
        await page.close();
        session.dispose();
        for (const client of sockets.clients) client.terminate();
        await new Promise<void>((resolve) => server.close(() => resolve()));
      },
    };
  }

  async #serve(html: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const types: Record<string, string> = {
      '/explorer.js': 'text/javascript',
      '/explorer.css': 'text/css',
    };
    const path = request.url ?? '/';
    const type = types[path];
    if (path === '/') response.setHeader('content-type', 'text/html; charset=utf-8').end(html);
    else if (type === undefined) response.writeHead(404).end();
    else {
      response.setHeader('content-type', `${type}; charset=utf-8`);
      response.end(await readFile(join(this.#bundle, path)));
    }
  }
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
