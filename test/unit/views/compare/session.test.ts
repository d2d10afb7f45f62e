import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noPricing } from '../../../../src/compare/model.ts';
import { StorePool, type StoreLease } from '../../../../src/launch/store-pool.ts';
import { ColourChoice } from '../../../../src/views/colour.ts';
import type { HostMessage, Port } from '../../../../src/views/channel.ts';
import type { CompareActions } from '../../../../src/views/compare/actions.ts';
import { CompareSession } from '../../../../src/views/compare/session.ts';
import type { Spec } from '../../../../src/views/compare/spec.ts';
import { folderFor, specOf, writeSides } from './runs.ts';

/** A webview that asks by hand. */
class Page implements Port {
  #listener: (message: unknown) => void = () => undefined;
  readonly #answers = new Map<number, (message: HostMessage) => void>();

  postMessage(message: HostMessage): Promise<boolean> {
    if ('id' in message) this.#answers.get(message.id)?.(message);
    return Promise.resolve(true);
  }

  onDidReceiveMessage(listener: (message: unknown) => void): { dispose(): void } {
    this.#listener = listener;
    return { dispose: () => undefined };
  }

  ask(method: string, params: object = {}): Promise<HostMessage> {
    const id = this.#answers.size + 1;
    const { promise, resolve } = Promise.withResolvers<HostMessage>();
    this.#answers.set(id, resolve);
    this.#listener({ id, method, params });
    return promise;
  }
}

const refused = (): Promise<never> => Promise.reject(new Error('not asked for'));
const noActions: CompareActions = {
  openRollout: refused,
  diff: refused,
  explore: refused,
  chooseExport: refused,
  savePictures: refused,
  stop: refused,
  openRun: refused,
  showLog: refused,
  openPrice: refused,
};

function sessionOf(
  spec: Spec,
  acquire: (directory: string) => Promise<StoreLease>,
  actions: Partial<CompareActions> = {},
): { session: CompareSession; page: Page } {
  const page = new Page();
  const colour = new ColourChoice({ get: () => undefined, update: () => Promise.resolve() });
  const services = { acquire, pricing: () => noPricing };
  const all = { ...noActions, ...actions };
  return { session: new CompareSession(spec, services, all, colour, page, () => undefined), page };
}

test('while the next run of a comparison starts, all is stopped by the runs that have ended', async (t) => {
  const { baseline, adaptive } = await writeSides(await folderFor(t), [1]);
  const stores = new StorePool(undefined, 0);
  const stopped: (readonly string[])[] = [];
  const stop = (directories: readonly string[]) => {
    stopped.push(directories);
    return Promise.resolve();
  };
  const acquire = (directory: string) => stores.acquire(directory);
  const { session, page } = sessionOf(specOf(baseline, adaptive), acquire, { stop });
  t.after(() => {
    session.dispose();
    stores.dispose();
  });
  await page.ask('open');
  await page.ask('stop');
  session.follow({ jobs: [{ side: 0, seed: 2 }], states: [{ kind: 'starting' }] });
  await page.ask('stop');
  assert.deepEqual(stopped, [[], [...baseline, ...adaptive]]);
});

test('a view that is closed while it opens lets all of its runs go', async (t) => {
  const { baseline, adaptive } = await writeSides(await folderFor(t), [1]);
  const stores = new StorePool(undefined, 0);
  t.after(() => stores.dispose());
  const asked = Promise.withResolvers<undefined>();
  const go = Promise.withResolvers<undefined>();
  let held = 0;
  let taken = 0;
  const acquire = async (directory: string): Promise<StoreLease> => {
    taken += 1;
    asked.resolve(undefined);
    await go.promise;
    const lease = await stores.acquire(directory);
    held += 1;
    return {
      store: lease.store,
      dispose: () => {
        held -= 1;
        lease.dispose();
      },
    };
  };
  const { session, page } = sessionOf(specOf(baseline, adaptive), acquire);
  void page.ask('open');
  await asked.promise;
  session.dispose();
  go.resolve(undefined);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.deepEqual([taken, held], [2, 0]);
});
