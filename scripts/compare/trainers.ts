import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { PlainError } from '../../src/common/errors.ts';
import type { Engine } from '../../src/recipe/engines.ts';

/** How an engine is started; a recipe and its keys follow. */
export interface Trainer {
  engine: Engine;
  file: string;
  args: readonly string[];
}

/** Loading PyTorch from a cold disk takes its time. */
const PATIENCE_MS = 120_000;

/**
 * The trainer of an engine.
 *
 * @param named the command of the Python trainer, where it isn't `adaptive-grpo` on the PATH
 * @throws PlainError where the Python trainer isn't there
 */
export function trainerOf(engine: Engine, named: string | null): Trainer {
  if (engine === 'built-in') {
    const main = fileURLToPath(new URL('../../src/engine/main.ts', import.meta.url));
    return { engine, file: process.execPath, args: [main] };
  }
  const file = named ?? 'adaptive-grpo';
  const probe = spawnSync(file, ['--help'], { encoding: 'utf8', timeout: PATIENCE_MS });
  if (probe.status === 0) return { engine, file, args: ['train'] };
  const why = probe.error?.message ?? probe.stderr.trim().split('\n').at(-1) ?? '';
  throw new PlainError(
    `This recipe is for TRL, and the Python trainer can't be started (${file}: ${why}).`,
    'Install it (pip install ./trainer), name its command with --trainer, or say `engine: built-in`.',
  );
}
