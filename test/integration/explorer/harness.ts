import type { Page } from 'playwright-core';
import { ColourChoice } from '../../../src/views/colour.ts';
import { ExplorerSession, type RunActions } from '../../../src/views/explorer/session.ts';
import type { RunSource } from '../../../src/views/model/source.ts';
import { FrontEnd, type OpenOptions as PageOptions } from '../support/front-end.ts';

/** The real explorer in a real Chromium, answered by the real host side in this process. */

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

export interface OpenOptions extends PageOptions {
  source: RunSource;
  actions?: RunActions;
}

export interface OpenExplorer {
  page: Page;
  session: ExplorerSession;
  /** Console errors, exceptions and refused policies of the page; and problems of the host. */
  complaints: string[];
  close(): Promise<void>;
}

export class ExplorerHarness {
  readonly #frontEnd: FrontEnd;

  private constructor(frontEnd: FrontEnd) {
    this.#frontEnd = frontEnd;
  }

  static async start(): Promise<ExplorerHarness> {
    return new ExplorerHarness(await FrontEnd.start('explorer'));
  }

  stop(): Promise<void> {
    return this.#frontEnd.stop();
  }

  async open(options: OpenOptions): Promise<OpenExplorer> {
    const { source, actions = { ...noActions, colour: freshColour() }, ...page } = options;
    const load = () => Promise.resolve(source);
    const { host, ...opened } = await this.#frontEnd.open(
      page,
      (port, complain) => new ExplorerSession(load, actions, port, complain),
    );
    return { ...opened, session: host };
  }
}
