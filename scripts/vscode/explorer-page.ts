import type { Frame, Locator } from 'playwright-core';
import type { Workbench } from './workbench.ts';

/** The rollout explorer as a person sees it: what its panes show, by what they are named. */
export class ExplorerPage {
  readonly frame: Frame;

  private constructor(frame: Frame) {
    this.frame = frame;
  }

  /** Waits until an explorer is shown. */
  static async find(workbench: Workbench, timeout?: number): Promise<ExplorerPage> {
    return new ExplorerPage(await workbench.webviewWith('.pane.rollouts', timeout));
  }

  get prompts(): Locator {
    return this.frame.locator('.pane.prompts .row.prompt');
  }

  get segments(): Locator {
    return this.frame.locator('.pane.rollouts .row.segment');
  }

  /** Rows of segments that are resamples: their attempt is not 0. */
  get resamples(): Locator {
    return this.segments.filter({ has: this.frame.locator('.attempt', { hasText: /[1-9]/ }) });
  }

  /** All about the token with the cursor. */
  get detail(): Locator {
    return this.frame.locator('.pane.path .detail');
  }

  /** `running`, `crashed`, … */
  state(name: string): Locator {
    return this.frame.locator(`.header .state-${name}`);
  }

  /** The step whose tree is shown, or null. */
  async step(): Promise<number | null> {
    const title = this.frame.locator('.pane.rollouts .pane-title');
    const found = /step (\d+)/.exec((await title.textContent()) ?? '');
    return found === null ? null : Number(found[1]);
  }
}
