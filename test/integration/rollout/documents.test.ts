import assert from 'node:assert/strict';
import { cp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { StorePool } from '../../../src/launch/store-pool.ts';
import { RunStore } from '../../../src/run/store.ts';
import { RunWriter } from '../../../src/run/writer.ts';
import {
  RolloutDocuments,
  sentenceOf,
  type DocumentState,
} from '../../../src/views/rollout/documents.ts';
import { RolloutRuns } from '../../../src/views/rollout/runs.ts';
import { synthesizeRun } from '../../fixtures/synthesize.ts';
import { row, tokensOf } from '../../fixtures/segments.ts';
import { manifest, temporaryDirectory, writer } from '../explorer/runs.ts';

/** Documents as the extension has them, over real run directories. */
function documentsOf(t: TestContext): { documents: RolloutDocuments; opened: string[] } {
  const opened: string[] = [];
  const pool = new StorePool((directory) => {
    opened.push(directory);
    return RunStore.open(directory);
  }, 0);
  const runs: RolloutRuns = new RolloutRuns(pool, '/nowhere', (directory, change) =>
    documents.runChanged(directory, change),
  );
  const documents = new RolloutDocuments(runs);
  t.after(() => {
    documents.dispose();
    runs.dispose();
    pool.dispose();
  });
  return { documents, opened };
}

async function until<T>(look: () => T, accept: (value: T) => boolean): Promise<T> {
  const end = Date.now() + 15_000;
  for (;;) {
    const value = look();
    if (accept(value)) return value;
    assert.ok(Date.now() < end, `still ${JSON.stringify(value)}`);
    await setTimeout(20);
  }
}

const noticeOf = (state: DocumentState | undefined): string | null =>
  state?.kind === 'ready' ? state.notice : null;

test('a recorded run is read once, however many of its rollouts are open', async (t) => {
  const directory = await temporaryDirectory(t);
  await synthesizeRun(directory, { completions: 64, tokensPerCompletion: 40, seed: 5 });
  const { documents, opened } = documentsOf(t);
  const all = await Promise.all(
    [0, 1, 2, 3].map((segment_id) => documents.open({ directory, segment_id })),
  );
  for (const { state } of all) {
    assert.equal(state.kind, 'ready');
    assert.equal(noticeOf(state), null);
    assert.match(sentenceOf(state), /^What is /);
  }
  assert.equal(opened.length, 1);
  for (const { address } of all) documents.close(address);
  assert.deepEqual(documents.addresses, []);
  await setTimeout(20);
  await documents.open({ directory, segment_id: 0 });
  assert.equal(opened.length, 2, 'nobody held it any more');
});

test('one that is closed before it is read opens no run', async (t) => {
  const directory = await temporaryDirectory(t);
  await synthesizeRun(directory, { completions: 8, tokensPerCompletion: 40, seed: 5 });
  const { documents, opened } = documentsOf(t);
  const opening = documents.open({ directory, segment_id: 0 });
  documents.close({ directory, segment_id: 0 });
  assert.match(sentenceOf((await opening).state), /It was closed before it was read/);
  assert.deepEqual(opened, []);
});

test('what can not be read says so, and is tried again', async (t) => {
  const directory = await temporaryDirectory(t);
  const { documents } = documentsOf(t);
  const missing = { directory, segment_id: 0 };
  const { state } = await documents.open(missing);
  assert.equal(state.kind, 'failed');
  assert.match(sentenceOf(state), /is not a run directory.*\nChoose/);
  await synthesizeRun(directory, { completions: 8, tokensPerCompletion: 20, seed: 5 });
  const unknown = await documents.open({ directory, segment_id: 12_345 });
  assert.match(sentenceOf(unknown.state), /has no segment 12345/);
  assert.equal((await documents.open(missing)).state.kind, 'ready');
});

test('of a live run the document learns what grew from its path', async (t) => {
  const directory = await temporaryDirectory(t);
  const writing = await writer(directory, { state: 'running', pid: process.pid });
  await writing.rollouts([row({ segment_id: 0, tokens: tokensOf('ab') })]);
  const { documents } = documentsOf(t);
  const address = { directory, segment_id: 0 };
  const first = await documents.open(address);
  assert.ok(first.state.kind === 'ready');
  assert.deepEqual(first.state.rollout.view.marks, []);
  let told = 0;
  documents.onDidChange(() => {
    told += 1;
  });
  await writing.rollouts([
    row({ segment_id: 1, parent_id: 0, fork_at: 1, kind: 'probe', tokens: tokensOf('c') }),
  ]);
  const marks = await until(
    () => {
      const state = documents.get(address)?.state;
      return state?.kind === 'ready' ? state.rollout.view.marks : [];
    },
    (found) => found.length === 1,
  );
  assert.equal(marks[0]?.at, 1);
  assert.ok(told >= 1);
  await writing.close();
});

test('a run that is deleted or replaced leaves what was read, and says so', async (t) => {
  const directory = await temporaryDirectory(t);
  await synthesizeRun(directory, { completions: 8, tokensPerCompletion: 20, seed: 5 });
  const { documents } = documentsOf(t);
  const address = { directory, segment_id: 0 };
  const before = sentenceOf((await documents.open(address)).state);
  await rm(directory, { recursive: true });
  const gone = await until(
    () => noticeOf(documents.get(address)?.state),
    (notice) => notice !== null,
  );
  assert.match(gone ?? '', /What is shown here was read before\.$/);
  assert.equal(sentenceOf((await documents.open(address)).state), before);

  const other = join(directory, '..', 'other');
  await synthesizeRun(other, { completions: 8, tokensPerCompletion: 20, seed: 6 });
  await rename(other, directory);
  const replaced = await until(
    () => noticeOf(documents.get(address)?.state),
    (notice) => notice?.includes('Another run') ?? false,
  );
  assert.match(replaced ?? '', /Another run lies where synthetic 5 was/);
  assert.equal(sentenceOf((await documents.open(address)).state), before);
});

test('a run that goes on from an earlier step says that the rollout is not part of it', async (t) => {
  const directory = await temporaryDirectory(t);
  const recipe = new TextEncoder().encode('# test\n');
  const writing = await RunWriter.create(directory, manifest(), recipe);
  await writing.event({ type: 'run_started', resumed_from_step: null, superseded: null });
  const kept = writing.size.rollouts;
  await writing.rollouts([row({ segment_id: 0, tokens: tokensOf('ab') })]);
  const { documents } = documentsOf(t);
  const address = { directory, segment_id: 0 };
  const before = sentenceOf((await documents.open(address)).state);
  const superseded: [number, number] = [kept, writing.size.rollouts];
  await writing.event({ type: 'run_started', resumed_from_step: 0, superseded });
  const notice = await until(
    () => noticeOf(documents.get(address)?.state),
    (found) => found !== null,
  );
  assert.match(notice ?? '', /^The run was resumed from an earlier step, without this rollout/);
  assert.equal(sentenceOf((await documents.open(address)).state), before);
  await writing.close();
});

test('files that were written anew are not taken for those that were read', async (t) => {
  const directory = await temporaryDirectory(t);
  const options = { completions: 8, tokensPerCompletion: 20, manifest: { run_id: 'one' } };
  await synthesizeRun(directory, { ...options, seed: 5 });
  const { documents } = documentsOf(t);
  const address = { directory, segment_id: 0 };
  const before = sentenceOf((await documents.open(address)).state);
  await rm(directory, { recursive: true });
  await synthesizeRun(directory, { ...options, seed: 6, completions: 4 });
  const notice = await until(
    () => noticeOf(documents.get(address)?.state),
    (found) => found?.includes('another rollout') ?? false,
  );
  assert.match(notice ?? '', /another rollout of this number/);
  assert.equal(sentenceOf((await documents.open(address)).state), before);
});

test('a copy of a run is another document of the same text', async (t) => {
  const directory = await temporaryDirectory(t);
  await synthesizeRun(directory, { completions: 8, tokensPerCompletion: 20, seed: 5 });
  const copy = join(directory, '..', 'copy');
  await cp(directory, copy, { recursive: true });
  const { documents } = documentsOf(t);
  const [one, two] = await Promise.all(
    [directory, copy].map((each) => documents.open({ directory: each, segment_id: 2 })),
  );
  assert.ok(one && two);
  assert.equal(sentenceOf(one.state), sentenceOf(two.state));
  assert.equal(documents.addresses.length, 2);
});
