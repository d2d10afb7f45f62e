import type { z } from 'zod';
import { recipeShape } from '../keys.ts';
import { generationShape } from './generation.ts';
import { grpoShape } from './grpo.ts';
import { openR1Shape } from './open-r1.ts';
import { runningShape } from './running.ts';
import { scriptShape } from './script.ts';
import { trainingShape } from './training.ts';

/** Keys that only the built-in engine understands. */
const builtInOnly: readonly string[] = ['threads', 'eval_num_prompts', 'eval_num_generations'];

/**
 * Every key of a recipe for `engine: trl`: TRL's stack and open-r1's scripts, and ours. Where both
 * engines have a key and TRL takes more or has another default, TRL's is the one that counts here.
 */
export const trlShape: Readonly<Record<string, z.ZodType>> = {
  ...Object.fromEntries(Object.entries(recipeShape).filter(([key]) => !builtInOnly.includes(key))),
  ...trainingShape,
  ...runningShape,
  ...grpoShape,
  ...generationShape,
  ...scriptShape,
  ...openR1Shape,
};
