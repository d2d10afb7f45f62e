import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cp, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { compareAgain, compareSides } from '../../../src/compare/comparison.ts';
import { directoryOf, loadRun, readComparison } from '../../../src/compare/load.ts';
import {
  alignPrompts,
  alignTrees,
  firstDifference,
  pathTokens,
} from '../../../src/compare/align.ts';
import { PlainError } from '../../../src/common/errors.ts';
import type { Comparison } from '../../../src/compare/model.ts';
import { readManifest } from '../../../src/run/manifest-file.ts';
import { RunStore } from '../../../src/run/store.ts';
import { recipeFile, root, smallRecipe, temporaryFolder, type Ended } from '../engine/support.ts';

/** The whole comparison with the real engine and the shipped model. */

const script = join(root, 'scripts', 'compare.ts');
const evaluated = smallRecipe
  .replace('eval_num_prompts: 0', 'eval_num_prompts: 6\neval_num_generations: 1\neval_steps: 1')
  .replace('max_steps: 4', 'max_steps: 2');

class Command {
  readonly child;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';

  constructor(args: readonly string[]) {
    this.child = spawn(process.execPath, [script, ...args], { stdio: 'pipe' });
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.ended = new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('close', (code, signal) =>
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr }),
      );
    });
  }

  async until(text: string): Promise<void> {
    while (!this.stdout.includes(text)) {
      if (this.child.exitCode !== null) throw new Error(`it ended: ${this.stdout}${this.stderr}`);
      await sleep(20);
    }
  }
}

const compare = (...args: string[]): Promise<Ended> => new Command(args).ended;
const comparisonIn = (folder: string): Promise<Comparison> =>
  readComparison(join(folder, 'comparison.json'));

