import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, cp, readFile, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import { PlainError } from '../../../src/common/errors.ts';
import { writeManifest } from '../../../src/run/manifest-file.ts';
import type { SegmentRow } from '../../../src/run/model/segment.ts';
import type { StoreChange } from '../../../src/run/store.ts';
import { RunStore } from '../../../src/run/store.ts';
import { RunWriter } from '../../../src/run/writer.ts';
import { manifestOf, temporaryDirectory, until } from '../../fixtures/run.ts';
import { randomFrom, synthesizeRun, synthesizeTree } from '../../fixtures/synthesize.ts';

const recipe = Buffer.from('seed: 1\n');
const tree = (step: number, firstId: number, prompt_id = 'p'): SegmentRow[] =>
  synthesizeTree(
    { step, prompt_id, firstId },
    { tokensPerCompletion: 30, skill: 0.5 },
    randomFrom(step),
  );
const metrics = (reward: number): { reward: number } => ({ reward });

async function open(t: test.TestContext, directory: string): Promise<RunStore> {
  const store = await RunStore.open(directory);
  t.after(() => store.dispose());
  return store;
}

test('a recorded run is all there: steps, groups, trees, tokens', async (t) => {
  const directory = await temporaryDirectory(t);
  const run = await synthesizeRun(directory, {
    completions: 256,
    tokensPerCompletion: 40,
    seed: 3,
  });
  const store = await open(t, directory);
  assert.deepEqual(store.status, { kind: 'finished' });
  assert.deepEqual(store.problems, []);
  assert.equal(store.steps.length, run.steps);
  assert.equal(store.manifest.run_id, 'synthetic-3');
  const groups = store.groups();
  assert.equal(groups, store.groups());
  assert.equal(
    groups.reduce((sum, group) => sum + group.segments, 0),
    run.segments,
  );
  assert.equal(
    groups.reduce((sum, group) => sum + group.completions, 0),
    run.completions,
  );
  let tokens = 0;
  for (const group of groups) {
    const segments = store.tree(group.step, group.prompt_id);
    const rewards = segments.flatMap((segment) => segment.reward ?? []);
    const mean = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
    assert.ok(Math.abs((group.reward_mean ?? NaN) - mean) < 1e-9);
    assert.equal(group.correct, segments.filter((s) => s.rewards?.accuracy === 1).length);
    assert.match(group.prompt, /^What is/);
    for (const segment of segments) tokens += segment.length;
  }
  assert.equal(tokens, run.tokens);
  // Tokens are counted over the whole run, as an engine does it.
  const generated = store.steps.map(({ metrics }) => metrics['tokens/generated'] ?? NaN);
  assert.ok(generated.every((count, i) => count > (generated[i - 1] ?? 0)));
  assert.equal(generated.at(-1), run.tokens);
  const [segment] = store.tree(1, groups[0]?.prompt_id ?? '');
  assert.ok(segment);
  const values = await store.tokens(segment.segment_id);
  assert.equal(values.token_ids.length, segment.length);
  assert.equal(values.token_ends.at(-1), Array.from(values.text).length);
  assert.deepEqual(await store.strip(segment.segment_id, 'entropy'), values.entropy);
  assert.deepEqual(await store.strip(segment.segment_id, 'logprob'), values.logprob);
  await assert.rejects(store.tokens(1e6), PlainError);
});

test('a store follows a live run, and tells of many changes at once', async (t) => {
  const directory = join(await temporaryDirectory(t), 'run');
  const writer = await RunWriter.create(directory, manifestOf(), recipe);
  const store = await open(t, directory);
  assert.deepEqual(store.status, { kind: 'running' });
  const changes: StoreChange[] = [];
  store.onDidChange((change) => changes.push(change));
  for (let step = 1; step <= 20; step++) {
    await writer.rollouts(tree(step, writer.nextSegmentId));
    await writer.event({ type: 'step', step, metrics: metrics(step) });
  }
  await until('all steps arrived', () => store.steps.length === 20 && store.groups().length === 20);
  const told = (): Set<number> =>
    new Set(changes.flatMap(({ groups }) => (groups === 'all' ? [] : groups.map((g) => g.step))));
  await until('all of it was told', () => told().size === 20);
  assert.ok(changes.length < 20, `${changes.length} notifications`);

  await writer.updateManifest({ state: 'paused' });
  await until('it shows as paused', () => store.status.kind === 'paused');
  await writer.event({ type: 'run_failed', message: 'It broke.', next: 'Mend it.' });
  await writer.updateManifest({ state: 'failed' });
  await until('it shows as failed', () => store.status.kind === 'failed');
  assert.deepEqual(store.status, { kind: 'failed', message: 'It broke.', next: 'Mend it.' });
  await writer.close();
});

