import type { Locator } from 'playwright-core';
import type { Workbench } from './workbench.ts';

const EDITOR = '.editor-instance .monaco-editor[data-uri^="adaptive-grpo-rollout:"]';

/** A rollout document as a person sees it: VS Code's own editor with what we add to it. */
export class RolloutPage {
  readonly workbench: Workbench;
  readonly editor: Locator;

  private constructor(workbench: Workbench, editor: Locator) {
    this.workbench = workbench;
    this.editor = editor;
  }

  /** Waits until a rollout document is shown and its lenses are there. */
  static async find(workbench: Workbench): Promise<RolloutPage> {
    const editor = workbench.page.locator(EDITOR).filter({ visible: true }).first();
    await editor.waitFor();
    const page = new RolloutPage(workbench, editor);
    await page.lenses.first().waitFor();
    return page;
  }

  /** The text in sight, line by line, with what decorations add to it. */
  async lines(): Promise<string[]> {
    // A string, because the types of this side know no DOM.
    const text: unknown = await this.workbench.page.evaluate(`
      [...[...document.querySelectorAll('${EDITOR}')].find((each) => each.offsetParent !== null)
        .querySelectorAll('.view-lines .view-line')]
        .sort((a, b) => parseFloat(a.style.top) - parseFloat(b.style.top))
        .map((line) => line.textContent).join('\\n')`);
    return String(text).replaceAll('\u00a0', ' ').split('\n');
  }

  get lenses(): Locator {
    return this.editor.locator('.codelens-decoration');
  }

  /** A lens whose words contain this; one that does nothing is no link. */
  lens(text: string | RegExp): Locator {
    return this.lenses.locator('a, span', { hasText: text }).first();
  }

  /** Opens the hover of the token with the cursor, as by key. */
  async hover(): Promise<Locator> {
    const { page } = this.workbench;
    await page.keyboard.press('Control+K');
    await page.keyboard.press('Control+I');
    const hover = page.locator('.monaco-hover:not(.hidden) .hover-contents', {
      hasText: /token \d+/,
    });
    await hover.first().waitFor();
    return hover.first();
  }

  /** Line and column of the cursor, as the status bar says them, from 1. */
  async cursor(): Promise<[number, number]> {
    const text = await this.workbench.statusItem(/Ln \d+, Col \d+/).innerText();
    const found = /Ln (\d+), Col (\d+)/.exec(text);
    return [Number(found?.[1]), Number(found?.[2])];
  }
}
