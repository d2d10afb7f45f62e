/**
 * Trains by a recipe without a window, from the sources (`npm run -s train -- RECIPE`,
 * `train_adaptive_grpo.sh RECIPE`), with the engine that the recipe is for. npm changes to the
 * project's folder; paths on the command line count from where it was called.
 */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { PlainError, messageOf } from '../src/common/errors.ts';
import { engineOfFile } from '../src/launch/by-recipe.ts';
import { trainerOf } from './trainers.ts';

const { INIT_CWD: calledFrom, npm_lifecycle_event: npmScript } = process.env;
if (npmScript === 'train' && calledFrom !== undefined) process.chdir(calledFrom);

const args = process.argv.slice(2);
const recipe = args.find((each) => /^[^-].*\.ya?ml$/i.test(each));
const asksForHelp = args.includes('--help') || args.includes('-h');
if (recipe !== undefined && !asksForHelp && (await engineOfFile(recipe)) === 'trl') {
  process.exitCode = await trainWithPython(resolve(recipe)).catch((error: unknown) => {
    console.error(messageOf(error));
    if (error instanceof PlainError) console.error(error.next);
    return 1;
  });
} else {
  await import('../src/engine/main.ts');
}

async function trainWithPython(path: string): Promise<number> {
  const source = await readFile(path, 'utf8');
  const trainer = await trainerOf('trl', { recipe: path, source });
  const env = { ...process.env, ...trainer.environment };
  const child = spawn(trainer.file, [...trainer.args, ...args], { stdio: 'inherit', env });
  // Ctrl+C reaches the trainer by itself, and it ends after its step; we wait for that.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (code) => done(code ?? 1));
  });
}
