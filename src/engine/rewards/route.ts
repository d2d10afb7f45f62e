import { REWARDS, rewardsRequest, type RewardsAnswer } from '../../run/model/endpoint.ts';
import { HttpError, type Routes } from '../../run/server.ts';
import { parseBody } from '../completions.ts';
import type { Tokenizer } from '../compute/index.ts';
import type { Problem, Task } from '../tasks/index.ts';
import type { Scorer } from './index.ts';

/** Problems after the ones that are known to be drawn: what a crash lost may lie in the file. */
const BEYOND = 1024;

/**
 * A run's training problems by their names: those it draws from now on, and those it drew before
 * this process began (a task makes any of them anew).
 */
export class KnownProblems {
  readonly #task: Task;
  readonly #seed: number;
  /** Their indices: long runs draw many, and a task makes any of them anew. */
  readonly #known = new Map<string, number>();
  /** Problems that were drawn before, and how many of them were looked at. */
  readonly #earlier: number;
  #looked = 0;

  /** `earlier`: how many the run had drawn already. */
  constructor(task: Task, seed: number, earlier: number) {
    this.#task = task;
    this.#seed = seed;
    this.#earlier = earlier + BEYOND;
  }

  /** The task, with everything noted that is drawn from it. */
  get noted(): Task {
    const task = this.#task;
    return {
      name: task.name,
      train: (seed, index) => this.#note(task.train(seed, index), index),
      heldOut: (count) => task.heldOut(count),
      verify: (problem, completion) => task.verify(problem, completion),
      wellFormed: (problem, completion) => task.wellFormed(problem, completion),
    };
  }

  find(id: string): Problem | null {
    while (!this.#known.has(id) && this.#looked < this.#earlier) {
      this.#note(this.#task.train(this.#seed, this.#looked), this.#looked);
      this.#looked++;
    }
    const index = this.#known.get(id);
    return index === undefined ? null : this.#task.train(this.#seed, index);
  }

  #note(problem: Problem, index: number): Problem {
    this.#known.set(problem.id, index);
    return problem;
  }
}

/** `POST /v1/rewards`: the run's reward of completions that training never saw. */
export function rewardRoutes(
  problems: KnownProblems,
  scorer: Scorer,
  tokenizer: Tokenizer,
  vocabulary: number,
): Routes {
  return {
    [`POST ${REWARDS}`]: ({ body }) => {
      const { prompt_id, prompt, completions } = parseBody(rewardsRequest, body);
      const problem = problems.find(prompt_id);
      if (problem === null || (prompt !== undefined && prompt !== problem.prompt)) {
        const name = JSON.stringify(prompt_id);
        throw new HttpError(404, `This run has no prompt ${name}, or another one of that name.`);
      }
      const data = completions.map((completion) => {
        if (typeof completion === 'string') return scorer(problem, completion);
        const foreign = completion.find((id) => id >= vocabulary);
        if (foreign !== undefined) throw new HttpError(400, `There is no token ${foreign}.`);
        return scorer(problem, tokenizer.decode(completion));
      });
      const answer: RewardsAnswer = { data };
      return Promise.resolve(answer);
    },
  };
}
