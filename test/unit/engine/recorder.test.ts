import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Recorder } from '../../../src/engine/recorder.ts';
import { recipeSchema } from '../../../src/recipe/keys.ts';
import { SCHEMA_VERSION, type Manifest } from '../../../src/run/model/manifest.ts';
import { RunWriter } from '../../../src/run/writer.ts';

test('an event that is none fails by itself; what comes after it is written', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'adaptive recorder '));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const manifest: Manifest = {
    schema_version: SCHEMA_VERSION,
    run_id: 'one',
    name: 'one',
    engine: { name: 'built-in', version: '0' },
    strategy: 'adaptive',
    recipe: recipeSchema.parse({}),
    model: 'base',
    seed: 1,
    git_commit: null,
    host: 'here',
    pid: process.pid,
    started_at: '2026-11-22T12:00:00Z',
    state: 'running',
    max_steps: 10,
    endpoint: null,
    capture: { top_k: 5, below: 0.99, groups_per_step: null },
  };
  const directory = join(folder, 'run');
  const writer = await RunWriter.create(directory, manifest, new Uint8Array());
  const logged: string[] = [];
  const recorder = new Recorder(writer, (line) => logged.push(line));
  await assert.rejects(recorder.say({ type: 'step', step: 0.5, metrics: {} }));
  // Several at once: each is written once, in order.
  await Promise.all([
    recorder.say({ type: 'run_paused' }),
    recorder.say({ type: 'run_resumed' }),
    recorder.say({ type: 'run_failed', message: 'It broke.', next: 'Repair it.' }),
  ]);
  await recorder.close();
  const lines = (await readFile(join(directory, 'events.jsonl'), 'utf8')).trim().split('\n');
  assert.deepEqual(
    lines.map((line) => /"type":"(\w+)"/.exec(line)?.[1]),
    ['run_paused', 'run_resumed', 'run_failed'],
  );
  assert.deepEqual(logged, []);
});
