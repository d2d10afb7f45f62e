import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { sendCommand } from '../../../src/launch/run-actions.ts';
import type { ReadableRun } from '../../../src/launch/run-entry.ts';
import { Runs } from '../../../src/launch/runs.ts';
import { execute } from '../../fixtures/python.ts';
import { pythonTarget, trl } from '../contract/engines.ts';
import { temporaryFolder } from '../engine/support.ts';
import { root, withoutTrainer, writeTrlRecipe } from './trainer.ts';
import { discard, is, stepsFrom, untilRun } from './watch.ts';

test(
  'accelerate launches two processes that are one run, and none is left when it ends',
  { skip: process.platform === 'win32' ? 'processes are counted with pgrep' : withoutTrainer },
  async (t) => {
    Object.assign(process.env, trl.program.environment);
    const folder = await temporaryFolder();
    const file = join(folder, 'two.yaml');
    const ddp = await readFile(join(root, 'recipes', 'accelerate_configs', 'ddp.yaml'), 'utf8');
    const two = ddp.replace('num_processes: 8', 'num_processes: 2\nmain_process_port: 0');
    await writeFile(file, two.replace('mixed_precision: bf16', 'mixed_precision: "no"'));
    const runs = new Runs(await pythonTarget({ file, ours: false }));
    t.after(() => discard(runs));
    await runs.setDirectories([join(folder, 'runs')]);
    const until = (what: string, expected: (card: ReadableRun) => boolean) =>
      untilRun(runs, directory, what, expected, 120_000);
    const recipe = await writeTrlRecipe(folder, { use_cpu: 'true' });
    const directory = await runs.newDirectory(recipe, join(folder, 'runs'));
    const card = await runs.start(recipe, directory, {});
    assert.ok(card.kind === 'run');
    const live = await until('at step 1', stepsFrom(1));
    // By the part of the path that every locale can write: elsewhere pgrep sees "?" for the rest.
    const mark = `${folder.slice(-6)}/runs/`;
    const processes = async () => (await execute('pgrep', ['-f', mark])).stdout.trim().split('\n');
    // The launcher and two trainers.
    const found = await processes();
    assert.equal(found.length, 3, await readFile(runs.logFile(directory), 'utf8'));
    await sendCommand(live, 'stop');
    await until('stopped', is('stopped'));
    for (let i = 0; (await processes())[0] !== '' && i < 200; i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.deepEqual(await processes(), ['']);
  },
);
