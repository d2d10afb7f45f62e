import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { appendFile, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { Runs, runsIn } from '../../../src/launch/runs.ts';
import type { ReadableRun, RunCard } from '../../../src/launch/run-entry.ts';
import type { LaunchOptions, LaunchTarget, LaunchedRun } from '../../../src/launch/target.ts';
import type { Manifest } from '../../../src/run/model/manifest.ts';
import { RunWriter } from '../../../src/run/writer.ts';

let folder = '';
let parent = '';
let runs: Runs;
let launches: LaunchOptions[] = [];
let changes: RunCard[][] = [];
let endings: ReadableRun[] = [];

const manifest = (change: Partial<Manifest> = {}): Manifest => ({
  schema_version: 1,
  run_id: 'r',
  name: 'a run',
  engine: { name: 'built-in', version: '0' },
  strategy: 'adaptive',
  recipe: {},
  model: 'base',
  seed: 1,
  git_commit: null,
  host: hostname(),
  pid: process.pid,
  started_at: '2026-01-01T00:00:00.000Z',
  state: 'running',
  max_steps: 10,
  endpoint: null,
  capture: { top_k: 5, below: 0.99, groups_per_step: null },
  ...change,
});

const write = (name: string, change: Partial<Manifest> = {}, base = parent) =>
  RunWriter.create(join(base, name), manifest({ name, ...change }), new Uint8Array());

/** Writes the directory an engine would, and is ready at once. */
class WritingTarget implements LaunchTarget {
  readonly name = 'here';

  async launch(options: LaunchOptions): Promise<LaunchedRun> {
    launches.push(options);
    if (options.resume !== true) {
      await (await RunWriter.create(options.runDirectory, manifest(), new Uint8Array())).close();
    }
    const ready = { type: 'ready', url: '', token: '', run_directory: '', pid: 1 } as const;
    const end = { code: 0, signal: null };
    return {
      ready: Promise.resolve(ready),
      stopped: new Promise(() => undefined),
      stop: () => Promise.resolve(end),
    };
  }
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adaptive-grpo-runs-'));
  parent = join(folder, 'runs');
  launches = [];
  changes = [];
  endings = [];
  runs = new Runs(new WritingTarget());
  runs.onDidChange((cards) => changes.push([...cards]));
  runs.onDidEnd((ended) => endings.push(ended));
});

afterEach(async () => {
  runs.dispose();
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
});

async function deadProcess(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await new Promise((resolve) => child.once('exit', resolve));
  assert.ok(child.pid !== undefined);
  return child.pid;
}

const names = () =>
  runs.cards.map((card) => (card.kind === 'run' ? card.manifest.name : `? ${card.name}`));

test('a view that fails keeps no other from hearing, and the list from nothing', async (t) => {
  const heard: Error[] = [];
  const listen = (warning: Error) => heard.push(warning);
  process.on('warning', listen);
  t.after(() => process.off('warning', listen));
  await (await write('first')).close();
  const failing = new Runs(new WritingTarget());
  t.after(() => failing.dispose());
  const told: string[] = [];
  failing.onDidChange(() => {
    throw new Error('this view is broken');
  });
  failing.onDidChange((cards) => told.push(...cards.map(({ directory }) => directory)));
  await failing.setDirectories([parent]);
  assert.deepEqual(told, [join(parent, 'first')]);
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(heard.some(({ message }) => message === 'this view is broken'));
});

test('a run that cannot be read for a moment is told of when it has ended all the same', async () => {
  const writer = await write('blinking');
  await runs.setDirectories([parent]);
  const file = join(parent, 'blinking', 'run.json');
  await rename(file, `${file}.away`);
  await writeFile(file, 'torn');
  await runs.refresh();
  assert.deepEqual(names(), ['? blinking']);
  await rename(`${file}.away`, file);
  await writer.updateManifest({ state: 'finished' });
  await writer.close();
  await runs.refresh();
  assert.deepEqual(
    endings.map(({ status }) => status.kind),
    ['finished'],
  );
  await runs.refresh();
  assert.equal(endings.length, 1);
});

test('no runs directory means no runs, and it is no error', async () => {
  await runs.setDirectories([join(folder, 'none'), join(folder, 'neither')]);
  assert.deepEqual(runs.cards, []);
  assert.equal(runs.active, null);
  assert.equal(changes.length, 0);
});

test('runs are listed newest first, whatever else lies beside them', async () => {
  await write('old', { started_at: '2026-01-01T00:00:00.000Z', state: 'finished' });
  await write('new', { started_at: '2026-01-02T00:00:00.000Z', state: 'stopped' });
  await mkdir(join(parent, 'empty'));
  await writeFile(join(parent, 'file.txt'), 'x');
  await runs.setDirectories([parent]);
  assert.deepEqual(names(), ['new', 'old']);
});