test('probes join the tree they were asked for, and no average', async (t) => {
  const directory = join(await temporaryDirectory(t), 'run');
  const writer = await RunWriter.create(directory, manifestOf(), recipe);
  const rows = tree(1, 0);
  await writer.rollouts(rows);
  await writer.rollouts(tree(2, rows.length));
  const store = await open(t, directory);
  const before = store.groups()[0];
  const parent = rows.find((row) => row.status === 'complete');
  assert.ok(parent && before);
  const probe: SegmentRow = {
    ...parent,
    segment_id: writer.nextSegmentId,
    parent_id: parent.segment_id,
    kind: 'probe',
    reward: -100,
  };
  await writer.rollouts([probe]);
  await until('the probe arrived', () => store.tree(1, 'p').length === rows.length + 1);
  assert.deepEqual(store.groups()[0], { ...before, probes: 1 });
  assert.equal(store.tree(1, 'p').at(-1)?.kind, 'probe');
  await writer.close();
});

test('what a resumed run repeats is hidden, and its later steps count', async (t) => {
  const directory = join(await temporaryDirectory(t), 'run');
  const first = await RunWriter.create(directory, manifestOf(), recipe);
  await first.event({ type: 'run_started', resumed_from_step: null, superseded: null });
  const kept = tree(1, 0);
  await first.rollouts(kept);
  await first.event({ type: 'step', step: 1, metrics: metrics(1) });
  const checkpoint = first.size.rollouts;
  const lost = tree(2, kept.length, 'lost');
  await first.rollouts(lost);
  await first.event({ type: 'step', step: 2, metrics: metrics(2) });
  await first.event({ type: 'step', step: 3, metrics: metrics(3) });
  await first.close();
  const store = await open(t, directory);
  assert.equal(store.groups().length, 2);
  const changes: StoreChange[] = [];
  store.onDidChange((change) => changes.push(change));

  const second = await RunWriter.resume(directory);
  const superseded: [number, number] = [checkpoint, second.size.rollouts];
  await second.event({ type: 'run_started', resumed_from_step: 1, superseded });
  await until('the lost rows are gone', () => store.groups().length === 1);
  await until('it was told', () => changes.some((each) => each.groups === 'all' && each.steps));
  assert.deepEqual(
    store.steps.map(({ step }) => step),
    [1],
  );
  await second.rollouts(tree(2, second.nextSegmentId, 'again'));
  await second.event({ type: 'step', step: 2, metrics: metrics(22) });
  await second.close();
  const arrived = (): boolean => store.steps.length === 2 && store.groups().length === 2;
  await until('the repeated step arrived', arrived);
  assert.deepEqual(store.steps[1]?.metrics, { reward: 22 });
  assert.deepEqual(
    store.groups().map(({ prompt_id }) => prompt_id),
    ['p', 'again'],
  );
  await assert.rejects(store.tokens(lost[0]?.segment_id ?? -1), /There is no segment/);
  const again = await open(t, directory);
  assert.deepEqual(again.groups(), store.groups());
  assert.deepEqual(again.steps, store.steps);
});

test('torn tails and damage become problems in plain words; the rest is shown', async (t) => {
  const directory = await temporaryDirectory(t);
  await synthesizeRun(directory, { completions: 64, tokensPerCompletion: 20, seed: 1 });
  const { size } = await stat(join(directory, 'rollouts.arrows'));
  await appendFile(join(directory, 'rollouts.arrows'), Buffer.from('ffffffff000a', 'hex'));
  await appendFile(join(directory, 'events.jsonl'), 'half a li');
  const torn = await open(t, directory);
  assert.equal(torn.groups().length, 8);
  assert.deepEqual(torn.problems, [
    'The last 6 bytes of rollouts.arrows are a batch that was never finished.',
    'The last 9 bytes of events.jsonl are a line that was never finished.',
  ]);
  await appendFile(join(directory, 'rollouts.arrows'), Buffer.alloc(4096, 1));
  await appendFile(join(directory, 'events.jsonl'), 'ne\n');
  const damaged = await open(t, directory);
  assert.equal(damaged.groups().length, 8);
  assert.match(damaged.problems.join('\n'), new RegExp(`can't be read from byte ${size} on`));
  assert.match(damaged.problems.join('\n'), /The line of events\.jsonl at byte \d+ can't be read/);
});

test('reading changes nothing in the directory', async (t) => {
  const directory = await temporaryDirectory(t);
  await synthesizeRun(directory, { completions: 64, tokensPerCompletion: 20, seed: 1 });
  const look = async (): Promise<unknown> =>
    Promise.all(
      (await readdir(directory)).sort().map(async (name) => {
        const { mtimeMs, size } = await stat(join(directory, name));
        return [name, size, mtimeMs, await readFile(join(directory, name), 'hex')];
      }),
    );
  const before = await look();
  const store = await open(t, directory);
  await store.tokens(0);
  store.dispose();
  assert.deepEqual(await look(), before);
});

test('a newer schema, a broken manifest and no manifest are said plainly', async (t) => {
  const directory = await temporaryDirectory(t);
  await assert.rejects(RunStore.open(directory), /is not a run directory: it has no run\.json/);
  const path = join(directory, 'run.json');
  await writeFile(path, JSON.stringify({ ...manifestOf(), schema_version: 2 }));
  await assert.rejects(RunStore.open(directory), (error: unknown) => {
    assert.ok(error instanceof PlainError);
    assert.match(error.message, /written by a newer Adaptive GRPO \(run directory version 2;/);
    assert.equal(error.next, 'Update the extension to open this run.');
    return true;
  });
  await writeFile(path, '{"schema_version": 1');
  await assert.rejects(RunStore.open(directory), /is not valid JSON/);
  await writeFile(path, JSON.stringify({ ...manifestOf(), pid: 'one' }));
  await assert.rejects(RunStore.open(directory), /is not the manifest of a run: pid: /);
});

test('a recorded run can send us neither to another host nor after a group of processes', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'run.json');
  for (const pid of [0, -1, -process.pid, 1.5]) {
    await writeFile(path, JSON.stringify(manifestOf({ pid })));
    await assert.rejects(RunStore.open(directory), /is not the manifest of a run: pid: /);
  }
  const foreign = [
    'http://example.org:80',
    'http://127.0.0.1:80@example.org:80',
    'file:///etc',
    '',
  ];
  for (const url of [...foreign, 'http://127.0.0.1.example.org:80', 'http://127.0.0.1']) {
    await writeFile(path, JSON.stringify(manifestOf({ endpoint: { url, token: 't' } })));
    await assert.rejects(RunStore.open(directory), /manifest of a run: endpoint\.url: /, url);
  }
  for (const url of ['http://127.0.0.1:8000', 'http://localhost:1', 'http://[::1]:65535']) {
    await writeFile(path, JSON.stringify(manifestOf({ endpoint: { url, token: 't' } })));
    (await RunStore.open(directory)).dispose();
  }
});

