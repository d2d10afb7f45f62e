import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { StorePool } from '../../../src/launch/store-pool.ts';
import { RunStore } from '../../../src/run/store.ts';
import { synthesizeRun } from '../../fixtures/synthesize.ts';

let folder = '';
let run = '';

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adaptive-grpo-pool-'));
  run = join(folder, 'run');
  await synthesizeRun(run, { completions: 16, tokensPerCompletion: 10, seed: 1 });
});
after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));

/** A pool that counts what it opens and what is closed again. */
function counting(lingerMs: number) {
  const count = { opened: 0, closed: 0 };
  const pool = new StorePool(async (directory) => {
    const store = await RunStore.open(directory);
    count.opened += 1;
    const dispose = store.dispose.bind(store);
    store.dispose = () => {
      count.closed += 1;
      dispose();
    };
    return store;
  }, lingerMs);
  return { pool, count };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('views of one run share one store, closed when the last lets go', async () => {
  const { pool, count } = counting(20);
  const [one, two] = await Promise.all([pool.acquire(run), pool.acquire(join(run, '.'))]);
  assert.equal(one.store, two.store);
  assert.equal(count.opened, 1);
  one.dispose();
  one.dispose(); // Letting go twice is letting go once.
  await pause(60);
  assert.equal(count.closed, 0);
  two.dispose();
  await pause(60);
  assert.equal(count.closed, 1);
});

test('a run that is looked at again soon is not read again', async () => {
  const { pool, count } = counting(10_000);
  (await pool.acquire(run)).dispose();
  const again = await pool.acquire(run);
  assert.deepEqual([count.opened, count.closed], [1, 0]);
  again.dispose();
  pool.dispose();
  await pause(10);
  assert.equal(count.closed, 1);
});

test('what can’t be opened is tried afresh the next time', async () => {
  const pool = new StorePool();
  const late = join(folder, 'late');
  await assert.rejects(pool.acquire(late), /not a run directory/);
  await synthesizeRun(late, { completions: 8, tokensPerCompletion: 10, seed: 2 });
  const lease = await pool.acquire(late);
  assert.equal(lease.store.directory, late);
  lease.dispose();
  pool.dispose();
});
