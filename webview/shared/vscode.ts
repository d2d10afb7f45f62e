/** What VS Code gives a webview's script. */
export interface VsCodeApi {
  postMessage(message: unknown): void;
  /** What `setState` was given last, also after the webview was closed and restored. */
  getState(): unknown;
  setState(state: unknown): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

/** May be called once in a page. */
export function vsCodeApi(): VsCodeApi {
  return acquireVsCodeApi();
}
