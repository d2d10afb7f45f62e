import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { HostChannel } from './channel.ts';
import { page } from './page.ts';
import type { Handlers, ProtocolShape, Schemas } from './channel.ts';

/** A front end: `webview/<name>/main.ts`, bundled to `dist/webview/<name>.js` and `<name>.css`. */
export type FrontEnd = 'charts' | 'compare' | 'explorer' | 'recipe-form';

/** The only folder a webview may read. */
export function webviewRoot(extensionUri: vscode.Uri): vscode.Uri {
  return vscode.Uri.joinPath(extensionUri, 'dist', 'webview');
}

/** Options for every webview: scripts from our own folder, nothing else. */
export function webviewOptions(extensionUri: vscode.Uri): vscode.WebviewOptions {
  return {
    enableScripts: true,
    enableForms: false,
    localResourceRoots: [webviewRoot(extensionUri)],
  };
}

/** The page a webview starts from: an empty `<body>` that its script fills. */
export function webviewHtml(
  webview: vscode.Webview,
  extensionUri: vscode.Uri,
  frontEnd: FrontEnd,
  title: string,
): string {
  const uri = (file: string) =>
    webview.asWebviewUri(vscode.Uri.joinPath(webviewRoot(extensionUri), file)).toString();
  return page({
    cspSource: webview.cspSource,
    nonce: randomBytes(16).toString('base64'),
    script: uri(`${frontEnd}.js`),
    style: uri(`${frontEnd}.css`),
    title,
    language: vscode.l10n.bundle === undefined ? 'en' : vscode.env.language,
    texts: vscode.l10n.bundle,
  });
}

/** Opens the host's end of the channel to a webview; dispose it with the webview. */
export function openChannel<P extends ProtocolShape>(
  webview: vscode.Webview,
  schemas: Schemas<P>,
  handlers: Handlers<P>,
  log: vscode.LogOutputChannel,
): HostChannel<P> {
  const port = {
    postMessage: (message: unknown) => webview.postMessage(message),
    onDidReceiveMessage: (listener: (message: unknown) => void) =>
      webview.onDidReceiveMessage(listener),
  };
  return new HostChannel<P>(port, schemas, handlers, (message) => log.warn(message));
}
