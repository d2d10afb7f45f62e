import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Policies } from '../../../src/launch/policies.ts';
import { temporaryFolder } from '../engine/support.ts';
import { misbehavingEngine } from './misbehaving.ts';

const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

test('a policy that can’t be served leaves nothing that waits for its end', async (t) => {
  const folder = await temporaryFolder();
  const run = join(folder, 'run');
  await mkdir(join(run, 'checkpoints', 'step-4'), { recursive: true });
  const policies = new Policies(await misbehavingEngine('failed', folder));
  t.after(() => policies.dispose());
  const before = timers();
  const never = new AbortController().signal;
  const asked = [1, 2].map(() => policies.acquire(run, never));
  for (const each of asked) await assert.rejects(each, /The recipe is empty/);
  assert.equal(policies.running, 0);
  assert.equal(timers(), before);
});