test('the last step and evaluation are on the card, and only changed cards are told', async () => {
  const writer = await write('one');
  await write('two', { state: 'finished' });
  await runs.setDirectories([parent]);
  changes.length = 0;
  await runs.refresh();
  assert.equal(changes.length, 0);
  await writer.event({ type: 'evaluation', step: 0, metrics: { 'eval/accuracy': 0.25 } });
  await writer.event({ type: 'step', step: 1, metrics: { reward: 0.5 } });
  await runs.refresh();
  const told = changes.flat();
  assert.equal(told.length, 1);
  const card = told.at(0);
  assert.ok(card?.kind === 'run');
  assert.deepEqual(
    [card.latest?.step, card.latest?.metrics.reward, card.evaluation?.metrics['eval/accuracy']],
    [1, 0.5, 0.25],
  );
});

test('a run that another window started appears by itself', async () => {
  await mkdir(parent);
  await runs.setDirectories([parent]);
  const appeared = new Promise<void>((resolve) => runs.onDidChange(() => resolve()));
  await write('headless', { state: 'finished' });
  await appeared;
  assert.deepEqual(names(), ['headless']);
});

test('a damaged or newer manifest is listed with its reason', async () => {
  await mkdir(join(parent, 'damaged'), { recursive: true });
  await writeFile(join(parent, 'damaged', 'run.json'), '{"schema_');
  await mkdir(join(parent, 'newer'));
  await writeFile(join(parent, 'newer', 'run.json'), '{"schema_version": 99}');
  await runs.setDirectories([parent]);
  assert.deepEqual(names(), ['? damaged', '? newer']);
  const [damaged, newer] = runs.cards;
  assert.ok(damaged?.kind === 'unreadable' && newer?.kind === 'unreadable');
  assert.match(damaged.message, /not valid JSON/);
  assert.match(newer.message, /newer Adaptive GRPO/);
  assert.match(newer.next, /Update/);
  changes.length = 0;
  await runs.refresh();
  assert.equal(changes.length, 0, 'nothing new, nothing told');
});

test('a run whose process is gone has crashed; one that ends here is told as ended', async () => {
  const writer = await write('doomed');
  await runs.setDirectories([parent]);
  assert.equal(statusOf('doomed'), 'running');
  await writer.updateManifest({ pid: await deadProcess() });
  await runs.refresh();
  assert.equal(statusOf('doomed'), 'crashed');
  assert.deepEqual(
    endings.map(({ status }) => status.kind),
    ['crashed'],
  );
  await runs.refresh();
  assert.equal(endings.length, 1, 'told once');
});

test('a run that had ended before anybody looked is no news', async () => {
  await write('past', { pid: await deadProcess() });
  await runs.setDirectories([parent]);
  assert.equal(statusOf('past'), 'crashed');
  assert.deepEqual(endings, []);
});

test('why a run failed is on its card', async () => {
  const writer = await write('failing');
  await runs.setDirectories([parent]);
  await writer.event({ type: 'run_failed', message: 'The disk is full.', next: 'Make room.' });
  await writer.updateManifest({ state: 'failed' });
  await runs.refresh();
  const [ended] = endings;
  assert.deepEqual(ended?.status, {
    kind: 'failed',
    message: 'The disk is full.',
    next: 'Make room.',
  });
});

test('the active run is the chosen one, else the newest that lives, else the newest', async () => {
  await write('ended', { started_at: '2026-03-01T00:00:00.000Z', state: 'finished' });
  await runs.setDirectories([parent]);
  assert.equal(activeName(), 'ended');
  await write('live', { started_at: '2026-02-01T00:00:00.000Z' });
  await runs.refresh();
  assert.equal(activeName(), 'live');
  runs.select(join(parent, 'ended'));
  assert.equal(activeName(), 'ended');
  await rm(join(parent, 'ended'), { recursive: true });
  await runs.refresh();
  assert.equal(activeName(), 'live');
});

test('a recorded run is opened from anywhere, and taken off the list again', async () => {
  await write('elsewhere', { state: 'finished' }, folder);
  await runs.setDirectories([parent]);
  const directory = join(folder, 'elsewhere');
  const card = await runs.open(directory);
  assert.equal(card.directory, directory);
  assert.ok(runs.isOpened(directory));
  assert.equal(activeName(), 'elsewhere');
  await runs.forget(directory);
  assert.deepEqual(runs.cards, []);
});