test('two seeds of both sides at the same tokens, by one command', async (t) => {
  const folder = await temporaryFolder();
  const recipe = await recipeFile(folder, evaluated);
  const output = join(folder, 'out');
  const sums = join(folder, 'sums.jsonl');
  const lines = [12, 23, 34, 45, 56].map((n) =>
    JSON.stringify({ prompt: `${n}+${n}=`, answer: 2 * n }),
  );
  await writeFile(sums, lines.join('\n'));
  const args = [recipe, '--seeds', '2', '--output-dir', output, '--benchmarks', sums, 'none'];
  const ended = await compare(...args);
  assert.equal(ended.code, 0, ended.stderr);
  assert.match(ended.stdout, /! none is left out: There is no held-out set none\./);
  assert.match(ended.stdout, /Final accuracy, greedy {2}/);
  const comparison = await comparisonIn(output);

  await t.test('comparison.json has all four runs, their curves and the table', () => {
    const [baseline, adaptive] = comparison.sides;
    assert.deepEqual(
      [baseline, adaptive].map(({ runs }) => runs.map(({ seed }) => seed)),
      [
        [3, 4],
        [3, 4],
      ],
    );
    for (const run of [...baseline.runs, ...adaptive.runs]) {
      assert.equal(run.state, 'finished');
      assert.equal(run.evaluations[0]?.generated_tokens, 0);
      assert.ok((run.steps.at(-1)?.seconds ?? 0) > 0);
      assert.ok(run.tokenizer !== null);
      assert.equal(run.benchmarks[0]?.name, sums);
      assert.equal(run.benchmarks[0].prompts, 5);
    }
    assert.ok(comparison.same_tokens);
    assert.ok(comparison.table.some(({ id }) => id === `benchmark/${sums}`));
  });

  await t.test('each seed has the same budget on both sides, to within a step', () => {
    for (const [i, run] of comparison.sides[1].runs.entries()) {
      const tokens = comparison.sides[0].runs[i]?.steps.at(-1)?.generated_tokens;
      const ends = run.steps.map(({ generated_tokens }) => generated_tokens ?? 0);
      assert.ok(typeof tokens === 'number');
      assert.ok((ends.at(-1) ?? 0) >= tokens);
      assert.ok((ends.at(-2) ?? 0) < tokens);
    }
  });

  await t.test('Markdown and CSV lie beside it', async () => {
    const markdown = await readFile(join(output, 'comparison.md'), 'utf8');
    assert.match(markdown, /^\| Final accuracy, greedy \|/m);
    assert.ok(markdown.includes(`./compare_strategies.sh '${recipe}' --seeds 2`));
    const csv = await readFile(join(output, 'comparison.csv'), 'utf8');
    assert.match(csv, /^side,run_id,seed,kind,step/);
    assert.match(csv, /^adaptive,[^,]+,4,step,1,/m);
  });

  await t.test('both sides of a seed see the same prompts in the same order', async () => {
    for (const [i, run] of comparison.sides[1].runs.entries()) {
      const other = comparison.sides[0].runs[i];
      assert.ok(other);
      const [a, b] = await Promise.all(
        [other, run].map((each) => RunStore.open(directoryOf(each, output))),
      );
      assert.ok(a && b);
      const prompts = (store: RunStore) =>
        store.groups().map(({ step, prompt }) => `${step} ${prompt}`);
      assert.equal(prompts(a).length, 4);
      assert.deepEqual(prompts(b).slice(0, 4), prompts(a));

      const aligned = alignPrompts(alignedRun(a), alignedRun(b));
      assert.equal(aligned.length, 4);
      for (const { sides, delta_reward, outcome } of aligned) {
        assert.equal(sides[0].step, sides[1].step);
        assert.ok(delta_reward !== null && outcome !== 'unknown');
      }
      const [first] = aligned;
      assert.ok(first);
      await assertTokensPart(a, b, first.sides[0].step, first.prompt_id);
      a.dispose();
      b.dispose();
    }
  });

  await t.test('the same command again trains nothing and says the same', async () => {
    const again = await compare(...args);
    assert.equal(again.code, 0, again.stderr);
    assert.doesNotMatch(again.stdout, /begins|goes on/);
    const { table, sides } = await comparisonIn(output);
    assert.deepEqual(table, comparison.table);
    assert.deepEqual(sides, comparison.sides);
  });

  await t.test('the runs compared as recorded ones give the same table', async () => {
    const elsewhere = join(folder, 'recorded');
    const seeds = (side: string) => ['seed-4', 'seed-3'].map((seed) => join(output, side, seed));
    const again = await compare(
      ...['--baseline-runs', ...seeds('baseline'), '--adaptive-runs', ...seeds('adaptive')],
      ...['--output-dir', elsewhere],
    );
    assert.equal(again.code, 0, again.stderr);
    const { table, sides } = await comparisonIn(elsewhere);
    const trained = comparison.table.filter(({ id }) => !id.startsWith('benchmark/'));
    assert.deepEqual(table, trained);
    assert.equal(
      sides[0].runs[0]?.directory,
      join(output, 'baseline', 'seed-3').replaceAll('\\', '/'),
    );
  });

  await t.test('other settings in the same folder are refused for each run, by name', async () => {
    const other = await compare(...args, '--learning_rate', '1e-5');
    assert.equal(other.code, 1);
    assert.match(
      other.stdout,
      /baseline seed 3: .* holds a run with other settings: learning_rate was 0\.001, not 0\.00001\./,
    );
  });

  await t.test('it opens without its runs, and says which runs are gone elsewhere', async () => {
    const alone = join(folder, 'elsewhere');
    await mkdir(alone);
    await cp(join(output, 'comparison.json'), join(alone, 'comparison.json'));
    const opened = await comparisonIn(alone);
    assert.deepEqual(compareAgain(opened, {}).table, opened.table);
    const [run] = opened.sides[0].runs;
    assert.ok(run);
    assert.equal(directoryOf(run, alone), join(alone, 'baseline', 'seed-3'));
    await assert.rejects(
      loadRun(directoryOf(run, alone), alone),
      plainError(/not a run directory/),
    );
  });

  await t.test(
    'a torn comparison.json is said, and does not keep the command from going on',
    async () => {
      const path = join(output, 'comparison.json');
      await truncate(path, 1000);
      await assert.rejects(readComparison(path), plainError(/not valid JSON/));
      const again = await compare(...args);
      assert.equal(again.code, 0, again.stderr);
      assert.deepEqual((await comparisonIn(output)).sides, comparison.sides);
    },
  );

  await t.test('a torn and a crashed run are compared as far as they go, and said', async () => {
    const torn = join(folder, 'torn');
    await cp(join(output, 'adaptive', 'seed-3'), torn, { recursive: true });
    const log = join(torn, 'events.jsonl');
    await truncate(log, (await readFile(log)).length - 30);
    const manifest = join(torn, 'run.json');
    const text = await readFile(manifest, 'utf8');
    await writeFile(manifest, text.replace('"state": "finished"', '"state": "running"'));
    const run = await loadRun(torn, folder);
    assert.equal(run.state, 'crashed');
    assert.match(run.problems.join(' '), /ended without a word/);
    assert.match(run.problems.join(' '), /a line that was never finished/);
    assert.equal(run.directory, 'torn');
    const { notes, table } = compareSides(
      [comparison.sides[0], { name: 'adaptive', runs: [run] }],
      {
        name: 'torn',
        created_at: comparison.created_at,
      },
    );
    assert.ok(notes.some(({ code }) => code === 'unfinished'));
    assert.ok(table.length > 0);
  });

  await t.test('the run of another task is compared, and said to be of another task', async () => {
    const other = join(folder, 'countdown');
    const done = await compare(
      recipe,
      ...['--seeds', '1', '--max-steps', '1', '--output-dir', other],
      ...['--dataset_name', 'countdown', '--eval_num_prompts', '0'],
    );
    assert.equal(done.code, 0, done.stderr);
    assert.match(done.stdout, /! One side has a single seed/);
    const [, adaptive] = (await comparisonIn(other)).sides;
    const { notes } = compareSides([comparison.sides[0], adaptive], {
      name: 'tasks',
      created_at: comparison.created_at,
    });
    const codes = notes.map(({ code }) => code);
    assert.ok(codes.includes('different_tasks') && codes.includes('no_evaluations'));
  });
});

