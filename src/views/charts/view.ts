import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { PlainError, messageOf } from '../../common/errors.ts';
import { nameOf } from '../../launch/run-entry.ts';
import type { RunCard } from '../../launch/run-entry.ts';
import type { StoreLease } from '../../launch/store-pool.ts';
import { isLive } from '../../run/status.ts';
import type { HostChannel } from '../channel.ts';
import { openLog } from '../commands/open.ts';
import { views } from '../ids.ts';
import { stateName } from '../runs/state-name.ts';
import type { Services } from '../services.ts';
import { openChannel, webviewHtml, webviewOptions } from '../webview.ts';
import { schemas } from './protocol.ts';
import type { ChartsState, MetricRow, Protocol } from './protocol.ts';
import { tailOf } from './tail.ts';

/** The webview hears of new steps at most this often. */
const REST_MS = 400;

/** The "Charts" view: the active run's metrics, as long as somebody can see them. */
export class ChartsView implements vscode.WebviewViewProvider, vscode.Disposable {
  readonly #services: Services;
  readonly #registration: vscode.Disposable;
  #page: ChartsPage | null = null;

  constructor(services: Services) {
    this.#services = services;
    this.#registration = vscode.window.registerWebviewViewProvider(views.charts, this);
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    this.#page?.dispose();
    const page = new ChartsPage(view, this.#services);
    this.#page = page;
    view.onDidDispose(() => {
      page.dispose();
      if (this.#page === page) this.#page = null;
    });
  }

  dispose(): void {
    this.#registration.dispose();
    this.#page?.dispose();
  }
}

/** One webview, from when VS Code makes it until it is disposed. Hidden, it holds no run open. */
class ChartsPage implements vscode.Disposable {
  readonly #view: vscode.WebviewView;
  readonly #services: Services;
  readonly #channel: HostChannel<Protocol>;
  readonly #disposables: { dispose(): void }[];
  #shown: ShownRun | null = null;
  #opened = false;
  #disposed = false;

  constructor(view: vscode.WebviewView, services: Services) {
    this.#view = view;
    this.#services = services;
    const { extensionUri, log, runs } = services;
    view.webview.options = webviewOptions(extensionUri);
    this.#channel = openChannel<Protocol>(
      view.webview,
      schemas,
      {
        open: () => {
          this.#open();
          return null;
        },
        show_log: async () => {
          const { active } = runs;
          if (active !== null) await openLog(services, active.directory);
          return null;
        },
      },
      log,
    );
    this.#disposables = [
      this.#channel,
      view.onDidChangeVisibility(() => {
        // Hidden, the page is gone; it opens anew when it is shown.
        if (!view.visible) this.#opened = false;
        this.#follow();
      }),
      runs.onDidChange((changed) => this.#follow(changed)),
    ];
    view.webview.html = webviewHtml(view.webview, extensionUri, 'charts', t('Charts'));
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#shown?.dispose();
    for (const disposable of this.#disposables) disposable.dispose();
  }

  /** The page has loaded; it is loaded anew each time it is shown. */
  #open(): void {
    this.#opened = true;
    this.#show();
  }

  /** Shows the active run while visible, and lets go of any other. */
  #follow(changed: readonly RunCard[] = []): void {
    const active = this.#active;
    const another = (active?.directory ?? null) !== (this.#shown?.directory ?? null);
    // What could not be read a moment ago may have become readable.
    const again = this.#shown?.failed === true && active !== null && changed.includes(active);
    if (another || again) this.#show();
  }

  get #active(): RunCard | null {
    return this.#opened && this.#view.visible ? this.#services.runs.active : null;
  }

  #show(): void {
    this.#shown?.dispose();
    const active = this.#active;
    if (active !== null) this.#view.description = nameOf(active);
    const shown =
      active === null
        ? null
        : new ShownRun(this.#services, active.directory, nameOf(active), this.#channel);
    this.#shown = shown;
    this.#channel.send('state', shown?.state() ?? { kind: 'none' });
  }
}

/** The run on show: opened, followed, and told to the page in deltas. */
class ShownRun implements vscode.Disposable {
  readonly directory: string;
  readonly #name: string;
  readonly #channel: HostChannel<Protocol>;
  #lease: StoreLease | null = null;
  #subscription: { dispose(): void } | null = null;
  #failure: { message: string; next: string } | null = null;
  #sent: { steps: readonly MetricRow[]; evaluations: readonly MetricRow[] } = {
    steps: [],
    evaluations: [],
  };
  #timer: NodeJS.Timeout | null = null;
  #disposed = false;

  constructor(services: Services, directory: string, name: string, channel: HostChannel<Protocol>) {
    this.directory = directory;
    this.#name = name;
    this.#channel = channel;
    void this.#open(services);
  }

  get failed(): boolean {
    return this.#failure !== null;
  }

  /** The whole of it; deltas go on from here. */
  state(): ChartsState {
    if (this.#failure !== null) return { kind: 'failed', name: this.#name, ...this.#failure };
    const store = this.#lease?.store;
    if (store === undefined) return { kind: 'loading', name: this.#name };
    const { steps, evaluations } = store;
    this.#sent = { steps, evaluations };
    return {
      kind: 'run',
      directory: this.directory,
      name: this.#name,
      state: stateName(store.status.kind),
      alive: isLive(store.status),
      max_steps: store.manifest.max_steps,
      steps: [...steps],
      evaluations: [...evaluations],
    };
  }

  dispose(): void {
    this.#disposed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#subscription?.dispose();
    this.#lease?.dispose();
  }

  async #open({ stores, log }: Services): Promise<void> {
    try {
      const lease = await stores.acquire(this.directory);
      if (this.#disposed) {
        lease.dispose();
        return;
      }
      this.#lease = lease;
      this.#subscription = lease.store.onDidChange((change) => {
        if (change.steps || change.evaluations || change.status) this.#schedule();
      });
    } catch (error) {
      log.warn(`The charts can't open ${this.directory}: ${messageOf(error)}`);
      const next = error instanceof PlainError ? error.next : '';
      this.#failure = { message: messageOf(error), next };
    }
    if (!this.#disposed) this.#channel.send('state', this.state());
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#tellGrowth();
    }, REST_MS);
  }

  #tellGrowth(): void {
    const store = this.#lease?.store;
    if (store === undefined) return;
    const { steps, evaluations, status } = store;
    this.#channel.send('grew', {
      directory: this.directory,
      state: stateName(status.kind),
      alive: isLive(status),
      steps: tailOf(this.#sent.steps, steps),
      evaluations: tailOf(this.#sent.evaluations, evaluations),
    });
    this.#sent = { steps, evaluations };
  }
}
