import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PlainError } from '../../../src/common/errors.ts';
import { CancelledError } from '../../../src/launch/engine-process.ts';
import { Policies } from '../../../src/launch/policies.ts';
import { baseModelFolder } from '../../../src/engine/prepare.ts';
import { arithmetic } from '../../../src/engine/tasks/index.ts';
import type { SegmentRow, SegmentSummary } from '../../../src/run/model/segment.ts';
import { appendProbes } from '../../../src/run/probes.ts';
import { RunStore } from '../../../src/run/store.ts';
import { TokenizerTexts } from '../../../src/views/tokenizer.ts';
import { CompletionClient, type Server } from '../../../src/views/fork/client.ts';
import { sampleFork, type ForkSources } from '../../../src/views/fork/fork.ts';
import { forkPlace, type ForkPlace } from '../../../src/views/fork/place.ts';
import { serveWithLlamaCpp } from '../../fixtures/llama-cpp.ts';
import { until } from '../../fixtures/run.ts';
import {
  Engine,
  eventsOf,
  recipeFile,
  root,
  runEngine,
  temporaryFolder,
} from '../engine/support.ts';

/** Forks for real: at the live engine, at a checkpoint of a run that has ended, at llama.cpp. */

const engineMain = join(root, 'src', 'engine', 'main.ts');
const never = new AbortController().signal;

const ownServer = ({ url, token }: { url: string; token: string }): Server => ({
  name: 'own',
  baseUrl: `${url}/v1`,
  apiKey: token,
  model: '',
  own: true,
});
const live = (own: Server): ForkSources => ({
  sampler: own,
  origin: { source: 'live', name: '' },
  own,
});

async function textsOf(): Promise<(id: number) => string | null> {
  const texts = new TokenizerTexts();
  await texts.read([baseModelFolder()]);
  return (id) => texts.textOf(id);
}

interface Asked {
  n?: number;
  temperature?: number;
  max_tokens?: number;
  forced?: number | null;
  signal?: AbortSignal;
}

async function fork(
  place: ForkPlace,
  sources: ForkSources,
  { n = 3, temperature = 1, max_tokens = 40, forced = null, signal = never }: Asked = {},
): Promise<SegmentRow[]> {
  const request = { place, n, temperature, max_tokens, forced };
  const warn = (message: string) => assert.fail(message);
  const tools = { textOf: await textsOf(), timeoutMs: 30_000, warn };
  return sampleFork(request, sources, tools, signal);
}

/** The first finished completion of a run, and its tree. */
function completionOf(store: RunStore): SegmentSummary {
  const trees = store.groups().map(({ step, prompt_id }) => store.tree(step, prompt_id));
  const found = trees.flat().find(({ kind, status }) => kind === 'root' && status === 'complete');
  assert.ok(found, 'the run has a finished completion');
  return found;
}

async function openRun(t: TestContext, directory: string): Promise<RunStore> {
  const store = await RunStore.open(directory);
  t.after(() => store.dispose());
  return store;
}

/** What the task says of a whole completion. */
function rewardOf(place: ForkPlace, row: SegmentRow): { accuracy: number; format: number } {
  const text = place.kept.text + row.tokens.text;
  for (let i = 0; i < 10_000; i++) {
    const problem = arithmetic.train(3, i);
    if (problem.id !== place.prompt_id) continue;
    return {
      accuracy: Number(arithmetic.verify(problem, text)),
      format: Number(arithmetic.wellFormed(problem, text)),
    };
  }
  assert.fail(`no problem ${place.prompt_id}`);
}

