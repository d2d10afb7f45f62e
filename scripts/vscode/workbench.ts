import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Browser, Frame, Locator, Page } from 'playwright-core';
import { PlainError } from '../../src/common/errors.ts';

export interface WorkbenchOptions {
  width?: number;
  height?: number;
  /** Device pixels a CSS pixel. */
  scale?: number;
  /** Milliseconds any one thing may take; default 30 s. */
  timeout?: number;
  /** Display language; default English. */
  language?: string;
}

/**
 * VS Code's window as a person uses it: palette, trees, notifications, status bar, webviews. Every
 * method waits for what it needs and says what was on the screen when it gave up.
 */
export class Workbench {
  readonly page: Page;
  readonly #timeout: number;
  /** Errors that webviews wrote on their consoles, exceptions included. */
  readonly webviewErrors: string[] = [];

  private constructor(page: Page, timeout: number) {
    this.page = page;
    this.#timeout = timeout;
    page.setDefaultTimeout(timeout);
    page.on('console', (message) => {
      if (message.type() !== 'error') return;
      const { url } = message.location();
      if (url.includes('webview')) this.webviewErrors.push(`${message.text()} (${url})`);
    });
  }

  /** Opens the window in a browser context of its own: no state of an earlier one. */
  static async open(
    browser: Browser,
    url: string,
    options: WorkbenchOptions = {},
  ): Promise<Workbench> {
    const { width = 1600, height = 1000, scale = 1, timeout = 30_000 } = options;
    const context = await browser.newContext({
      viewport: { width, height },
      deviceScaleFactor: scale,
      reducedMotion: 'reduce',
    });
    if (options.language !== undefined) {
      // VS Code itself reads this where its texts in another language are loaded.
      const language = JSON.stringify(options.language);
      await context.addInitScript(`globalThis._VSCODE_NLS_LANGUAGE = ${language}`);
    }
    const workbench = new Workbench(await context.newPage(), timeout);
    await workbench.page.goto(url);
    await workbench.ready();
    return workbench;
  }

  /** The window is drawn and its extension host has answered. */
  async ready(): Promise<void> {
    await this.page.locator('.monaco-workbench .statusbar-item').first().waitFor();
    await this.page.locator('.explorer-folders-view .monaco-list-row').first().waitFor();
  }

  /** "Developer: Reload Window", as a person would: the page is loaded again. */
  async reload(): Promise<void> {
    await this.page.reload();
    await this.page.locator('.monaco-workbench .statusbar-item').first().waitFor();
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }

  // Palette and quick picks