test('what is no run is not opened, in a plain sentence', async () => {
  await runs.setDirectories([parent]);
  await assert.rejects(runs.open(folder), /not a run directory/);
  await assert.rejects(runs.open(join(folder, 'nowhere')), /not a run directory/);
  assert.deepEqual(runs.cards, []);
});

test('a folder of runs tells which ones are in it', async () => {
  await write('old', { started_at: '2026-01-01T00:00:00.000Z', state: 'finished' });
  await write('new', { started_at: '2026-01-02T00:00:00.000Z', state: 'stopped' });
  await mkdir(join(parent, 'no run'));
  const found = await runsIn(parent);
  assert.deepEqual(
    found.map(({ directory }) => directory),
    [join(parent, 'new'), join(parent, 'old')],
  );
  assert.deepEqual(await runsIn(join(folder, 'nowhere')), []);
});

test('a started run is on the list and active when the start settles', async () => {
  await runs.setDirectories([parent]);
  const directory = await runs.newDirectory(join(folder, 'my recipe.yaml'), parent);
  assert.match(directory, /my recipe-\d{8}-\d{6}$/);
  const card = await runs.start(join(folder, 'my recipe.yaml'), directory, {});
  assert.equal(card.directory, directory);
  assert.equal(runs.active?.directory, directory);
  assert.notEqual(await runs.newDirectory(join(folder, 'my recipe.yaml'), parent), directory);
});

test('two starts in one second get a folder each, in whichever window', async () => {
  const other = new Runs(new WritingTarget());
  const names = await Promise.all(
    [runs, other, runs, other].map((window) =>
      window.newDirectory(join(folder, 'recipe.yaml'), parent),
    ),
  );
  assert.equal(new Set(names).size, 4);
  other.dispose();
});

test('a start that nothing came of leaves no folder; one that left words in it does', async () => {
  const target = new WritingTarget();
  const failing = new Runs(target);
  const recipe = join(folder, 'recipe.yaml');
  const directory = await failing.newDirectory(recipe, parent);
  target.launch = () => Promise.reject(new Error('no engine'));
  await assert.rejects(failing.start(recipe, directory, {}), /no engine/);
  await assert.rejects(readdir(parent), { code: 'ENOENT' });
  const another = await failing.newDirectory(recipe, parent);
  await writeFile(join(another, 'trainer.log'), 'why');
  await assert.rejects(failing.start(recipe, another, {}), /no engine/);
  assert.deepEqual(await readdir(parent), [basename(another)]);
  await assert.rejects(
    failing.newDirectory(recipe, join(another, 'trainer.log')),
    /can't be created/,
  );
  // Somebody's own folder stays, empty as it was.
  const own = join(folder, 'own');
  await mkdir(own);
  await assert.rejects(failing.start(recipe, await failing.newDirectory(recipe, own), {}));
  assert.deepEqual(await readdir(own), []);
  failing.dispose();
});

test('a crashed run goes on from its own recipe, in its own directory', async () => {
  await write('crashed', { pid: await deadProcess() });
  await runs.setDirectories([parent]);
  const directory = join(parent, 'crashed');
  await runs.continue(directory, { timeoutMs: 1 });
  const [launch] = launches;
  assert.deepEqual(
    [launch?.recipe, launch?.runDirectory, launch?.resume, launch?.timeoutMs],
    [join(directory, 'recipe.yaml'), directory, true, 1],
  );
});

test('a torn event, and a directory that another run takes, are lived with', async () => {
  const writer = await write('torn', { state: 'finished' });
  await writer.event({ type: 'step', step: 1, metrics: { reward: 1 } });
  await writer.close();
  await appendFile(join(parent, 'torn', 'events.jsonl'), '{"seq":1,"ti');
  await runs.setDirectories([parent]);
  const card = runs.card(join(parent, 'torn'));
  assert.ok(card?.kind === 'run');
  assert.equal(card.latest?.step, 1);
  await rename(join(parent, 'torn'), join(folder, 'away'));
  await write('torn', { run_id: 'another' });
  await runs.refresh();
  const other = runs.card(join(parent, 'torn'));
  assert.ok(other?.kind === 'run');
  assert.deepEqual([other.manifest.run_id, other.latest], ['another', null]);
});

test('after dispose nothing is told', async () => {
  await runs.setDirectories([parent]);
  runs.dispose();
  await write('late');
  await runs.refresh();
  assert.equal(changes.length, 0);
});

function statusOf(name: string): string | undefined {
  const card = runs.card(join(parent, name));
  return card?.kind === 'run' ? card.status.kind : card?.kind;
}

function activeName(): string | undefined {
  return runs.active?.kind === 'run' ? runs.active.manifest.name : undefined;
}