const alignedRun = (store: RunStore) => ({ groups: store.groups(), steps: store.steps });

/** Completions of one prompt are told apart at the right token by what the runs recorded. */
async function assertTokensPart(
  a: RunStore,
  b: RunStore,
  step: number,
  promptId: string,
): Promise<void> {
  const trees = [a, b].map((store) => store.tree(step, promptId));
  const pairs = alignTrees(trees[0] ?? [], trees[1] ?? []);
  assert.ok(pairs.length >= 4);
  for (const { leaves } of pairs) {
    const [x, y] = await Promise.all(
      leaves.map(async (leaf, side) => {
        const store = side === 0 ? a : b;
        const parts = await Promise.all(
          (leaf?.path ?? []).map(async (id) => {
            const fork_at = trees[side]?.find(({ segment_id }) => segment_id === id)?.fork_at ?? 0;
            return { fork_at, token_ids: (await store.tokens(id)).token_ids };
          }),
        );
        assert.equal(pathTokens(parts).length, leaf?.length ?? 0);
        return pathTokens(parts);
      }),
    );
    assert.ok(x && y);
    const at = firstDifference(x, y);
    assert.ok(at === null || at <= Math.min(x.length, y.length));
  }
}

const plainError = (message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof PlainError);
  assert.match(error.message, message);
  return true;
};

test(
  'Ctrl-C ends the engines with a checkpoint; the same command goes on',
  { skip: process.platform === 'win32' },
  async () => {
    const folder = await temporaryFolder();
    const recipe = await recipeFile(folder, smallRecipe.replace('max_steps: 4', 'max_steps: 400'));
    const output = join(folder, 'out');
    const args = [recipe, '--seeds', '1', '--output-dir', output, '--max_generated_tokens', '4000'];
    const command = new Command(args);
    await command.until('baseline seed 3: begins');
    const log = join(output, 'baseline', 'seed-3', 'events.jsonl');
    while (!(await readFile(log, 'utf8').catch(() => '')).includes('"type":"step"'))
      await sleep(20);
    command.child.kill('SIGINT');
    const ended = await command.ended;
    assert.equal(ended.code, 130, ended.stderr);
    assert.match(ended.stdout, /Ending after this step, with a checkpoint/);
    assert.match(ended.stdout, /baseline seed 3: stopped/);
    assert.ok(ended.stdout.includes(`Go on with:\n  ./compare_strategies.sh '${recipe}'`));
    const stopped = await comparisonIn(output);
    const [run] = stopped.sides[0].runs;
    assert.equal(run?.state, 'stopped');
    assert.deepEqual(stopped.sides[1].runs, []);

    const on = await compare(...args);
    assert.equal(on.code, 0, on.stderr);
    assert.match(on.stdout, /baseline seed 3: goes on/);
    const { sides, budget, notes } = await comparisonIn(output);
    assert.equal(budget, 4000);
    assert.deepEqual(
      sides.map(({ runs }) => runs.map(({ state }) => state)),
      [['finished'], ['finished']],
    );
    assert.equal(sides[0].runs[0]?.run_id, run.run_id);
    assert.ok(!notes.some(({ code }) => code === 'budget_not_used'));
  },
);