test('a live run: scored probes in the tree within a step, which training never sees', async (t) => {
  const folder = await temporaryFolder();
  const directory = join(folder, 'run');
  const recipe = await recipeFile(folder);
  const engine = new Engine(['--serve', recipe, '--output_dir', directory, '--max_steps', '1000']);
  t.after(() => engine.kill());
  const own = ownServer(await engine.ready());
  const store = await openRun(t, directory);
  await until('a few steps are done', () => store.steps.length >= 3, 60_000);
  const leaf = completionOf(store);
  const place = await forkPlace(store, leaf.segment_id, 3);
  const [before] = store.groups().filter(({ prompt_id }) => prompt_id === leaf.prompt_id);
  const began = performance.now();
  const rows = await fork(place, live(own), { temperature: 1.4 });
  const seconds = (performance.now() - began) / 1000;
  const step = Math.max(...store.steps.map(({ metrics }) => metrics['time/step'] ?? 0));
  t.diagnostic(
    `three continuations took ${seconds.toFixed(2)} s; the longest step so far ${step.toFixed(2)} s`,
  );
  const kept = await appendProbes(directory, rows);
  await until('they are in the tree', () =>
    kept.every(({ segment_id }) =>
      store.tree(leaf.step, leaf.prompt_id).some((each) => each.segment_id === segment_id),
    ),
  );
  for (const row of kept) {
    assert.deepEqual(row.rewards, rewardOf(place, row));
    assert.equal(row.origin?.uncertainty, 'exact');
    assert.equal(row.origin.logprob, 'sampled');
    assert.ok(row.tokens.token_ids.every((id) => id >= 0));
    assert.equal(row.tokens.texts, undefined);
    assert.ok(row.tokens.entropy.every((value) => value >= 0 && value < 4));
    const tokens = await store.tokens(row.segment_id);
    assert.equal(tokens.text, row.tokens.text);
  }
  const [after] = store.groups().filter(({ prompt_id }) => prompt_id === leaf.prompt_id);
  assert.deepEqual(after, before && { ...before, probes: 3 });

  // With a token forced: it stands first, and the run scores it as part of the completion.
  const alternative = 12;
  const [forced] = await fork(place, live(own), { n: 1, forced: alternative });
  assert.equal(forced?.tokens.token_ids[0], alternative);
  assert.equal(forced.tokens.text[0], '9');
  assert.deepEqual(forced.rewards, rewardOf(place, forced));
  // A probe is forked like any other path.
  const [first] = kept;
  assert.ok(first);
  const deeper = await forkPlace(store, first.segment_id, 5);
  assert.equal(deeper.parent.segment_id, first.segment_id);
  assert.equal(deeper.kept.text, (place.kept.text + first.tokens.text).slice(0, 5));
  assert.equal((await fork(deeper, live(own), { n: 2 })).length, 2);

  const cancel = new AbortController();
  const work = fork(place, live(own), { n: 100, signal: cancel.signal });
  cancel.abort();
  await assert.rejects(work, CancelledError);
});

test('an answer waits for one optimizer step, not for all that a round makes', async (t) => {
  const folder = await temporaryFolder();
  const directory = join(folder, 'run');
  const settings = ['--num_iterations', '6', '--max_steps', '6000', '--output_dir', directory];
  const engine = new Engine(['--serve', await recipeFile(folder), ...settings]);
  t.after(() => engine.kill());
  const client = new CompletionClient(ownServer(await engine.ready()), 30_000);
  const asked = { prompt: '12+3*4=', n: 1, temperature: 1, max_tokens: 4 };
  const steps: number[] = [];
  for (let i = 0; i < 12; i++) {
    await client.sample(asked, never);
    const events = await eventsOf(directory);
    const last = events.findLast((event) => event.type === 'step');
    steps.push(last?.type === 'step' ? last.step : 0);
  }
  // At the end of a round six more are done: answers that come only there would all stand there.
  assert.ok(
    steps.some((step) => step % 6 !== 0),
    steps.join(),
  );
});

