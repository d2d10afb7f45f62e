import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { PlainError } from '../../../src/common/errors.ts';
import { BuiltInTarget } from '../../../src/launch/built-in.ts';
import type { PythonFacts } from '../../../src/launch/python/facts.ts';
import { PythonTarget } from '../../../src/launch/python/target.ts';
import type { PythonChoice } from '../../../src/launch/python/target.ts';
import { LOG } from '../../../src/run/files.ts';
import type { LaunchOptions, LaunchTarget } from '../../../src/launch/target.ts';
import { RunWriter } from '../../../src/run/writer.ts';
import { manifestOf } from '../../fixtures/run.ts';
import { temporaryFolder } from '../engine/support.ts';
import { misbehavingEngine } from './misbehaving.ts';

interface Maker {
  name: string;
  skip: string | false;
  /** A target that starts this program of Node's. */
  make: (program: string) => Promise<LaunchTarget>;
}

const posix = process.platform === 'win32' ? 'the stand-in for Python is a shell script' : false;
const facts: PythonFacts = {
  ...{ prefix: '/venv', python: '3.12.1', cuda: null },
  packages: {
    ...{ 'adaptive-grpo': '0.1.0', trl: '1.16.0', torch: '2.15.0', transformers: '5.1.0' },
    ...{ accelerate: '1.9.0', vllm: null, peft: null, deepspeed: null },
  },
};

/** One contract for all ways to start an engine: each starts one that misbehaves. */
const makers: readonly Maker[] = [
  { name: 'built-in', skip: false, make: (program) => Promise.resolve(new BuiltInTarget(program)) },
  {
    name: 'Python',
    skip: posix,
    make: async (program) => {
      // Whatever it is given before the trainer's own arguments is Python's.
      const python = join(dirname(program), 'python');
      await writeFile(python, `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`);
      await chmod(python, 0o755);
      const choice: PythonChoice = {
        interpreter: () => Promise.resolve({ python, facts }),
        accelerateConfig: () => null,
      };
      return new PythonTarget(choice, { ddpConfig: '', leastPatienceMs: 0 });
    },
  },
];