test('a run with no rollouts and no events yet is empty, not broken', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeManifest(directory, manifestOf({ state: 'starting' }));
  const store = await open(t, directory);
  assert.deepEqual([store.groups(), store.steps, store.problems], [[], [], []]);
  assert.deepEqual(store.status, { kind: 'starting' });
});

test('a directory that is replaced by another run is read anew', async (t) => {
  const parent = await temporaryDirectory(t);
  const [shown, other] = [join(parent, 'a'), join(parent, 'b')];
  await synthesizeRun(shown, { completions: 256, tokensPerCompletion: 20, seed: 1 });
  await synthesizeRun(other, { completions: 64, tokensPerCompletion: 20, seed: 2 });
  const store = await open(t, shown);
  assert.equal(store.steps.length, 4);
  await cp(other, shown, { recursive: true });
  await until('the other run shows', () => store.manifest.run_id === 'synthetic-2', 20_000);
  await until('all of it', () => store.steps.length === 1 && store.groups().length === 8);
  assert.deepEqual(store.problems, []);
  await rm(shown, { recursive: true });
  await until('it is missed', () => store.problems.length > 0, 20_000);
  assert.deepEqual(store.problems, [`${shown} is not a run directory: it has no run.json.`]);
  assert.equal(store.groups().length, 8);
});

test('an engine that was killed shows as crashed; one that ended well does not', async (t) => {
  const directory = await temporaryDirectory(t);
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  t.after(() => child.kill('SIGKILL'));
  const pid = child.pid ?? 0;
  const writer = await RunWriter.create(directory, manifestOf({ pid }), recipe);
  const store = await open(t, directory);
  assert.deepEqual(store.status, { kind: 'running' });
  child.kill('SIGKILL');
  await once(child, 'exit');
  await until('it shows as crashed', () => store.status.kind === 'crashed');
  assert.ok(store.status.kind === 'crashed');
  assert.match(store.status.message, new RegExp(`process ${pid}\\) ended without a word`));
  assert.match(store.status.next, /Resume/);
  await writer.updateManifest({ state: 'finished' });
  await until('it shows as finished', () => store.status.kind === 'finished');
  await writer.close();
});

test('a process that only has the number of the engine is not the engine', async (t) => {
  const directory = await temporaryDirectory(t);
  // Nothing listens at the port of a server that was closed.
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const endpoint = { url: `http://127.0.0.1:${address.port}`, token: 'x' };
  await writeManifest(directory, manifestOf({ endpoint }));
  const store = await open(t, directory);
  assert.deepEqual(store.status, { kind: 'running' });
  server.close();
  await until('it shows as crashed', () => store.status.kind === 'crashed', 20_000);
});

test('a process that started after the manifest was written is not the engine', async (t) => {
  if (process.platform !== 'linux') {
    t.skip('only Linux tells cheaply when a process started');
    return;
  }
  const directory = await temporaryDirectory(t);
  await writeManifest(directory, manifestOf());
  assert.equal((await open(t, directory)).status.kind, 'running');
  const anHourAgo = new Date(Date.now() - 3_600_000);
  await utimes(join(directory, 'run.json'), anHourAgo, anHourAgo);
  assert.equal((await open(t, directory)).status.kind, 'crashed');
  await (await RunWriter.resume(directory)).close();
});

test('a run on another host is believed', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeManifest(directory, manifestOf({ host: 'elsewhere', pid: 2 ** 22 + 1 }));
  assert.deepEqual((await open(t, directory)).status, { kind: 'running' });
});
