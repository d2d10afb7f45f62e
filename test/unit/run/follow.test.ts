import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Follower } from '../../../src/run/follow.ts';
import { temporaryDirectory, until } from '../../fixtures/run.ts';

interface Looks {
  follower: Follower;
  count: () => number;
}

function follow(
  t: test.TestContext,
  directory: string,
  options: { everyMs: number; restMs: number; takesMs: number },
): Looks {
  let count = 0;
  let looking = false;
  const follower = new Follower(directory, {
    look: async () => {
      assert.ok(!looking, 'two looks at once');
      looking = true;
      await sleep(options.takesMs);
      looking = false;
      count++;
    },
    everyMs: () => options.everyMs,
    restMs: options.restMs,
  });
  t.after(() => follower.dispose());
  return { follower, count: () => count };
}

test('a change is seen soon, and many changes are one look', async (t) => {
  const directory = await temporaryDirectory(t);
  const { count } = follow(t, directory, { everyMs: 60_000, restMs: 50, takesMs: 0 });
  const start = Date.now();
  for (let i = 0; i < 40; i++) await writeFile(join(directory, 'file'), String(i));
  await until('it looked', () => count() > 0);
  await sleep(200);
  // The rest between two looks, however long the writing took.
  assert.ok(count() <= (Date.now() - start) / 50 + 1, `${count()} looks`);
});

test('a change during a look is followed by another look, and polling goes on', async (t) => {
  const directory = await temporaryDirectory(t);
  const { follower, count } = follow(t, directory, { everyMs: 100, restMs: 1, takesMs: 30 });
  const end = Date.now() + 500;
  // A timer that fires while a look is under way must not be the last one.
  while (Date.now() < end) {
    follower.now();
    await sleep(3);
  }
  const before = count();
  assert.ok(before > 5);
  await until('it goes on by itself', () => count() >= before + 3);
});

test('between two looks there is a rest, also where one takes longer than it', async (t) => {
  const directory = await temporaryDirectory(t);
  const { follower, count } = follow(t, directory, { everyMs: 60_000, restMs: 100, takesMs: 50 });
  const end = Date.now() + 700;
  while (Date.now() < end) {
    follower.now();
    await sleep(3);
  }
  assert.ok(count() >= 2 && count() <= 5, `${count()} looks`);
});

test('a directory that comes later is watched from then on', async (t) => {
  const directory = join(await temporaryDirectory(t), 'later');
  let everyMs = 10;
  let looks = 0;
  const follower = new Follower(directory, {
    look: async () => {
      await sleep(0);
      looks++;
    },
    everyMs: () => everyMs,
    restMs: 5,
  });
  t.after(() => follower.dispose());
  await mkdir(directory);
  await until('it polled since', () => looks > 5);
  everyMs = 60_000;
  await sleep(100);
  const before = looks;
  await writeFile(join(directory, 'file'), '');
  await until('it was told', () => looks > before);
});

test('without anything to watch there is polling; after its end there is nothing', async (t) => {
  const directory = join(await temporaryDirectory(t), 'later');
  const { follower, count } = follow(t, directory, { everyMs: 20, restMs: 5, takesMs: 0 });
  await until('it polls', () => count() >= 2);
  await mkdir(directory);
  await rm(directory, { recursive: true });
  const before = count();
  await until('it still polls', () => count() >= before + 2);
  follower.dispose();
  const after = count();
  await sleep(100);
  assert.ok(count() <= after + 1);
});
