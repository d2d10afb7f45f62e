import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { comparisonText } from '../../../../src/compare/file.ts';
import { noPricing, type Pricing } from '../../../../src/compare/model.ts';
import { StorePool } from '../../../../src/launch/store-pool.ts';
import { pairsOf, linesOf } from '../../../../src/views/compare/lines.ts';
import { ComparisonSource } from '../../../../src/views/compare/source.ts';
import type { Spec } from '../../../../src/views/compare/spec.ts';
import { folderFor, specOf, writeRun, writeSides } from './runs.ts';

async function opened(
  t: TestContext,
  spec: Spec,
  options: { pricing?: Pricing; onChange?: (prompts: boolean) => void } = {},
): Promise<ComparisonSource> {
  const stores = new StorePool(undefined, 0);
  const source = await ComparisonSource.open(
    spec,
    {
      acquire: (directory) => stores.acquire(directory),
      pricing: () => options.pricing ?? noPricing,
    },
    options.onChange ?? (() => undefined),
  );
  t.after(() => {
    source.dispose();
    stores.dispose();
  });
  return source;
}

test('two sets of seeds: seed beside seed, with what both were given', async (t) => {
  const folder = await folderFor(t);
  const { baseline, adaptive } = await writeSides(folder, [2, 1]);
  const source = await opened(t, specOf(baseline, adaptive));
  const comparison = await source.comparison();
  assert.deepEqual(
    comparison.sides.map(({ runs }) => runs.map(({ seed }) => seed)),
    [
      [1, 2],
      [1, 2],
    ],
  );
  assert.equal(comparison.budget, 4000);
  const pairs = pairsOf(source, comparison);
  assert.deepEqual(
    pairs.map(({ label, stores: [a, b] }) => [label, a.directory, b.directory]),
    [
      ['seed 1', baseline[1], adaptive[1]],
      ['seed 2', baseline[0], adaptive[0]],
    ],
  );
  assert.deepEqual(
    linesOf(source, null).map(({ side, seed, state, step }) => [side, seed, state, step]),
    [
      [0, 2, 'finished', 4],
      [0, 1, 'finished', 4],
      [1, 2, 'finished', 4],
      [1, 1, 'finished', 4],
    ],
  );
  assert.equal(await source.comparison(), comparison, 'nothing is worked out twice');
});

test('seeds that the sides do not share are laid side by side in their order', async (t) => {
  const folder = await folderFor(t);
  const [one, other] = [join(folder, 'one'), join(folder, 'other')];
  await (await writeRun(one, { strategy: 'baseline', seed: 5 })).close();
  await (await writeRun(other, { strategy: 'adaptive', seed: 9 })).close();
  const source = await opened(t, specOf([one], [other]));
  const pairs = pairsOf(source, await source.comparison());
  assert.deepEqual(
    pairs.map(({ label }) => label),
    ['seeds 5 and 9'],
  );
});

test('a run that is not there is said, and the others are compared', async (t) => {
  const folder = await folderFor(t);
  const { baseline, adaptive } = await writeSides(folder, [1, 2]);
  const gone = adaptive[1] ?? '';
  await rm(gone, { recursive: true });
  const source = await opened(t, specOf(baseline, adaptive));
  const comparison = await source.comparison();
  assert.deepEqual(
    comparison.sides.map(({ runs }) => runs.length),
    [2, 1],
  );
  const line = linesOf(source, null).find(({ directory }) => directory === gone);
  assert.equal(line?.state, 'missing');
  assert.match(line.message, /run\.json|no run/i);
  assert.equal(pairsOf(source, comparison).length, 1);
});

test('a comparison’s file opens where the runs are gone; prompts need the runs', async (t) => {
  const folder = await folderFor(t);
  const { baseline, adaptive } = await writeSides(folder, [1]);
  const whole = await (await opened(t, specOf(baseline, adaptive))).comparison();
  const path = join(folder, 'comparison.json');
  await writeFile(path, comparisonText(whole));

  const file: Spec = { kind: 'file', path, targets: null };
  const there = await opened(t, file);
  assert.equal(pairsOf(there, await there.comparison()).length, 1);

  await rm(baseline[0] ?? '', { recursive: true });
  const gone = await opened(t, file);
  const comparison = await gone.comparison();
  assert.equal(comparison.created_at, whole.created_at);
  assert.deepEqual(comparison.table, whole.table);
  assert.equal(pairsOf(gone, comparison).length, 0);
  assert.deepEqual(
    linesOf(gone, null).map(({ state, message }) => [state, message]),
    [
      ['recorded', ''],
      ['finished', ''],
    ],
    'curves are there: nothing to complain about',
  );
});

