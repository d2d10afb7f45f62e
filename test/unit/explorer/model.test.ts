import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SegmentRow, SegmentTokens } from '../../../src/run/model/segment.ts';
import { ExplorerModel } from '../../../src/views/explorer/model.ts';
import type { RunSource } from '../../../src/views/model/source.ts';
import { manifest } from '../../integration/explorer/runs.ts';
import { row, tokensOf } from '../../fixtures/segments.ts';

const key = { step: 1, prompt_id: 'p' };

function sourceOf(
  rows: () => readonly SegmentRow[],
  tokens: (id: number) => Promise<SegmentTokens>,
): RunSource {
  return {
    directory: '/runs/one',
    manifest: manifest(),
    status: { kind: 'running' },
    steps: [],
    events: [],
    problems: [],
    groups: () => [],
    tree: rows,
    tokens,
    strip: async (id, name) => (await tokens(id))[name],
    onDidChange: () => ({ dispose: () => undefined }),
  };
}

test('what was read of a run goes when another lies in its directory', async () => {
  let now = row({ segment_id: 0, tokens: tokensOf('old') });
  const model = new ExplorerModel(
    sourceOf(
      () => [now],
      () => Promise.resolve(now.tokens),
    ),
  );
  assert.equal((await model.path(key, 0)).text, 'old');
  assert.equal(model.header(true).revision, 0);
  now = row({ segment_id: 0, tokens: tokensOf('new one') });
  model.forget();
  assert.equal((await model.path(key, 0)).text, 'new one');
  assert.equal(model.header(true).revision, 1);
});

test('making room for one segment has nothing to do with another that can’t be read', async () => {
  const large = tokensOf('x'.repeat(300_000));
  const rows = [0, 1, 2].map((segment_id) => row({ segment_id, tokens: large }));
  let fail = (): void => undefined;
  const broken = new Promise<SegmentTokens>((_, reject) => {
    fail = () => reject(new Error('The disk is gone.'));
  });
  let reads = 0;
  const model = new ExplorerModel(
    sourceOf(
      () => rows,
      (id) => {
        reads += 1;
        return id === 0 ? broken : Promise.resolve(large);
      },
    ),
  );
  const refused = assert.rejects(model.path(key, 0), /The disk is gone/);
  await model.path(key, 1);
  await model.path(key, 2);
  fail();
  await refused;
  await model.path(key, 2);
  assert.equal(reads, 3, 'the newest is kept');
  await model.path(key, 1);
  assert.equal(reads, 4, 'the oldest went');
});

test('a run that has ended takes no commands, whatever the list of runs still says', () => {
  const source = sourceOf(
    () => [],
    () => Promise.reject(new Error('none')),
  );
  assert.equal(new ExplorerModel(source).header(true).controllable, true);
  const ended = new ExplorerModel({ ...source, status: { kind: 'finished' } });
  assert.equal(ended.header(true).controllable, false);
  assert.deepEqual(ended.recipe(true).live, []);
});
