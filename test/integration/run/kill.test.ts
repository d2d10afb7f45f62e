import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { scanRollouts } from '../../../src/run/scan.ts';
import { RunStore } from '../../../src/run/store.ts';
import { RunWriter } from '../../../src/run/writer.ts';
import { temporaryDirectory } from '../../fixtures/run.ts';
import { randomFrom } from '../../fixtures/synthesize.ts';

const script = fileURLToPath(new URL('killed-writer.ts', import.meta.url));

test('an engine killed at any moment loses nothing but its last record, and goes on', async (t) => {
  const directory = join(await temporaryDirectory(t), 'run');
  const random = randomFrom(3);
  let torn = 0;
  let written = 0;
  for (let round = 0; round < 8; round++) {
    const child = spawn(process.execPath, [script, directory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.after(() => child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    await sleep(50 + 250 * random());
    child.kill('SIGKILL');
    await once(child, 'exit');
    const { size, segmentId, damaged } = await scanRollouts(directory);
    assert.equal(damaged, false);
    assert.ok(segmentId > written, 'it went on from where it was');
    if ((await stat(join(directory, 'rollouts.arrows'))).size > size) torn++;
    written = segmentId;
    const store = await RunStore.open(directory);
    assert.equal(store.status.kind, 'crashed');
    const shown = store.groups().reduce((sum, group) => sum + group.segments, 0);
    assert.equal(shown, written, 'every whole batch is there, and none twice');
    assert.ok(store.problems.every((each) => each.includes('never finished')));
    store.dispose();
  }
  t.diagnostic(`killed 8 times, ${torn} times in the middle of a batch`);
  await (await RunWriter.resume(directory)).close();
  const left = (await readdir(directory)).sort();
  assert.deepEqual(left, ['events.jsonl', 'recipe.yaml', 'rollouts.arrows', 'run.json']);
});
