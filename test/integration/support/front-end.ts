import { createServer, type ServerResponse } from 'node:http';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { WebSocketServer, type WebSocket } from 'ws';
import { launchChromium } from '../../../scripts/vscode/chromium.ts';
import type { HostMessage, Port } from '../../../src/views/channel.ts';
import { themes, type ThemeName } from './themes.ts';

/**
 * The real bundle of a webview in a real Chromium, on a page under the content security policy it
 * has in VS Code, answered by the real host side in this process. Only VS Code's message pipe is
 * replaced: messages travel as JSON beside typed arrays, just as VS Code sends them.
 */

const root = fileURLToPath(new URL('../../../', import.meta.url));

const say = (line: string): void => void process.stderr.write(`${line}\n`);

export interface OpenOptions {
  /** What VS Code kept of an earlier page. */
  state?: unknown;
  theme?: ThemeName;
  width?: number;
  height?: number;
}

/** A page and the host side that answers it. */
export interface OpenPage<Host> {
  page: Page;
  host: Host;
  /** Console errors, exceptions and refused policies of the page; and problems of the host. */
  complaints: string[];
  close(): Promise<void>;
}

export class FrontEnd {
  readonly #name: string;
  readonly #bundle: string;
  readonly #browser: Browser;

  private constructor(name: string, bundle: string, browser: Browser) {
    this.#name = name;
    this.#bundle = bundle;
    this.#browser = browser;
  }

  /** `name`: of a folder of `webview`. */
  static async start(name: string): Promise<FrontEnd> {
    const bundle = await mkdtemp(join(tmpdir(), `${name}-bundle-`));
    await build({
      absWorkingDir: root,
      entryPoints: { [name]: `webview/${name}/main.ts` },
      outdir: bundle,
      bundle: true,
      format: 'iife',
      target: 'chrome134',
      loader: { '.svg': 'text' },
      minify: true,
      logLevel: 'error',
    });
    // Whoever has no Chromium and may not install one reads in one sentence what is needed.
    return new FrontEnd(name, bundle, await launchChromium(say));
  }

  async stop(): Promise<void> {
    await this.#browser.close();
    await rm(this.#bundle, { recursive: true, force: true });
  }

  /** A file of the bundle by its path in the address; null: it has no such file. */
  async file(path: string): Promise<{ type: string; body: Buffer } | null> {
    const type = { [`/${this.#name}.js`]: 'text/javascript', [`/${this.#name}.css`]: 'text/css' }[
      path
    ];
    return type === undefined ? null : { type, body: await readFile(join(this.#bundle, path)) };
  }

  /** An empty page; what goes wrong in it is added to `complaints`. */
  async newPage(viewport: { width: number; height: number }, complaints: string[]): Promise<Page> {
    const page = await this.#browser.newPage({ viewport });
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    return page;
  }

  /** Opens the page over a socket; `answer` makes its host side. */
  async open<Host extends { dispose(): void }>(
    { state, theme = 'dark', width = 1280, height = 760 }: OpenOptions,
    answer: (port: Port, complain: (problem: string) => void) => Host,
  ): Promise<OpenPage<Host>> {
    const complaints: string[] = [];
    const port = new SocketPort();
    const host = answer(port, (problem) => complaints.push(`host: ${problem}`));
    const html = pageHtml(this.#name, theme, state);
    const server = createServer(
      (request, response) => void this.#serve(html, request.url ?? '/', response),
    );
    const sockets = new WebSocketServer({ server });
    sockets.on('connection', (socket) => port.connect(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const page = await this.newPage({ width, height }, complaints);
    page.setDefaultTimeout(10_000);
    await page.goto(`http://127.0.0.1:${address.port}/`);
    return {
      page,
      host,
      complaints,
      close: async () => {
        await page.close();
        host.dispose();
        for (const client of sockets.clients) client.terminate();
        await new Promise<void>((resolve) => server.close(() => resolve()));
      },
    };
  }

  async #serve(html: string, path: string, response: ServerResponse): Promise<void> {
    const file = await this.file(path);
    if (path === '/') response.setHeader('content-type', 'text/html; charset=utf-8').end(html);
    else if (file === null) response.writeHead(404).end();
    else response.setHeader('content-type', `${file.type}; charset=utf-8`).end(file.body);
  }
}

/** JSON as VS Code makes it: NaN becomes null, typed arrays stay what they are. */
function encode(message: unknown): string {
  return JSON.stringify(message, (_key, value: unknown) => {
    if (!ArrayBuffer.isView(value)) return value;
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return { $array: value.constructor.name, bytes: bytes.toString('base64') };
  });
}

/** Runs in the page before anything else: VS Code's API over a WebSocket. */
const pageScript = (state: unknown): string => `
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

function pageHtml(name: string, theme: ThemeName, state: unknown): string {
  const { classes, variables } = themes[theme];
  const nonce = 'harness';
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'self' 'nonce-${nonce}'; connect-src ws:`;
  const css = Object.entries(variables).map(([key, value]) => `--vscode-${key}: ${value};`);
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${name}</title>
<style nonce="${nonce}">:root { ${css.join(' ')} } body { scrollbar-color: ${variables['editor-foreground']} ${variables['editor-background']}; }</style>
<link rel="stylesheet" href="/${name}.css">
</head>
<body class="${classes}">
<script nonce="${nonce}">${pageScript(state)}</script>
<script type="module" nonce="${nonce}" src="/${name}.js"></script>
</body>
</html>`;
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
