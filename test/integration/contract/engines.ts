import { join } from 'node:path';
import { mkdir } from 'node:fs/promises';
import { BuiltInTarget } from '../../../src/launch/built-in.ts';
import { resolveInterpreter } from '../../../src/launch/python/choose.ts';
import type { AccelerateConfig } from '../../../src/launch/python/command-line.ts';
import { bundledTrainer } from '../../../src/launch/python/install.ts';
import { PythonTarget } from '../../../src/launch/python/target.ts';
import type { LaunchTarget } from '../../../src/launch/target.ts';
import { builtInProgram, recipeFile, smallRecipe, type Program } from '../engine/support.ts';
import { root, trainerPython, withoutTrainer, writeTrlRecipe } from '../launch/trainer.ts';

/** What must hold of both engines is asked of each of them, with something small to train. */
export interface TestedEngine {
  /** As in the manifest. */
  name: 'built-in' | 'trl';
  program: Program;
  /** How the extension starts it. */
  target(): Promise<LaunchTarget>;
  /** Why it can't be tried here. */
  skip: string | false;
  /** Writes a small recipe (and its data) into a folder; returns its path. */
  recipe(folder: string): Promise<string>;
  /** Of the run directory: where the checkpoint of a step lies. */
  checkpoint(step: number): string;
  /** Steps of a whole run, how often it is saved, and when it is interrupted on its way. */
  steps: number;
  saveSteps: number;
  moments: readonly [number, number, number];
  /** As those of its data look. */
  prompt: string;
}

export const builtIn: TestedEngine = {
  name: 'built-in',
  program: builtInProgram,
  target: () => Promise.resolve(new BuiltInTarget(join(root, 'src', 'engine', 'main.ts'))),
  skip: false,
  recipe: (folder) => recipeFile(folder, `${smallRecipe}save_steps: 2\n`),
  checkpoint: (step) => join('checkpoints', `step-${step}`),
  steps: 7,
  saveSteps: 2,
  moments: [1, 3, 5],
  prompt: '12+3*4=',
};

/** The tests' own Python; `config`: how to launch several processes. */
export async function pythonTarget(config: AccelerateConfig | null = null): Promise<PythonTarget> {
  const bundled = await bundledTrainer(join(root, 'trainer'));
  const choice = { setting: trainerPython, folder: null, folders: [] };
  return new PythonTarget(
    {
      interpreter: (_, packages, signal) =>
        resolveInterpreter(choice, { ...bundled, packages }, signal),
      accelerateConfig: () => config,
    },
    { ddpConfig: join(root, 'recipes', 'accelerate_configs', 'ddp.yaml') },
  );
}

export const trl: TestedEngine = {
  name: 'trl',
  program: {
    file: trainerPython,
    args: ['-m', 'adaptive_grpo', 'train'],
    environment: { HF_HUB_OFFLINE: '1', OMP_NUM_THREADS: '1' },
  },
  target: () => pythonTarget(),
  skip: withoutTrainer,
  recipe: async (folder) => {
    await mkdir(folder, { recursive: true });
    const keys = { reward_funcs: '[accuracy, format]', max_completion_length: 48, save_steps: 4 };
    return writeTrlRecipe(folder, keys);
  },
  checkpoint: (step) => join('checkpoints', `checkpoint-${step}`),
  // A step takes a tenth of a second: whoever interrupts it may come a few too late.
  steps: 24,
  saveSteps: 4,
  moments: [1, 5, 9],
  prompt: '11+21=',
};
