import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { RunStore } from '../../../../src/run/store.ts';
import { PromptPairs } from '../../../../src/views/compare/prompts.ts';
import type { PairQuery, PairRow } from '../../../../src/views/compare/protocol.ts';
import { until } from '../../../fixtures/run.ts';
import { folderFor, writeRun, writeSides } from './runs.ts';

const everything: PairQuery = {
  pair: 0,
  step: 'newest',
  text: '',
  filter: 'any',
  sort: 'training',
  unfolded: [],
};

async function pairs(t: TestContext, sameTokens = true): Promise<PromptPairs> {
  const { baseline, adaptive } = await writeSides(await folderFor(t), [1]);
  const first = await RunStore.open(baseline[0] ?? '');
  const second = await RunStore.open(adaptive[0] ?? '');
  t.after(() => {
    first.dispose();
    second.dispose();
  });
  return new PromptPairs(first, second, sameTokens);
}

const titles = (rows: readonly PairRow[]) =>
  rows.map((row) => (row.kind === 'prompt' ? `${row.title} ${row.outcome}` : row.kind));

test('the newest step, one step, or all of them', async (t) => {
  const prompts = await pairs(t);
  const newest = await prompts.window(everything, 0, 100);
  assert.equal(newest.step, 4);
  assert.deepEqual(titles(newest.rows), [
    '12+30= (4) won',
    '7*8= (4) lost',
    '2+2= (4) both_right',
    '91-</script>= (4) both_wrong',
  ]);
  assert.deepEqual(newest.counts, { any: 4, won: 1, lost: 1, both_right: 1, both_wrong: 1 });
  assert.deepEqual(
    newest.steps.map(({ step, generated_tokens }) => [step, generated_tokens]),
    [
      [1, 1000],
      [2, 2000],
      [3, 3000],
      [4, 4000],
    ],
  );
  assert.equal((await prompts.window({ ...everything, step: 2 }, 0, 100)).step, 2);
  assert.equal((await prompts.window({ ...everything, step: 99 }, 0, 100)).step, 4, 'the nearest');
  const all = await prompts.window({ ...everything, step: 'all' }, 0, 100);
  assert.deepEqual([all.step, all.prompts], [null, 16]);
});

test('filtered, sorted, searched; in windows', async (t) => {
  const prompts = await pairs(t);
  const won = await prompts.window({ ...everything, step: 'all', filter: 'won' }, 1, 3);
  assert.deepEqual([won.total, won.from, won.rows.length], [4, 1, 2]);
  assert.deepEqual(titles(won.rows), ['12+30= (2) won', '12+30= (3) won']);
  const loss = await prompts.window({ ...everything, sort: 'loss' }, 0, 1);
  assert.deepEqual(titles(loss.rows), ['7*8= (4) lost']);
  const found = await prompts.window({ ...everything, text: '2+2' }, 0, 9);
  assert.deepEqual(titles(found.rows), ['2+2= (4) both_right']);
  const none = await prompts.window({ ...everything, text: 'nothing' }, 0, 9);
  assert.deepEqual([none.total, none.rows, none.step], [0, [], 4]);
});

test('an unfolded prompt: completion beside completion, and where they part', async (t) => {
  const prompts = await pairs(t);
  const key = { step: 4, prompt_id: 'arithmetic/4/0' };
  const { rows, total } = await prompts.window({ ...everything, unfolded: [key] }, 0, 100);
  assert.equal(total, 6);
  const completions = rows.filter((row) => row.kind === 'completions');
  assert.deepEqual(
    completions.map(({ sides, differs_at, differs, delta }) => [
      sides.map((side) => side?.label),
      sides.map((side) => [side?.length, side?.right]),
      differs_at,
      differs,
      delta,
    ]),
    [
      [
        ['root 1', 'root 1 › try 1'],
        [
          [6, false],
          [6, true],
        ],
        3,
        ['x', 'd'],
        1,
      ],
      [
        ['root 2', 'root 2'],
        [
          [6, false],
          [6, true],
        ],
        3,
        ['x', 'd'],
        1,
      ],
    ],
  );
  const strips = await prompts.strips(
    1,
    key,
    [completions[0]?.sides[1]?.segment_id ?? 0],
    'entropy',
    1,
  );
  assert.equal(strips[0]?.levels.length, 6, 'the whole completion, its kept prefix too');
});

test('what a step cost is known as soon as its end is told, though no rollout came', async (t) => {
  const folder = await folderFor(t);
  const manifest = { state: 'running' } as const;
  const options = { strategy: 'baseline', steps: 1, manifest } as const;
  const writer = await writeRun(join(folder, 'live'), options);
  t.after(() => writer.close());
  const live = await RunStore.open(join(folder, 'live'));
  t.after(() => live.dispose());
  const prompts = new PromptPairs(live, live, true);
  const { metrics } = live.steps[0] ?? { metrics: {} };
  const cost = async () => (await prompts.window(everything, 0, 1)).steps[0]?.generated_tokens;
  assert.equal(await cost(), 1000);
  await writer.event({ type: 'step', step: 1, metrics: { ...metrics, 'tokens/generated': 1234 } });
  await until('the store has read it', () => live.steps[0]?.metrics['tokens/generated'] === 1234);
  assert.equal(await cost(), 1234);
});

test('the same completions differ nowhere', async (t) => {
  const prompts = await pairs(t);
  const key = { step: 4, prompt_id: 'arithmetic/4/2' };
  const { rows } = await prompts.window({ ...everything, unfolded: [key] }, 0, 100);
  const completions = rows.filter((row) => row.kind === 'completions');
  assert.deepEqual(
    completions.map(({ differs_at }) => differs_at),
    [null, null],
  );
});

test('tokens of different vocabularies are not compared', async (t) => {
  const prompts = await pairs(t, false);
  const key = { step: 4, prompt_id: 'arithmetic/4/0' };
  const { rows } = await prompts.window({ ...everything, unfolded: [key] }, 0, 100);
  const completions = rows.filter((row) => row.kind === 'completions');
  assert.deepEqual(
    completions.map(({ differs_at, delta }) => [differs_at, delta]),
    [
      [null, 1],
      [null, 1],
    ],
  );
});

test('a leaf that the tree does not have has no strip', async (t) => {
  const prompts = await pairs(t);
  const key = { step: 4, prompt_id: 'arithmetic/4/0' };
  assert.deepEqual(await prompts.strips(0, key, [987654], 'entropy', 1), []);
});