  get #input(): Locator {
    return this.page.locator('.quick-input-widget:not([style*="display: none"]) input').first();
  }

  get #rows(): Locator {
    return this.page.locator('.quick-input-list .monaco-list-row');
  }

  /**
   * Runs a command of the palette by its title, category included. The palette lists what it knew
   * when it opened, so a window that has just started is asked again.
   */
  async runCommand(title: string): Promise<void> {
    const row = this.#rows.filter({ hasText: title }).first();
    const end = Date.now() + this.#timeout;
    for (;;) {
      await this.#openPalette();
      await this.#input.fill(`>${title}`);
      const offered = await row
        .waitFor({ timeout: 2000 })
        .then(() => true)
        .catch(() => false);
      if (offered) break;
      if (Date.now() > end) throw await this.#notOffered(title);
      await this.page.keyboard.press('Escape');
    }
    await row.click();
  }

  async #openPalette(): Promise<void> {
    for (let attempt = 0; attempt < 5; attempt += 1) {
      await this.page.keyboard.press('F1');
      const shown = await this.#input
        .waitFor({ timeout: 3000 })
        .then(() => true)
        .catch(() => false);
      if (shown) return;
    }
    throw await this.#lost('The command palette does not open.');
  }

  /** Chooses the quick pick's row that holds this text. */
  async pick(text: string): Promise<void> {
    const row = this.#rows.filter({ hasText: text }).first();
    await row.waitFor().catch(async () => {
      throw await this.#notOffered(text);
    });
    await row.click();
  }

  async #notOffered(text: string): Promise<PlainError> {
    const offered = await this.#rows.allInnerTexts();
    return this.#lost(`"${text}" is not offered, but: ${oneLine(offered.join(' | '))}.`);
  }

  /** A row of the open quick pick. */
  pickRow(text: string | RegExp): Locator {
    return this.#rows.filter({ hasText: text }).first();
  }

  /** The rows of the open quick pick. */
  async picks(): Promise<string[]> {
    await this.#rows.first().waitFor();
    return (await this.#rows.allInnerTexts()).map(oneLine);
  }

  /** Types into the open input box and accepts it. */
  async enter(text: string): Promise<void> {
    await this.#input.waitFor();
    await this.#input.fill(text);
    await this.page.keyboard.press('Enter');
  }

  /**
   * Chooses a folder in VS Code's own file dialog. It looks up every path before it takes it, and
   * may still be filling in the one it proposes.
   */
  async chooseFolder(path: string): Promise<void> {
    await this.#input.waitFor();
    const name = path.replace(/[\\/]+$/, '').replace(/^.*[\\/]/, '');
    const row = this.#rows.filter({ hasText: name }).first();
    for (const end = Date.now() + this.#timeout; Date.now() < end;) {
      if ((await this.#input.inputValue()) !== path) await this.#input.fill(path);
      else if (await row.isVisible()) await this.page.keyboard.press('Enter');
      await this.page.waitForTimeout(1000);
      if (!(await this.#input.isVisible())) return;
    }
    throw await this.#lost(`The dialog does not take ${path}.`);
  }

  // Side bar

  /** Shows a container of the activity bar by its name. */
  async showContainer(name: string): Promise<void> {
    const tab = this.page.locator('.activitybar .action-item').filter({
      has: this.page.locator(`[aria-label^="${name}"]`),
    });
    if ((await tab.first().getAttribute('aria-selected')) === 'true') return;
    const classes = (await tab.first().getAttribute('class')) ?? '';
    if (!classes.includes('checked')) await tab.first().click();
    await this.page.locator('.sidebar .composite.title').filter({ hasText: name }).waitFor();
  }

  /** The rows of a tree view in the side bar, by the view's title. */
  treeRows(view: string): Locator {
    return this.page
      .locator('.sidebar .pane', {
        has: this.page.locator(`.pane-header[aria-label^="${view}"]`),
      })
      .locator('.monaco-list-row');
  }

  // Notifications, status bar, dialogs

  notification(text: string | RegExp): Locator {
    return this.page.locator('.notification-list-item', { hasText: text }).first();
  }

  async notifications(): Promise<string[]> {
    return (await this.page.locator('.notification-list-item-message').allInnerTexts()).map(
      oneLine,
    );
  }

  async closeNotifications(): Promise<void> {
    await this.runCommand('Notifications: Clear All Notifications');
  }

  statusItem(text: string | RegExp): Locator {
    return this.page.locator('.statusbar-item', { hasText: text }).first();
  }

  // Editors and webviews

  tab(name: string | RegExp): Locator {
    return this.page.locator('.tabs-container .tab', { hasText: name }).first();
  }

  /** The webview that shows this selector. */
  async webviewWith(selector: string, timeout = this.#timeout): Promise<Frame> {
    const end = Date.now() + timeout;
    for (;;) {
      for (const frame of this.page.frames()) {
        if (frame === this.page.mainFrame()) continue;
        const seen = await frame
          .locator(selector)
          .first()
          .isVisible()
          .catch(() => false);
        if (seen) return frame;
      }
      if (Date.now() > end) {
        throw await this.#lost(`No webview shows "${selector}" after ${timeout / 1000} s.`);
      }
      await this.page.waitForTimeout(200);
    }
  }

  async screenshot(file: string): Promise<void> {
    await mkdir(dirname(file), { recursive: true });
    await this.page.screenshot({ path: file });
  }

  async #lost(sentence: string): Promise<PlainError> {
    const said = await this.notifications().catch(() => []);
    const notes = said.length === 0 ? '' : ` Notifications: ${said.join(' | ')}.`;
    return new PlainError(`${sentence}${notes}`, 'See the screenshot in test-results/.');
  }
}

/** White space, VS Code's no-break spaces included, as single blanks. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
