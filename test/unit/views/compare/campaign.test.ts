import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlainError } from '../../../../src/common/errors.ts';
import { Campaign, runsAtOnce, type Launcher } from '../../../../src/views/compare/campaign.ts';

/** Runs that end when they are told to. */
class Runs implements Launcher<string> {
  readonly log: string[] = [];
  readonly #ends = new Map<string, () => void>();
  refuse: string | null = null;

  start(job: string, signal: AbortSignal): Promise<string> {
    this.log.push(`start ${job}`);
    if (signal.aborted) return Promise.reject(new Error('taken back'));
    if (job === this.refuse) return Promise.reject(new PlainError('No such model.', 'Name one.'));
    return Promise.resolve(`/runs/${job}`);
  }

  ended(directory: string): Promise<void> {
    return new Promise((resolve) => this.#ends.set(directory, resolve));
  }

  stop(directory: string): Promise<void> {
    this.log.push(`stop ${directory}`);
    this.end(directory);
    return Promise.resolve();
  }

  end(directory: string): void {
    this.#ends.get(directory)?.();
  }
}

const soon = () => new Promise((resolve) => setImmediate(resolve));
const kinds = (campaign: Campaign<string>) => campaign.states.map(({ kind }) => kind);

test('runs are started in order, so many at once', async () => {
  const runs = new Runs();
  const campaign = new Campaign(['a', 'b', 'c'], 2, runs);
  let told = 0;
  campaign.onDidChange(() => (told += 1));
  await soon();
  assert.deepEqual(kinds(campaign), ['running', 'running', 'waiting']);
  runs.end('/runs/b');
  await soon();
  assert.deepEqual(kinds(campaign), ['running', 'ended', 'running']);
  assert.deepEqual(
    campaign.started.map(({ directory }) => directory),
    ['/runs/a', '/runs/b', '/runs/c'],
  );
  runs.end('/runs/a');
  runs.end('/runs/c');
  await campaign.done;
  assert.deepEqual(kinds(campaign), ['ended', 'ended', 'ended']);
  assert.ok(told > 0);
});

test('stop ends what runs and starts nothing more', async () => {
  const runs = new Runs();
  const campaign = new Campaign(['a', 'b', 'c', 'd'], 2, runs);
  await soon();
  await campaign.stop();
  await campaign.done;
  assert.deepEqual(kinds(campaign), ['ended', 'ended', 'cancelled', 'cancelled']);
  assert.deepEqual(runs.log, ['start a', 'start b', 'stop /runs/a', 'stop /runs/b']);
});

test('a run that is still starting when all are stopped is taken back', async () => {
  const runs = new Runs();
  const started = Promise.withResolvers<string>();
  runs.start = (_job, signal) => {
    signal.addEventListener('abort', () => started.reject(new Error('taken back')));
    return started.promise;
  };
  const campaign = new Campaign(['a', 'b'], 1, runs);
  await campaign.stop();
  await campaign.done;
  assert.deepEqual(kinds(campaign), ['cancelled', 'cancelled']);
});

test('a run that can not be started says why, and the others are not tried', async () => {
  const runs = new Runs();
  runs.refuse = 'b';
  const campaign = new Campaign(['a', 'b', 'c'], 2, runs);
  await soon();
  assert.deepEqual(campaign.states[1], {
    kind: 'failed',
    message: 'No such model.',
    next: 'Name one.',
  });
  assert.deepEqual(kinds(campaign), ['running', 'failed', 'cancelled']);
  runs.end('/runs/a');
  await campaign.done;
  assert.equal(kinds(campaign)[0], 'ended', 'what runs goes on');
});

test('a run that can not be told to stop is said', async () => {
  const runs = new Runs();
  runs.stop = () => Promise.reject(new Error('no answer'));
  const campaign = new Campaign(['a'], 1, runs);
  await soon();
  await assert.rejects(campaign.stop(), /no answer/);
  runs.end('/runs/a');
  await campaign.done;
});

test('both sides train together where two cores are there', () => {
  assert.deepEqual([1, 2, 8, 16, 64].map(runsAtOnce), [1, 2, 2, 4, 4]);
});
