import type { Recipe } from '../recipe/keys.ts';
import { strategyOfRecipe } from '../recipe/strategy.ts';
import { RolloutPlan } from '../strategy/index.ts';
import type { Model } from './model.ts';
import type { Problem, Task } from './tasks/index.ts';

export interface Evaluation {
  /** `eval/accuracy` (greedy), `eval/pass@1`, `eval/pass@k`. */
  metrics: Record<string, number>;
  /** Tokens sampled for it; no part of the run's own budget. */
  tokens: number;
}

/** Its draws are the same whenever it runs: two evaluations differ by the policy alone. */
const EVALUATION_STEP = 0;

/**
 * Tries the held-out prompts, greedily and `eval_num_generations` times at the recipe's
 * temperature. Null where there is nothing to try, or `abandoned`, which is asked whenever the model
 * is free, says that nobody waits any more.
 */
export async function evaluate(
  model: Model,
  task: Task,
  recipe: Recipe,
  abandoned: () => boolean | Promise<boolean>,
): Promise<Evaluation | null> {
  const problems = task.heldOut(recipe.eval_num_prompts);
  if (problems.length === 0 || (await abandoned())) return null;
  const greedy = await answers(model, task, recipe, problems, 1, 0);
  if (await abandoned()) return null;
  const k = recipe.eval_num_generations;
  const sampled = await answers(model, task, recipe, problems, k, recipe.temperature);
  const metrics = {
    'eval/accuracy': mean(greedy.right.flat().map(Number)),
    'eval/pass@1': mean(sampled.right.flat().map(Number)),
    'eval/pass@k': mean(sampled.right.map((each) => Number(each.includes(true)))),
  };
  return { metrics, tokens: greedy.tokens + sampled.tokens };
}

/** `count` completions of every problem at `temperature` (0: the most likely token each time). */
async function answers(
  model: Model,
  task: Task,
  recipe: Recipe,
  problems: readonly Problem[],
  count: number,
  temperature: number,
): Promise<{ right: boolean[][]; tokens: number }> {
  const { pool, tokenizer } = model;
  const strategy = {
    ...strategyOfRecipe(recipe),
    use_token_adaptive: false,
    num_generations: count,
    temperature,
  };
  const right: boolean[][] = problems.map(() => []);
  const { costs } = await pool.generate({
    prompts: problems.map(({ prompt }) => tokenizer.encode(prompt)),
    plan: new RolloutPlan(strategy, problems.length, () => 0),
    thresholds: strategy,
    max_completion_length: recipe.max_completion_length,
    temperature,
    seed: recipe.seed,
    step: EVALUATION_STEP,
    capture: { top_k: 0, below: 0 },
    onSegment: ({ tree }, completion) => {
      const problem = problems[tree];
      if (problem === undefined) return null;
      right[tree]?.push(task.verify(problem, tokenizer.decode(completion)));
      return null;
    },
  });
  return { right, tokens: costs.generated };
}

function mean(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}
