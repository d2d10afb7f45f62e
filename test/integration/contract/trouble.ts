import assert from 'node:assert/strict';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { RunStore } from '../../../src/run/store.ts';
import { Engine, eventsOf, failedLineOf, temporaryFolder, untilEvent } from '../engine/support.ts';
import { fill, smallDisk } from './disks.ts';
import type { TestedEngine } from './engines.ts';

/** What an engine can't train with is a sentence; what fails on the way costs no more than it must. */
export function trouble(tested: TestedEngine): void {
  const { program } = tested;
  const start = (folder: string, ...args: string[]) => new Engine(args, { cwd: folder }, program);

  test("a recipe that is wrong, a model and a folder that can't be used are one line each", async () => {
    const folder = await temporaryFolder();
    const recipe = await tested.recipe(folder);
    const directory = join(folder, 'run');
    const taken = join(folder, 'taken');
    await writeFile(taken, 'a file');
    const text = await readFile(recipe, 'utf8');
    const model = /^model_name_or_path: .*$/m;
    const cases: [string, string, number, RegExp][] = [
      ['no YAML', '{ a: [', 2, /\.yaml/],
      ['a model that is gone', text.replace(model, 'model_name_or_path: ./gone'), 1, /gone/],
      ['a folder below a file', text, 1, /taken/],
    ];
    // At once: each takes seconds to load what it needs.
    await Promise.all(
      cases.map(async ([what, content, code, words], i) => {
        const file = join(folder, `wrong-${i}.yaml`);
        await writeFile(file, content);
        const output = what === 'a folder below a file' ? join(taken, 'run') : directory;
        const ended = await start(folder, '--serve', file, '--output_dir', output).ended;
        assert.equal(ended.code, code, `${what}: ${ended.stdout}${ended.stderr}`);
        const { message, next } = failedLineOf(ended);
        assert.match(`${message} ${next}`, words, what);
        assert.doesNotMatch(message, /Traceback|\n\s+at /, what);
        assert.match(next, /\S/, what);
      }),
    );
    await assert.rejects(stat(directory), 'nothing is left behind');
  });

  test('a full disk: training goes on, what was lost is counted, nothing is torn', async (t) => {
    const disk = await smallDisk(t, 32);
    if (disk === null) return;
    const folder = await temporaryFolder();
    const recipe = await tested.recipe(folder);
    const directory = join(disk, 'run');
    const often = ['--output_dir', directory, '--max_steps', '100000', '--save_steps', '100000'];
    const engine = start(folder, recipe, ...often);
    t.after(() => engine.kill());
    await untilEvent(engine, directory, ({ type }) => type === 'step');
    await fill(disk);
    const full = stepOf(engine);
    await untilStep(engine, full + 4);
    await rm(join(disk, 'filler'));
    await untilStep(engine, stepOf(engine) + 2);
    engine.child.kill('SIGTERM');
    const ended = await engine.ended;
    assert.equal(ended.code, 0, ended.stderr);

    // Events are small: they waited for room, and none is missing.
    const store = await RunStore.open(directory);
    t.after(() => store.dispose());
    const steps = store.steps.map(({ step }) => step);
    assert.deepEqual(
      steps,
      steps.map((_, i) => i + 1),
    );
    assert.deepEqual([store.status.kind, store.problems], ['stopped', []]);
    // Rollouts are not: their loss is said, and the steps that show none are those.
    const lost = (await eventsOf(directory)).flatMap((event) =>
      event.type === 'warning' && event.code === 'rollouts_lost' ? [event.message] : [],
    );
    assert.match(lost[0] ?? '', /^The disk is full: .* segments of step \d+ are not recorded/);
    const shown = new Set(store.groups().map(({ step }) => step));
    const missing = steps.filter((step) => !shown.has(step));
    assert.ok(missing.length >= 3, `missing ${missing.join()}`);
    assert.equal(lost.length, missing.length);
    assert.ok(shown.has(1) && shown.has(steps.length));
  });

  test('a disk that is full from the start is a sentence', async (t) => {
    const disk = await smallDisk(t, 1);
    if (disk === null) return;
    const folder = await temporaryFolder();
    const recipe = await tested.recipe(folder);
    await fill(disk);
    const ended = await start(folder, recipe, '--serve', '--output_dir', join(disk, 'run')).ended;
    assert.equal(ended.code, 1);
    const { message, next } = failedLineOf(ended);
    assert.match(message, /disk is full/);
    assert.match(next, /[Ff]ree some space/);
  });
}

/** The newest step in the lines that a headless engine prints. */
const stepOf = (engine: Engine): number =>
  Number([...engine.stdout.matchAll(/^step (\d+)\//gm)].at(-1)?.[1] ?? 0);

async function untilStep(engine: Engine, step: number): Promise<void> {
  while (stepOf(engine) < step) {
    assert.equal(engine.child.exitCode, null, 'training must go on');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
