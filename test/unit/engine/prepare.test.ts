import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { freshState, writeCheckpoint } from '../../../src/engine/checkpoints.ts';
import { baseModelFolder, prepareRun, RecipeError } from '../../../src/engine/prepare.ts';
import { settingsOf } from '../../../src/recipe/check.ts';
import { recipeSchema } from '../../../src/recipe/keys.ts';
import { SCHEMA_VERSION, type Manifest } from '../../../src/run/model/manifest.ts';

let folder = '';
let recipe = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adaptive grpo ✓ '));
  recipe = join(folder, 'my recipe.yaml');
  await writeFile(recipe, 'seed: 7\n');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const noon = new Date(2026, 10, 22, 12, 0, 5);
const prepare = (values: Record<string, unknown> = {}, path = recipe) =>
  prepareRun(path, settingsOf(values), noon);

/** The state alone is looked at before the model is opened. */
const stateOnly = {
  save: async (path: string, files: Readonly<Record<string, string>>) => {
    await mkdir(path, { recursive: true });
    for (const [name, content] of Object.entries(files)) await writeFile(join(path, name), content);
  },
};

/** A run directory as far as starting looks at it. */
async function makeRun(directory: string, values: Record<string, unknown> = {}): Promise<void> {
  const manifest: Manifest = {
    schema_version: SCHEMA_VERSION,
    run_id: 'one',
    name: 'one',
    engine: { name: 'built-in', version: '0' },
    strategy: 'adaptive',
    recipe: { ...recipeSchema.parse({}), ...values },
    model: 'base',
    seed: 7,
    git_commit: null,
    host: 'here',
    pid: 1,
    started_at: '2026-11-22T12:00:00Z',
    state: 'stopped',
    max_steps: 10,
    endpoint: null,
    capture: { top_k: 5, below: 0.99, groups_per_step: null },
  };
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'run.json'), JSON.stringify(manifest));
}

test('a new run gets a folder of its own, named after the recipe and the time', async () => {
  const prepared = await prepare();
  assert.deepEqual(prepared.start, { kind: 'new' });
  assert.equal(prepared.name, 'my recipe');
  assert.equal(prepared.directory, join(process.cwd(), 'runs', 'my recipe-20261122-120005'));
  assert.equal(prepared.recipe.seed, 7);
  assert.deepEqual(Buffer.from(prepared.recipeBytes), await readFile(recipe));
});

test('a folder that holds a run is not written into', async () => {
  const output_dir = join(folder, 'run');
  await mkdir(output_dir);
  assert.equal((await prepare({ output_dir })).directory, output_dir);
  await makeRun(output_dir);
  await assert.rejects(prepare({ output_dir }), /There is a run in .* already/);
});

test('data and models are looked for here and beside the recipe', async () => {
  await writeFile(join(folder, 'sums.jsonl'), '');
  const prepared = await prepare({ dataset_name: 'sums.jsonl', model_name_or_path: 'nowhere' });
  assert.equal(prepared.recipe.dataset_name, join(folder, 'sums.jsonl'));
  assert.equal(prepared.recipe.model_name_or_path, join(process.cwd(), 'nowhere'));
  const shipped = (await prepare({ dataset_name: 'countdown' })).recipe;
  assert.equal(shipped.dataset_name, 'countdown');
  assert.equal(shipped.model_name_or_path, 'base');
  await readFile(join(baseModelFolder(), 'config.json'));
});

test('a run goes on from its newest checkpoint, with what commands had changed', async () => {
  const output_dir = join(folder, 'run');
  await makeRun(output_dir);
  for (const step of [9, 10]) {
    const changes = { temperature: 1.25, learning_rate: 0.01 };
    await writeCheckpoint(output_dir, { ...freshState, step, changes }, stateOnly, null);
  }
  const resume_from_checkpoint = true;
  const prepared = await prepare({ output_dir, resume_from_checkpoint, learning_rate: 0.5 });
  assert.equal(prepared.start.kind, 'resume');
  assert.equal(prepared.start.state.step, 10);
  assert.equal(prepared.recipe.temperature, 1.25);
  assert.equal(prepared.recipe.learning_rate, 0.5);
});

test('a run that was lost before its first checkpoint begins again in its place', async () => {
  const output_dir = join(folder, 'run');
  await makeRun(output_dir);
  const { start } = await prepare({ output_dir, resume_from_checkpoint: true });
  assert.deepEqual(start, { kind: 'resume', checkpoint: null, state: freshState });
});

test('the recipe a run kept stands for what the run was launched with', async () => {
  const output_dir = join(folder, 'run');
  const launched = { dataset_name: '/data/sums.jsonl', threads: 3, seed: 11, max_steps: 20 };
  await makeRun(output_dir, launched);
  const kept = join(output_dir, 'recipe.yaml');
  await writeFile(kept, 'dataset_name: sums.jsonl\n');
  const prepared = await prepare({ output_dir, resume_from_checkpoint: true, max_steps: 30 }, kept);
  const { dataset_name, threads, seed, max_steps } = prepared.recipe;
  assert.deepEqual({ dataset_name, threads, seed, max_steps }, { ...launched, max_steps: 30 });
  assert.equal(prepared.name, 'one');
});

test('a checkpoint by its path: its own run goes on, another folder begins there', async () => {
  const home = join(folder, 'run');
  await makeRun(home);
  const state = { ...freshState, step: 4, rollouts_bytes: 900 };
  const checkpoint = await writeCheckpoint(home, state, stateOnly, null);
  const same = await prepare({ resume_from_checkpoint: checkpoint });
  assert.equal(same.directory, home);
  assert.deepEqual(same.start, { kind: 'resume', checkpoint, state });
  const output_dir = join(folder, 'other');
  const other = await prepare({ resume_from_checkpoint: checkpoint, output_dir });
  assert.equal(other.directory, output_dir);
  assert.deepEqual(other.start, {
    kind: 'branch',
    checkpoint,
    state: { ...state, rollouts_bytes: 0 },
  });
});

test('what can’t be gone on with is said', async () => {
  await assert.rejects(prepare({ resume_from_checkpoint: true }), /does not say which run/);
  const output_dir = join(folder, 'empty');
  await assert.rejects(
    prepare({ output_dir, resume_from_checkpoint: true }),
    /is not a run directory: it has no run\.json/,
  );
  const gone = join(folder, 'run', 'checkpoints', 'step-3');
  await makeRun(join(folder, 'run'));
  await assert.rejects(prepare({ resume_from_checkpoint: gone }), /is not a checkpoint/);
});

test('a wrong recipe is every sentence, with its line', async () => {
  const cases: [string | Uint8Array, RegExp][] = [
    ['', /my recipe\.yaml:1:1: error: The recipe is empty\./],
    ['sede: 1\nseed: -1', /my recipe\.yaml:1:1: .* Did you mean `seed`\?\n.*yaml:2:7: error/],
    [Uint8Array.of(0x73, 0xff, 0xfe), /is not a text in UTF-8/],
    ['engine: trl', /is a recipe for TRL/],
  ];
  for (const [content, words] of cases) {
    await writeFile(recipe, content);
    await assert.rejects(prepare(), (error) => {
      assert.ok(error instanceof RecipeError);
      assert.match(error.message, words);
      assert.notEqual(error.next, '');
      return true;
    });
  }
  await assert.rejects(prepare({}, join(folder, 'none.yaml')), /There is no recipe/);
  await assert.rejects(prepare({}, folder), /can't be read/);
});
