import type { Page } from 'playwright-core';
import { noPricing, type Pricing } from '../../../src/compare/model.ts';
import { StorePool } from '../../../src/launch/store-pool.ts';
import { ColourChoice } from '../../../src/views/colour.ts';
import type { CompareActions } from '../../../src/views/compare/actions.ts';
import { CompareSession } from '../../../src/views/compare/session.ts';
import type { Spec } from '../../../src/views/compare/spec.ts';
import { FrontEnd, type OpenOptions } from '../support/front-end.ts';

/**
 * The real compare view in a real Chromium, answered by the real host side in this process. What
 * it does outside of the view is written down instead.
 */

export interface OpenComparison {
  page: Page;
  session: CompareSession;
  /** What the view asked VS Code to do: method and arguments. */
  done: unknown[][];
  /** Console errors, exceptions and refused policies of the page; and problems of the host. */
  complaints: string[];
  close(): Promise<void>;
}

export class CompareHarness {
  readonly #frontEnd: FrontEnd;

  private constructor(frontEnd: FrontEnd) {
    this.#frontEnd = frontEnd;
  }

  static async start(): Promise<CompareHarness> {
    return new CompareHarness(await FrontEnd.start('compare'));
  }

  stop(): Promise<void> {
    return this.#frontEnd.stop();
  }

  async open(
    spec: Spec,
    options: OpenOptions & { pricing?: Pricing; pictures?: 'as_shown' | 'light' } = {},
  ): Promise<OpenComparison> {
    const { pricing = noPricing, pictures = null, ...page } = options;
    const done: unknown[][] = [];
    const stores = new StorePool(undefined, 0);
    const sources = {
      acquire: (directory: string) => stores.acquire(directory),
      pricing: () => pricing,
    };
    const colour = new ColourChoice({ get: () => undefined, update: () => Promise.resolve() });
    const actions = written(done, pictures);
    const { host, ...opened } = await this.#frontEnd.open(
      { width: 1400, height: 900, ...page },
      (port, complain) => new CompareSession(spec, sources, actions, colour, port, complain),
    );
    return {
      ...opened,
      session: host,
      done,
      close: async () => {
        await opened.close();
        stores.dispose();
      },
    };
  }
}

function written(done: unknown[][], pictures: 'as_shown' | 'light' | null): CompareActions {
  const note =
    (name: string) =>
    (...args: unknown[]): Promise<void> => {
      done.push([name, ...args]);
      return Promise.resolve();
    };
  return {
    openRollout: note('openRollout'),
    diff: note('diff'),
    explore: note('explore'),
    chooseExport: () => {
      done.push(['chooseExport']);
      return Promise.resolve(pictures === null ? null : { pictures });
    },
    savePictures: (_comparison, drawn) => {
      done.push(['savePictures', ...drawn]);
      return Promise.resolve(`${drawn.length} pictures`);
    },
    stop: note('stop'),
    openRun: note('openRun'),
    showLog: note('showLog'),
    openPrice: note('openPrice'),
  };
}
