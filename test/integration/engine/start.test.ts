import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { RunStore } from '../../../src/run/store.ts';
import {
  Engine,
  eventsOf,
  failedLineOf,
  recipeFile,
  root,
  runEngine,
  smallRecipe,
  temporaryFolder,
  untilEvent,
} from './support.ts';

test('a recipe is wrong: exit code 2, every finding with its line, nothing created', async () => {
  const folder = await temporaryFolder();
  const recipe = await recipeFile(folder, 'lerning_rate: 1\nseed: -1\n');
  const directory = join(folder, 'run');
  const shown = await runEngine([recipe, '--output_dir', directory]);
  assert.equal(shown.code, 2);
  assert.equal(shown.stdout, '');
  assert.match(shown.stderr, /small\.yaml:1:1: error: .* Did you mean `learning_rate`\?/);
  assert.match(shown.stderr, /small\.yaml:2:7: error: `seed` must be/);
  const served = await runEngine(['--serve', recipe, '--output_dir', directory]);
  assert.equal(served.code, 2);
  assert.match(failedLineOf(served).message, /Did you mean `learning_rate`/);
  await assert.rejects(stat(directory));
});

test('a command line that is wrong, or asks for help', async () => {
  const recipe = await recipeFile(await temporaryFolder());
  const cases: [string[], number, RegExp][] = [
    [[], 2, /The recipe comes first\.\nUsage: /],
    [['--max_steps', '3', recipe], 2, /The recipe comes first/],
    [[recipe, '--max_steps'], 2, /--max_steps: error: A value is missing/],
    [[recipe, '--max-stepz=3'], 2, /Did you mean `max_steps`/],
    [[recipe, 'another'], 2, /neither a recipe nor/],
    [['nowhere.yaml'], 2, /There is no recipe nowhere\.yaml/],
    [['--help'], 0, /^Usage: /],
  ];
  for (const [args, code, words] of cases) {
    const ended = await runEngine(args);
    assert.equal(ended.code, code, args.join(' '));
    assert.match(ended.stdout + ended.stderr, words);
  }
});

