import { PlainError } from '../../common/errors.ts';
import type { builtInRewards } from '../../recipe/keys.ts';
import type { Problem, Task } from '../tasks/task.ts';

/** Scores a completion; null: this function has no opinion on it. Never throws. */
export type RewardFunction = (task: Task, problem: Problem, completion: string) => number | null;

export const rewardFunctions: Record<(typeof builtInRewards)[number], RewardFunction> = {
  /** 1 for a right answer, else 0. */
  accuracy: (task, problem, completion) => Number(task.verify(problem, completion)),
  /** 1 where the completion is written as the task asks for, right or wrong, else 0. */
  format: (task, problem, completion) => Number(task.wellFormed(problem, completion)),
};

export interface Score {
  /** By function; functions without an opinion are left out. */
  rewards: Record<string, number>;
  /** Weighted sum; null where no function had an opinion. */
  reward: number | null;
}

export type Scorer = (problem: Problem, completion: string) => Score;

/**
 * The scorer of a recipe's `reward_funcs` and `reward_weights` (null: 1 each).
 * Throws a `PlainError` for an unknown function or weights that don't match.
 */
export function openScorer(
  task: Task,
  names: readonly string[],
  weights: readonly number[] | null,
): Scorer {
  if (weights !== null && weights.length !== names.length) {
    throw new PlainError(
      `\`reward_weights\` has ${weights.length} entries for ${names.length} reward functions.`,
      'Give one weight for each entry of `reward_funcs`, or leave `reward_weights` out.',
    );
  }
  const known = new Map<string, RewardFunction>(Object.entries(rewardFunctions));
  const functions = names.map((name, at) => {
    const score = known.get(name);
    if (score !== undefined) return { name, score, weight: weights?.[at] ?? 1 };
    throw new PlainError(
      `There is no reward function \`${name}\`.`,
      `\`reward_funcs\` takes ${[...known.keys()].map((each) => `\`${each}\``).join(', ')}.`,
    );
  });
  return (problem, completion) => {
    const rewards: Record<string, number> = {};
    let reward: number | null = null;
    for (const { name, score, weight } of functions) {
      const value = score(task, problem, completion);
      if (value === null) continue;
      rewards[name] = value;
      reward = (reward ?? 0) + weight * value;
    }
    return { rewards, reward };
  };
}