for (const { name, skip, make } of makers) {
  describe(name, { skip }, () => {
    let folder = '';
    let recipe = '';
    let runDirectory = '';

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'adaptive grpo launch ')); // blanks on purpose
      recipe = join(folder, 'recipe.yaml');
      runDirectory = join(folder, 'runs', 'one');
      await writeFile(recipe, '');
    });

    afterEach(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));

    async function launch(
      kind: Parameters<typeof misbehavingEngine>[0],
      options: Partial<LaunchOptions> = {},
    ) {
      const target = await make(await misbehavingEngine(kind, folder));
      return target.launch({ recipe, runDirectory, timeoutMs: 60_000, ...options });
    }

    /** A run that is there already. */
    const recorded = async () =>
      (await RunWriter.create(runDirectory, manifestOf(), Buffer.alloc(0))).close();

    test('a run is ready with the engine’s address, chatter or not, and goes on until it is stopped', async () => {
      const run = await launch('ready', {
        environment: { EXTRA: 'with blanks' },
        overrides: { max_steps: 3, note: 'a "quoted" $HOME %PATH%' },
      });
      const ready = await run.ready;
      assert.equal(ready.url, 'ws://127.0.0.1:1');
      const [argv, extra] = ready.run_directory.split('|');
      assert.equal(extra, 'with blanks');
      assert.ok(
        argv?.endsWith(
          `--serve ${recipe} --output_dir ${runDirectory} --max_steps 3 --note a "quoted" $HOME %PATH%`,
        ),
        argv,
      );
      assert.equal(await Promise.race([run.stopped, pause(300)]), 'still there');
      const end = await run.stop();
      assert.notDeepEqual(end, { code: 0, signal: null });
      assert.ok(isGone(ready.pid));
      assert.deepEqual(await run.stopped, end);
      assert.match(await readFile(join(runDirectory, LOG), 'utf8'), /words for the log/);
    });

    test('stopping twice, and stopping what has ended, is harmless', async () => {
      const run = await launch('ready');
      await run.ready;
      const [first, second] = await Promise.all([run.stop(), run.stop()]);
      assert.deepEqual(first, second);
      assert.deepEqual(await run.stop(), first);
    });

    test('to resume, the engine is told to go on from the newest checkpoint', async () => {
      await recorded();
      const run = await launch('ready', { resume: true });
      assert.match((await run.ready).run_directory, / --resume_from_checkpoint true[ |]/);
      await run.stop();
    });

    for (const kind of ['failed', 'failedAndHangs'] as const) {
      test(`an engine that says why it can't run is heard, and gone (${kind})`, async () => {
        const run = await launch(kind);
        await assert.rejects(run.ready, (error) => {
          assert.ok(error instanceof PlainError);
          assert.match(error.message, /^(The recipe is empty|No memory)\.$/);
          assert.match(error.next, /^(Fill it|Buy some)\.$/);
          return true;
        });
        await run.stopped;
      });
    }

    test('an engine that ends early is a plain sentence with its exit code', async () => {
      const run = await launch('exits');
      await assert.rejects(run.ready, /ended before it was ready \(exit code 3\)/);
      assert.deepEqual(await run.stopped, { code: 3, signal: null });
      assert.match(await readFile(join(runDirectory, LOG), 'utf8'), /a stack trace/);
    });

    test('a signal is not exit code 0', { skip: process.platform === 'win32' }, async () => {
      const run = await launch('killed');
      await assert.rejects(run.ready, /signal SIGKILL/);
      assert.deepEqual(await run.stopped, { code: null, signal: 'SIGKILL' });
    });

    for (const kind of ['hangs', 'floods'] as const) {
      test(`an engine that never gets ready is ended when the time is up (${kind})`, async () => {
        const run = await launch(kind, { timeoutMs: 700 });
        await assert.rejects(run.ready, /not ready after 0\.7 seconds/);
        await run.stopped;
        assert.ok(existsSync(join(runDirectory, LOG)), 'the log stays');
      });
    }

    test('cancelling kills the engine and leaves no directory behind', async () => {
      const cancel = new AbortController();
      const run = await launch('hangs', { signal: cancel.signal });
      setTimeout(() => cancel.abort(), 100);
      await assert.rejects(run.ready, { name: 'CancelledError' });
      await run.stopped;
      for (let i = 0; existsSync(runDirectory) && i < 100; i++) await pause(20);
      assert.ok(!existsSync(runDirectory));
    });

    test('cancelling a resumed run keeps what the run wrote', async () => {
      await recorded();
      await (
        await launch('exits', { resume: true })
      ).stopped;
      const cancel = new AbortController();
      const run = await launch('hangs', { signal: cancel.signal, resume: true });
      cancel.abort();
      await assert.rejects(run.ready, { name: 'CancelledError' });
      await run.stopped;
      await pause(100);
      assert.ok(existsSync(join(runDirectory, LOG)));
    });

    test('a start cancelled beforehand starts nothing', async () => {
      await assert.rejects(launch('ready', { signal: AbortSignal.abort() }), {
        name: 'CancelledError',
      });
      assert.ok(!existsSync(runDirectory));
    });

    test('cancelling once it is ready changes nothing', async () => {
      const cancel = new AbortController();
      const run = await launch('ready', { signal: cancel.signal });
      await run.ready;
      cancel.abort();
      assert.equal(await Promise.race([run.stopped, pause(300)]), 'still there');
      await run.stop();
    });

    test('an impossible folder is a plain sentence', async () => {
      await assert.rejects(
        launch('ready', { runDirectory: join(recipe, 'below-a-file') }),
        /can't be created/,
      );
      // Nobody can write to a folder, whatever their rights are.
      await mkdir(join(runDirectory, LOG), { recursive: true });
      await assert.rejects(
        launch('ready'),
        (error) => error instanceof PlainError && /log in .* can't be written/.test(error.message),
      );
    });
  });
}

test('a built-in engine that is missing, and a recipe whose folder is gone', async () => {
  const folder = await temporaryFolder();
  const gone = { recipe: join(folder, 'gone', 'recipe.yaml'), runDirectory: join(folder, 'run') };
  const missing = new BuiltInTarget(join(folder, 'no', 'engine.js'));
  await assert.rejects(missing.launch(gone), /built-in engine is missing/);
  const there = new BuiltInTarget(await misbehavingEngine('ready', folder));
  const run = await there.launch(gone);
  await assert.rejects(run.ready, /could not be started/);
  await run.stopped;
});

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

function pause(ms: number): Promise<string> {
  return new Promise((resolve) => setTimeout(() => resolve('still there'), ms));
}