test('a run that has ended: its checkpoint is served on demand, and ends when idle', async (t) => {
  const folder = await temporaryFolder();
  const directory = join(folder, 'run');
  const ended = await runEngine([await recipeFile(folder), '--output_dir', directory]);
  assert.equal(ended.code, 0, ended.stderr);
  const store = await openRun(t, directory);
  const said: string[] = [];
  const policies = new Policies(engineMain, { idleMs: 300, log: (line) => said.push(line) });
  t.after(() => policies.dispose());
  const [one, two] = await Promise.all([
    policies.acquire(directory, never),
    policies.acquire(directory, never),
  ]);
  assert.deepEqual(one.endpoint, two.endpoint);
  assert.equal(policies.running, 1);
  const own = ownServer(one.endpoint);
  const origin = { source: 'checkpoint' as const, name: 'step-4' };
  const leaf = completionOf(store);
  const place = await forkPlace(store, leaf.segment_id, 0);
  const rows = await fork(place, { sampler: own, origin, own }, { temperature: 0 });
  assert.equal(rows[0]?.tokens.text, rows[1]?.tokens.text, 'greedy is greedy');
  for (const row of rows) {
    assert.deepEqual(row.rewards, rewardOf(place, row));
    assert.equal(row.fork_at, 0);
    assert.equal(row.parent_id, leaf.segment_id);
  }
  one.dispose();
  await sleep(500);
  assert.equal(policies.running, 1, 'somebody still has it');
  two.dispose();
  await until('it ended', () => policies.running === 0);
  await rm(join(directory, 'checkpoints'), { recursive: true });
  await assert.rejects(policies.acquire(directory, never), (error: unknown) => {
    assert.ok(error instanceof PlainError);
    assert.match(error.message, /has no checkpoint/);
    return true;
  });
  const cancelled = AbortSignal.abort();
  await assert.rejects(policies.acquire(directory, cancelled), CancelledError);
  assert.match(said.join('\n'), /has no checkpoint/);
});

test('llama.cpp serves the same model: the same numbers, bounded; scored by the run', async (t) => {
  const served = await serveWithLlamaCpp(t, baseModelFolder());
  if ('missing' in served) {
    t.skip(served.missing);
    return;
  }
  const folder = await temporaryFolder();
  const directory = join(folder, 'run');
  // A learning rate of almost nothing: the run's policy is the base model still.
  const settings = ['--output_dir', directory, '--learning_rate', '1e-12', '--max_steps', '2'];
  const ended = await runEngine([await recipeFile(folder), ...settings]);
  assert.equal(ended.code, 0, ended.stderr);
  const store = await openRun(t, directory);
  const policies = new Policies(engineMain);
  t.after(() => policies.dispose());
  const lease = await policies.acquire(directory, never);
  const own = ownServer(lease.endpoint);
  const { baseUrl } = served;
  const sampler = { name: 'llama.cpp', baseUrl, apiKey: null, model: '', own: false };
  const sources: ForkSources = { sampler, origin: { source: 'server', name: 'llama.cpp' }, own };
  const leaf = completionOf(store);
  const place = await forkPlace(store, leaf.segment_id, 6);
  const greedy = { n: 1, temperature: 0 };
  const [theirs] = await fork(place, sources, greedy);
  const [ours] = await fork(place, live(own), greedy);
  assert.ok(theirs && ours);
  assert.equal(theirs.tokens.text, ours.tokens.text);
  // Its tokens read as ours do, so their ids are the run's.
  const { length } = theirs.tokens.token_ids;
  assert.deepEqual(theirs.tokens.token_ids, ours.tokens.token_ids.slice(0, length));
  assert.deepEqual(theirs.rewards, rewardOf(place, theirs));
  assert.deepEqual(
    [theirs.origin?.uncertainty, theirs.origin?.logprob, theirs.origin?.unscored],
    ['lower_bound', 'temperature_1', null],
  );
  for (let i = 0; i < length; i++) {
    const [mine, other] = [ours.tokens, theirs.tokens];
    const close = (a = NaN, b = NaN) => Math.abs(a - b) < 2e-3;
    assert.ok(close(mine.max_prob[i], other.max_prob[i]), `max prob of token ${i}`);
    assert.ok((other.entropy[i] ?? NaN) <= (mine.entropy[i] ?? NaN) + 2e-3, `entropy of ${i}`);
    assert.ok(close(Math.exp(mine.logprob[i] ?? NaN), Math.exp(other.logprob[i] ?? NaN)));
  }
  const many = await fork(place, sources, { n: 3, temperature: 1.2, forced: 12 });
  assert.equal(many.length, 3);
  assert.ok(many.every(({ tokens }) => tokens.text.startsWith('9')));
  const kept = await appendProbes(directory, [theirs, ...many]);
  await until('they are in the tree', () => {
    const tree = store.tree(leaf.step, leaf.prompt_id);
    return kept.every(({ segment_id }) => tree.some((each) => each.segment_id === segment_id));
  });
  const alone = await fork(place, { ...sources, own: null }, { n: 1 });
  assert.equal(alone[0]?.origin?.unscored, 'no_endpoint');
});
