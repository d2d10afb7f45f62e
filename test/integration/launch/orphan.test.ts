import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BuiltInTarget } from '../../../src/launch/built-in.ts';
import { sendCommand } from '../../../src/launch/run-actions.ts';
import type { ReadableRun } from '../../../src/launch/run-entry.ts';
import { Runs } from '../../../src/launch/runs.ts';
import { recipeFile, smallRecipe, temporaryFolder } from '../engine/support.ts';
import { discard, is, stepsFrom, untilRun } from './watch.ts';

const engine = fileURLToPath(new URL('../../../src/engine/main.ts', import.meta.url));

test('a run goes on when the window that started it is killed', async (t) => {
  const folder = await temporaryFolder();
  const recipe = await recipeFile(folder, smallRecipe.replace('max_steps: 4', 'max_steps: 1000'));
  const runs = new Runs(new BuiltInTarget(engine));
  t.after(() => discard(runs));
  await runs.setDirectories([join(folder, 'runs')]);
  const directory = join(folder, 'runs', 'orphan');
  const until = (what: string, expected: (card: ReadableRun) => boolean) =>
    untilRun(runs, directory, what, expected, 60_000);
  const script = fileURLToPath(new URL('launch-and-leave.ts', import.meta.url));
  const window = spawn(process.execPath, [script, engine, recipe, directory], { stdio: 'ignore' });
  await new Promise((resolve) => window.once('exit', resolve));
  const found = await until('found', is('running'));
  const later = await until('two steps on', stepsFrom((found.latest?.step ?? 0) + 2));
  await sendCommand(later, 'stop');
  await until('stopped', is('stopped'));
});
