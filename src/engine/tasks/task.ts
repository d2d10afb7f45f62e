/** One prompt with a verifiable answer. */
export interface Problem {
  /**
   * Names the prompt within its data set: the same prompt has the same id in every run, so that
   * two runs can be laid side by side.
   */
  readonly id: string;
  /** What the model reads. */
  readonly prompt: string;
  /** A right answer, as a person would write it. What counts as right is `Task.verify`'s matter. */
  readonly answer: string;
}

/** A set of problems whose answers can be checked, and the check. */
export interface Task {
  readonly name: string;
  /**
   * Training problem number `index` (0, 1, 2, …, without end) for a seed. A finite set is
   * shuffled anew for every pass. Stateless: a resumed run only needs its index.
   */
  train(seed: number, index: number): Problem;
  /**
   * The first `count` held-out problems; none of them is ever a training problem. The same in
   * every run, whatever its seed. Fewer when a finite set has no more.
   */
  heldOut(count: number): readonly Problem[];
  /** Whether the completion answers the problem. Never throws, whatever the completion holds. */
  verify(problem: Problem, completion: string): boolean;
  /** Whether the completion is written the way the task asks for, right or wrong. Never throws. */
  wellFormed(problem: Problem, completion: string): boolean;
}

/** A training problem with a worked solution, for supervised training. */
export interface Trace {
  readonly problem: Problem;
  readonly completion: string;
}
