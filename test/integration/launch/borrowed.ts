import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pythonOf } from '../../../src/launch/python/interpreters.ts';
import { execute } from '../../fixtures/python.ts';
import { trainerPython } from './trainer.ts';

const SITES = 'import site; print(site.getsitepackages()[0])';

/** A real environment with a pip of its own, that sees the packages of the tests' own as well. */
export async function borrowingEnvironment(folder: string): Promise<string> {
  const made = await execute(trainerPython, ['-m', 'venv', folder]);
  assert.equal(made.code, 0, made.stderr);
  const python = pythonOf(folder);
  const [own, lender] = [
    await execute(python, ['-c', SITES]),
    await execute(trainerPython, ['-c', SITES]),
  ];
  await writeFile(join(own.stdout.trim(), 'borrowed.pth'), lender.stdout.trim());
  return python;
}
