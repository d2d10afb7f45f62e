import { join } from 'node:path';
import { root } from '../../../scripts/vscode/install.ts';
import {
  smallTrlRecipe,
  sums,
  trainerPython,
  withoutTrainer,
} from '../../integration/launch/trainer.ts';
import { packPythonExtension } from './python-extension.ts';
import type { WorldOptions } from './world.ts';

/** A workspace whose only recipe is for one of the engines: what holds of one holds of the other. */
export interface LiveEngine {
  /** As in the manifest. */
  name: 'built-in' | 'trl';
  world: WorldOptions;
  /** From the key press to the first rollouts, on a busy machine with two cores. */
  patienceMs: number;
}

const recipe = smallTrlRecipe(join(root, 'media', 'base'), {
  reward_funcs: '[accuracy, format]',
  max_completion_length: 48,
  // A root has as many tokens before it may be cut.
  min_prefix_length: 8,
});

export const trlFiles = { 'recipes/sums.yaml': recipe, 'recipes/sums.jsonl': sums };

export const liveEngines: readonly LiveEngine[] = [
  { name: 'built-in', world: { timeout: 300_000 }, patienceMs: 90_000 },
  {
    name: 'trl',
    world: {
      files: trlFiles,
      // Nobody set anything: the Python extension says which Python is the folder's.
      others: async (folder) => [
        await packPythonExtension(folder, { active: trainerPython, known: [trainerPython] }),
      ],
      timeout: 480_000,
      skip: withoutTrainer,
    },
    // PyTorch alone takes many seconds to load.
    patienceMs: 180_000,
  },
];