test('models and data that cannot be used: exit code 1, what is wrong and what to do', async () => {
  const folder = await temporaryFolder();
  const recipe = await recipeFile(folder);
  const base = join(root, 'media', 'base');
  const broken = async (name: string, change: (model: string) => Promise<void>) => {
    const model = join(folder, name);
    await cp(base, model, { recursive: true });
    await change(model);
    return ['--model_name_or_path', model];
  };
  const rows = join(folder, 'rows.jsonl');
  await writeFile(rows, '{"prompt": "1+1=", "answer": "2"}\n{"prompt": "2 ∑ 2=", "answer": "4"}\n');
  const cases: [string[], RegExp][] = [
    [['--model_name_or_path', join(folder, 'none')], /config\.json is missing/],
    [
      await broken('no weights', (model) => rm(join(model, 'model.safetensors'))),
      /model\.safetensors is missing/,
    ],
    [
      await broken('torn', async (model) => {
        const path = join(model, 'model.safetensors');
        await writeFile(path, (await readFile(path)).subarray(0, 5000));
      }),
      /model\.safetensors/,
    ],
    [
      await broken('another vocabulary', async (model) => {
        const path = join(model, 'config.json');
        const config = await readFile(path, 'utf8');
        await writeFile(path, config.replace(/"vocab_size": \d+/, '"vocab_size": 12'));
      }),
      /vocabulary|shape/,
    ],
    [['--dataset_name', join(folder, 'none.jsonl')], /can't be read/],
    [['--dataset_name', rows], /has the character .*∑.* tokenizer doesn't know/],
    [
      ['--resume_from_checkpoint', join(folder, 'none', 'checkpoints', 'step-1')],
      /is not a run directory|is not a checkpoint/,
    ],
  ];
  for (const [args, words] of cases) {
    const directory = join(folder, 'run');
    const output = args[0]?.startsWith('--resume') ? [] : ['--output_dir', directory];
    const ended = await runEngine(['--serve', recipe, ...output, ...args]);
    assert.equal(ended.code, 1, args.join(' '));
    const { message, next } = failedLineOf(ended);
    assert.match(message, words);
    assert.match(next, /\.$/);
    await assert.rejects(stat(join(directory, 'run.json')), 'no run may be left behind');
  }
});

test('a damaged checkpoint of one’s own is said, and the one before it can be taken', async () => {
  const folder = await temporaryFolder();
  const recipe = await recipeFile(folder);
  const directory = join(folder, 'run');
  const first = await runEngine([
    recipe,
    '--output_dir',
    directory,
    ...['--max_steps', '2', '--save_steps', '1'],
  ]);
  assert.equal(first.code, 0, first.stderr);
  const newest = join(directory, 'checkpoints', 'step-2');
  const state = join(newest, 'trainer_state.json');
  await writeFile(state, (await readFile(state, 'utf8')).slice(0, 20));
  const resume = [recipe, '--output_dir', directory, '--max_steps', '3'];
  const failed = await runEngine([...resume, '--resume_from_checkpoint', 'true']);
  assert.equal(failed.code, 1);
  assert.match(
    failed.stderr,
    /step-2 is not a checkpoint that a run can go on from: trainer_state\.json is damaged/,
  );
  const before = join(directory, 'checkpoints', 'step-1');
  const ended = await runEngine([...resume, '--resume_from_checkpoint', before]);
  assert.equal(ended.code, 0, ended.stderr);
  const store = await RunStore.open(directory);
  assert.deepEqual(
    store.steps.map(({ step }) => step),
    [1, 2, 3],
  );
  store.dispose();
});

test('a second engine does not write into a run that is being trained', async () => {
  const folder = await temporaryFolder();
  const recipe = await recipeFile(folder);
  const directory = join(folder, 'run');
  const engine = new Engine([recipe, '--output_dir', directory, '--max_steps', '1000']);
  try {
    await untilEvent(engine, directory, ({ type }) => type === 'step');
    const again = ['--output_dir', directory, '--resume_from_checkpoint', 'true'];
    const second = await runEngine([recipe, ...again]);
    assert.equal(second.code, 1);
    assert.match(second.stderr, /is still being trained by process \d+/);
    const anew = await runEngine([recipe, '--output_dir', directory]);
    assert.equal(anew.code, 1);
    assert.match(anew.stderr, /There is a run in .* already/);
  } finally {
    await engine.kill();
  }
});

test('the run directory holds what was launched; keys of TRL are a warning, not an error', async () => {
  const folder = await temporaryFolder();
  const recipe = await recipeFile(folder, `${smallRecipe}bf16: true\n`);
  const directory = join(folder, 'run');
  const ended = await runEngine([
    recipe,
    '--output-dir',
    directory,
    '--max-steps=1',
    '--seed',
    '9',
  ]);
  assert.equal(ended.code, 0, ended.stderr);
  assert.match(ended.stdout, /^step 1\/1 {2}reward /m);
  assert.deepEqual(await readFile(join(directory, 'recipe.yaml')), await readFile(recipe));
  const warning = (await eventsOf(directory)).find(({ type }) => type === 'warning');
  assert.ok(warning?.type === 'warning' && warning.key === 'bf16');
  assert.match(await readFile(join(directory, 'trainer.log'), 'utf8'), /step 1\/1/);
  const store = await RunStore.open(directory);
  const { manifest, status } = store;
  store.dispose();
  assert.equal(status.kind, 'finished');
  assert.deepEqual([manifest.seed, manifest.max_steps, manifest.strategy], [9, 1, 'adaptive']);
  assert.equal(manifest.recipe.learning_rate, 1e-3);
});

test('a token budget ends a run, baseline and adaptive, after the step that uses it up', async () => {
  const folder = await temporaryFolder();
  const recipe = await recipeFile(folder);
  for (const adaptive of ['true', 'false']) {
    const directory = join(folder, adaptive);
    const budget = ['--max_generated_tokens', '500', '--use_token_adaptive', adaptive];
    const ended = await runEngine([
      recipe,
      '--output_dir',
      directory,
      ...budget,
      '--max_steps',
      '50',
    ]);
    assert.equal(ended.code, 0, ended.stderr);
    const events = await eventsOf(directory);
    const last = events.at(-1);
    assert.ok(last?.type === 'run_finished' && last.reason === 'max_generated_tokens');
    const tokens = events.flatMap((event) =>
      event.type === 'step' ? [event.metrics['tokens/generated'] ?? 0] : [],
    );
    assert.ok((tokens.at(-1) ?? 0) >= 500 && (tokens.at(-2) ?? 0) < 500, tokens.join());
  }
});

test('npm trains at once: it does not take `pretrain` for a hook of `train`', async () => {
  const [npm, shell] = process.platform === 'win32' ? ['npm.cmd', true] : ['npm', false];
  const options = { cwd: join(root, 'recipes'), timeout: 60_000, shell };
  const { stdout } = await promisify(execFile)(npm, ['run', 'train', '--', '--help'], options);
  assert.doesNotMatch(stdout, /pretrain/);
  assert.match(stdout, /^Usage: npm run -s train/m);
});

test('the wrapper works from any folder', { skip: process.platform === 'win32' }, async () => {
  const folder = await temporaryFolder();
  await recipeFile(folder);
  const { stdout } = await promisify(execFile)(
    join(root, 'train_adaptive_grpo.sh'),
    ['small.yaml', '--max_steps', '1', '--output_dir', 'run here'],
    { cwd: folder },
  );
  assert.match(stdout, /Finished: all steps are done/);
  await stat(join(folder, 'run here', 'checkpoints', 'step-1', 'model.safetensors'));
});

test('training that breaks down, or an error nobody caught: the run says so and is failed', async () => {
  const folder = await temporaryFolder();
  const recipe = await recipeFile(folder);
  const wild = ['--learning_rate', '1', '--max_grad_norm', '0', '--max_steps', '1000'];
  // Something of ours that fails on its own, once the run is under way.
  const bug = join(folder, 'bug.mjs');
  await writeFile(
    bug,
    `import { existsSync, readFileSync } from 'node:fs';
     import { isMainThread } from 'node:worker_threads';
     const log = ${JSON.stringify(join(folder, 'bug', 'events.jsonl'))};
     const look = () => {
       if (existsSync(log) && readFileSync(log, 'utf8').includes('"step"')) throw new Error('a bug');
     };
     if (isMainThread) setInterval(look, 20).unref();`,
  );
  const cases: [string, string[], Record<string, string>, RegExp][] = [
    ['wild', wild, {}, /finite/],
    [
      'bug',
      ['--max_steps', '1000'],
      { NODE_OPTIONS: `--import "${pathToFileURL(bug).href}"` },
      /a bug/,
    ],
  ];
  for (const [name, args, env, words] of cases) {
    const directory = join(folder, name);
    const ended = await runEngine([recipe, '--output_dir', directory, ...args], {
      env: { ...process.env, ...env },
    });
    assert.equal(ended.code, 1, ended.stdout);
    assert.match(ended.stderr, words);
    const last = (await eventsOf(directory)).at(-1);
    assert.ok(last?.type === 'run_failed', last?.type);
    assert.match(last.message, words);
    assert.match(last.next, /\.$/);
    const store = await RunStore.open(directory);
    assert.equal(store.status.kind, 'failed');
    store.dispose();
  }
});
