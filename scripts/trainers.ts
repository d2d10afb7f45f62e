import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PlainError } from '../src/common/errors.ts';
import { trainerCommand } from '../src/launch/python/command-line.ts';
import { NoTrainerError, resolveInterpreter } from '../src/launch/python/choose.ts';
import { readGpus, visibleGpus } from '../src/launch/python/gpus.ts';
import { bundledTrainer } from '../src/launch/python/install.ts';
import { pythonOf } from '../src/launch/python/interpreters.ts';
import { packagesOf } from '../src/launch/python/needs.ts';
import type { Engine } from '../src/recipe/engines.ts';

/** How an engine is started; a recipe and its keys follow. */
export interface Trainer {
  engine: Engine;
  file: string;
  args: readonly string[];
  /** Beside our own. */
  environment?: Readonly<Record<string, string>>;
  /** How the same tries checkpoints on benchmarks, in one process; null: not from outside. */
  evaluate: { file: string; args: readonly string[] } | null;
}

/** What the Python trainer is looked for by. */
export interface TrainerRequest {
  /** Its command, where a person names one. */
  named?: string | null;
  /** Absolute path of the recipe, and its text. */
  recipe: string;
  source: string;
}

const root = fileURLToPath(new URL('..', import.meta.url));
/** Loading PyTorch from a cold disk takes its time. */
const PATIENCE_MS = 120_000;

/**
 * The trainer of an engine. The Python one is the command that is named, else the first Python that
 * has it: `ADAPTIVE_GRPO_PYTHON`, environments beside the recipe and here, the shell's, the PATH's.
 *
 * @throws PlainError where the Python trainer isn't there
 */
export async function trainerOf(engine: Engine, request: TrainerRequest): Promise<Trainer> {
  if (engine === 'built-in') {
    const main = join(root, 'src', 'engine', 'main.ts');
    return { engine, file: process.execPath, args: [main], evaluate: null };
  }
  const { named = null, recipe, source } = request;
  if (named !== null) {
    const file = command(named);
    return { engine, file, args: ['train'], evaluate: { file, args: ['eval'] } };
  }
  const bundled = await bundledTrainer(join(root, 'trainer'));
  const folder = dirname(recipe);
  const checks = join(root, '.cache', 'trainer-venv');
  try {
    const { python, facts } = await resolveInterpreter(
      {
        setting: process.env.ADAPTIVE_GRPO_PYTHON ?? '',
        folder: process.cwd(),
        folders: [...new Set([process.cwd(), folder, dirname(folder), root])],
        // The tests' own, where somebody works on this project and has no other.
        last: [{ python: pythonOf(checks), source: checks }],
      },
      { ...bundled, packages: packagesOf(source) },
    );
    const gpus = visibleGpus(await readGpus(), process.env.CUDA_VISIBLE_DEVICES).length;
    const ddp = join(root, 'recipes', 'accelerate_configs', 'ddp.yaml');
    const several = { file: ddp, ours: true };
    const evaluate = { file: python, args: ['-m', 'adaptive_grpo', 'eval'] };
    const started = trainerCommand(python, { facts, gpus, chosen: null, several }, []);
    return { engine, ...started, evaluate };
  } catch (error) {
    if (!(error instanceof NoTrainerError)) throw error;
    throw new PlainError(
      error.message,
      'Install it (pip install ./trainer), name a Python that has it in ADAPTIVE_GRPO_PYTHON, or say `engine: built-in`.',
      { cause: error },
    );
  }
}

/** The command, where it can be started. */
function command(file: string): string {
  const probe = spawnSync(file, ['--help'], { encoding: 'utf8', timeout: PATIENCE_MS });
  if (probe.status === 0) return file;
  const why = probe.error?.message ?? probe.stderr.trim().split('\n').at(-1) ?? '';
  throw new PlainError(
    `This recipe is for TRL, and the Python trainer can't be started (${file}: ${why}).`,
    'Install it (pip install ./trainer), name another command with --trainer, or say `engine: built-in`.',
  );
}