test('an engine that is killed is said, the other side goes on, and the same command resumes it', async () => {
  const folder = await temporaryFolder();
  const recipe = await recipeFile(folder, smallRecipe.replace('max_steps: 4', 'max_steps: 400'));
  const output = join(folder, 'out');
  const args = [recipe, '--seeds', '1', '--output-dir', output, '--max_generated_tokens', '2000'];
  const command = new Command(args);
  const directory = join(output, 'baseline', 'seed-3');
  const log = join(directory, 'events.jsonl');
  while (!(await readFile(log, 'utf8').catch(() => '')).includes('"type":"step"')) await sleep(20);
  process.kill((await readManifest(directory)).pid, 'SIGKILL');
  const ended = await command.ended;
  assert.equal(ended.code, 1, ended.stdout);
  assert.match(ended.stdout, /baseline seed 3: The engine ended with a signal\./);
  assert.match(ended.stdout, /adaptive seed 3: finished \(1 of 2 runs\)/);
  assert.match(ended.stdout, /! baseline: not finished are the seeds 3 \(crashed\)/);
  assert.equal((await comparisonIn(output)).sides[0].runs[0]?.state, 'crashed');

  const again = await compare(...args);
  assert.equal(again.code, 0, again.stdout);
  assert.match(again.stdout, /baseline seed 3: goes on/);
  assert.doesNotMatch(again.stdout, /adaptive seed 3: (?:begins|goes on)/);
});

test('a run that fails is said, the others go on, and the table has what there is', async () => {
  const folder = await temporaryFolder();
  const recipe = await recipeFile(folder, evaluated);
  const output = join(folder, 'out');
  // Where the second baseline would lie is a file.
  await mkdir(join(output, 'baseline'), { recursive: true });
  await writeFile(join(output, 'baseline', 'seed-4'), 'in the way');
  const ended = await compare(recipe, '--seeds', '2', '--output-dir', output, '--jobs', '2');
  assert.equal(ended.code, 1, ended.stderr);
  assert.match(ended.stdout, /baseline seed 4: .*seed-4/);
  assert.match(ended.stdout, /adaptive seed 4: Not begun: its budget is what the baseline/);
  assert.match(ended.stdout, /2 of 4 runs failed/);
  const { sides } = await comparisonIn(output);
  assert.deepEqual(
    sides.map(({ runs }) => runs.map(({ seed }) => seed)),
    [[3], [3]],
  );

  await rm(join(output, 'baseline', 'seed-4'));
  const again = await compare(recipe, '--seeds', '2', '--output-dir', output);
  assert.equal(again.code, 0, again.stdout);
  assert.doesNotMatch(again.stdout, /seed 3: begins/);
});

test('what makes no sense is refused before anything is trained', async () => {
  const folder = await temporaryFolder();
  const recipe = await recipeFile(folder);
  const trl = join(root, 'recipes', 'qwen2.5_7b_math.yaml');
  const cases: [string[], RegExp][] = [
    [[], /The recipe comes first/],
    [[join(folder, 'none.yaml')], /There is no recipe/],
    [[recipe, '--seeds', '0'], /--seeds 0: it takes a whole number from 1 on/],
    [[recipe, '--seeds', 'two'], /--seeds two/],
    [[recipe, '--jobs', '-1'], /--jobs -1/],
    [[recipe, '--targets', '60'], /--targets takes accuracies above 0 and up to 1/],
    [[recipe, '--benchmarks'], /--benchmarks takes names/],
    [[recipe, '--learning_rates', '1'], /learning_rates/],
    [[recipe, '--use_token_adaptive', 'true'], /is what the comparison sets by itself/],
    [['--baseline-runs', folder], /by --baseline-runs DIR… and --adaptive-runs DIR…/],
    [['--baseline-runs', folder, '--adaptive-runs', folder], /is not a run directory/],
    [[recipe, '--baseline-runs', folder, '--adaptive-runs', folder], /there is no recipe/],
    [[recipe, 'extra'], /neither a recipe nor a/],
    [
      [trl, '--trainer', join(folder, 'none')],
      /is for TRL, and the Python trainer can't be started/,
    ],
  ];
  for (const [args, message] of cases) {
    const ended = await compare(...args, '--output-dir', join(folder, 'out'));
    assert.equal(ended.code, 2, `${args.join(' ')}: ${ended.stdout}${ended.stderr}`);
    assert.match(ended.stderr, message);
  }
  await assert.rejects(readFile(join(folder, 'out', 'comparison.json')));
  const help = await compare('--help');
  assert.equal(help.code, 0);
  assert.match(help.stdout, /--benchmarks SET/);
});

test('the shell script works from any folder', { skip: process.platform === 'win32' }, async () => {
  const folder = await temporaryFolder();
  const shell = spawn(
    'sh',
    [fileURLToPath(new URL('../../../compare_strategies.sh', import.meta.url)), '--help'],
    {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  let text = '';
  shell.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const code = await new Promise((resolve) => shell.once('close', resolve));
  assert.equal(code, 0);
  assert.match(text, /Usage: \.\/compare_strategies\.sh RECIPE/);
});
