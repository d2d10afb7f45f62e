import type { Services } from '../services.ts';
import type * as vscode from 'vscode';
import type { CompareActions } from './actions.ts';
import type { Campaign } from './campaign.ts';
import type { Job } from './launch.ts';
import { ComparePanel } from './panel.ts';
import type { SideIndex } from './protocol.ts';
import type { Recent } from './recent.ts';
import { keyOf, type RunsSpec, type Spec } from './spec.ts';

/** A comparison that is being made; `spec` grows with its runs. */
interface Making {
  campaign: Campaign<Job>;
  spec: RunsSpec;
  /** Tabs that show it. */
  panels: Set<ComparePanel>;
}

/** All comparisons of this window: the open tabs, and those that are being made. */
export class Comparisons implements vscode.Disposable {
  readonly #services: Services;
  readonly #actions: (comparisons: Comparisons) => CompareActions;
  readonly #recent: Recent;
  readonly #panels = new Set<ComparePanel>();
  readonly #makings = new Set<Making>();
  readonly #subscriptions = new Set<{ dispose(): void }>();

  constructor(
    services: Services,
    recent: Recent,
    actions: (comparisons: Comparisons) => CompareActions,
  ) {
    this.#services = services;
    this.#recent = recent;
    this.#actions = actions;
  }

  /** Shows a comparison in a tab: the one that shows it already, or a new one. */
  show(spec: Spec): ComparePanel {
    const key = keyOf(spec);
    const open = [...this.#panels].find((panel) => panel.key === key);
    if (open !== undefined) {
      open.reveal();
      return open;
    }
    this.#recent.add(spec);
    return this.#keep(ComparePanel.create(spec, this.#services, this.#actions(this)));
  }

  /** Takes over a tab that VS Code has made. */
  adopt(panel: vscode.WebviewPanel, spec: Spec): void {
    this.#keep(new ComparePanel(panel, spec, this.#services, this.#actions(this)));
  }

  /** Shows a comparison while it is made. */
  make(campaign: Campaign<Job>, name: string): void {
    const making: Making = {
      campaign,
      spec: {
        kind: 'runs',
        name,
        sides: [
          { name: 'baseline', directories: [] },
          { name: 'adaptive', directories: [] },
        ],
        targets: null,
      },
      panels: new Set(),
    };
    this.#makings.add(making);
    const subscription = campaign.onDidChange(() => this.#grow(making));
    this.#subscriptions.add(subscription);
    void campaign.done.then(() => {
      subscription.dispose();
      this.#subscriptions.delete(subscription);
      this.#makings.delete(making);
    });
    // A tab of its own: one that has begun no run yet is like any other such.
    const panel = ComparePanel.create(making.spec, this.#services, this.#actions(this));
    this.#follow(this.#keep(panel), making);
  }

  /** Starts no more runs of the comparisons that these belong to; resolves when all were told. */
  async stopMaking(directories: readonly string[]): Promise<void> {
    for (const { campaign } of [...this.#makings]) {
      const own = campaign.started.map(({ directory }) => directory);
      const meant =
        directories.length === 0
          ? own.length === 0
          : own.some((directory) => directories.includes(directory));
      if (meant) await campaign.stop();
    }
  }

  /** The prices in the settings are others. */
  repriced(): void {
    for (const panel of this.#panels) panel.repriced();
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  #keep(panel: ComparePanel): ComparePanel {
    this.#panels.add(panel);
    panel.onDidDispose(() => this.#panels.delete(panel));
    const making = [...this.#makings].find(
      ({ spec, campaign }) => campaign.started.length > 0 && keyOf(spec) === panel.key,
    );
    if (making !== undefined) this.#follow(panel, making);
    return panel;
  }

  #follow(panel: ComparePanel, making: Making): void {
    making.panels.add(panel);
    panel.onDidDispose(() => making.panels.delete(panel));
    panel.follow(making.campaign);
  }

  /** A run has begun, or another has ended. */
  #grow(making: Making): void {
    const before = keyOf(making.spec);
    const { started } = making.campaign;
    const [first, second] = making.spec.sides;
    const of = (side: SideIndex) =>
      started.flatMap(({ job, directory }) => (job.side === side ? [directory] : []));
    making.spec = {
      ...making.spec,
      sides: [
        { ...first, directories: of(0) },
        { ...second, directories: of(1) },
      ],
    };
    this.#recent.replace(before, making.spec);
    for (const panel of making.panels) {
      for (const { job, directory } of started) void panel.add(job.side, directory);
      panel.follow(making.campaign);
    }
  }
}