test('another run in the folder of a comparison’s run is not taken for it', async (t) => {
  const folder = await folderFor(t);
  const { baseline, adaptive } = await writeSides(folder, [1]);
  const whole = await (await opened(t, specOf(baseline, adaptive))).comparison();
  const path = join(folder, 'comparison.json');
  await writeFile(path, comparisonText(whole));
  const [first = ''] = baseline;
  await rm(first, { recursive: true });
  const other = await writeRun(first, {
    strategy: 'baseline',
    seed: 1,
    steps: 2,
    manifest: { run_id: 'another' },
  });
  await other.close();
  const source = await opened(t, { kind: 'file', path, targets: null });
  const comparison = await source.comparison();
  assert.equal(comparison.sides[0].runs[0]?.steps.length, 4, 'the curve that was kept');
  assert.equal(source.runAt(0, 0)?.store, null);
});

test('a torn or newer file says what is wrong and what to do', async (t) => {
  const folder = await folderFor(t);
  const path = join(folder, 'comparison.json');
  for (const [text, expected] of [
    ['{"version": 1, "name"', /not valid JSON/],
    ['{"version": 99}', /newer/],
    ['[]', /not a comparison/],
  ] as const) {
    await writeFile(path, text);
    await assert.rejects(opened(t, { kind: 'file', path, targets: null }), expected, text);
  }
  await mkdir(join(folder, 'folder'));
  await assert.rejects(
    opened(t, { kind: 'file', path: join(folder, 'folder'), targets: null }),
    /can’t be read/,
  );
});

test('targets and prices are asked for anew', async (t) => {
  const folder = await folderFor(t);
  const { baseline, adaptive } = await writeSides(folder, [1, 2]);
  let price = noPricing;
  const stores = new StorePool(undefined, 0);
  const source = await ComparisonSource.open(
    specOf(baseline, adaptive),
    { acquire: (directory) => stores.acquire(directory), pricing: () => price },
    () => undefined,
  );
  t.after(() => {
    source.dispose();
    stores.dispose();
  });
  source.setTargets([0.5]);
  const cheap = await source.comparison();
  assert.deepEqual(cheap.targets, [0.5]);
  assert.ok(!cheap.table.some(({ unit }) => unit === 'cost'));
  price = { per_hour: 10, per_million_tokens: null, currency: '€' };
  source.repriced();
  const dear = await source.comparison();
  assert.equal(dear.pricing.currency, '€');
  assert.ok(dear.table.some(({ unit }) => unit === 'cost'));
});

test('a live run is followed, and a run can come later', async (t) => {
  const folder = await folderFor(t);
  const { baseline, adaptive } = await writeSides(folder, [1]);
  const live = join(folder, 'live');
  const run = await writeRun(live, {
    strategy: 'adaptive',
    seed: 2,
    steps: 1,
    manifest: { state: 'running', pid: process.pid },
  });
  t.after(() => run.close());
  const told: boolean[] = [];
  const source = await opened(t, specOf(baseline, adaptive), {
    onChange: (prompts) => told.push(prompts),
  });
  await source.comparison();
  await source.add(1, live);
  const more = await source.comparison();
  assert.equal(more.sides[1].runs.length, 2);
  await run.event({ type: 'step', step: 2, metrics: { reward: 0.9, 'tokens/generated': 2000 } });
  for (let i = 0; i < 100 && told.length === 0; i += 1) {
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  assert.deepEqual(told.includes(true), false, 'no rollouts came');
  // Who asks while it is being read hears of it too.
  const [grown, same] = await Promise.all([source.comparison(), source.comparison()]);
  assert.equal(grown.sides[1].runs[1]?.steps.length, 2);
  assert.equal(same, grown);
});
