import type { ComparedRun, ComparedSide, Point } from '../../../src/compare/model.ts';

/** Compared runs made by hand, for the tests of what is worked out from them. */

export function point(step: number, tokens: number | null, metrics: Point['metrics']): Point {
  return { step, generated_tokens: tokens, seconds: step * 2, metrics };
}

/** A run whose held-out accuracy is `accuracies`, one every 10 steps and 1,000 tokens. */
export function runOf(
  seed: number,
  accuracies: readonly number[],
  patch: Partial<ComparedRun> = {},
): ComparedRun {
  const last = Math.max(1, (accuracies.length - 1) * 10);
  return {
    directory: `runs/${seed}`,
    run_id: `run-${seed}-${patch.strategy ?? 'baseline'}`,
    name: 'a run',
    engine: 'built-in',
    strategy: 'baseline',
    model: 'base',
    seed,
    git_commit: null,
    host: 'here',
    started_at: '2026-01-01T00:00:00.000Z',
    state: 'finished',
    recipe: {
      dataset_name: 'arithmetic',
      seed,
      eval_num_prompts: 100,
      lr_scheduler_type: 'constant',
      use_token_adaptive: patch.strategy === 'adaptive',
    },
    tokenizer: 'abc',
    steps: Array.from({ length: last }, (_, i) =>
      point(i + 1, (i + 1) * 100, { reward: (i + 1) / last, entropy: 0.1 }),
    ),
    evaluations: accuracies.map((accuracy, i) =>
      point(i * 10, i * 1000, { 'eval/accuracy': accuracy, 'eval/pass@1': accuracy / 2 }),
    ),
    benchmarks: [],
    problems: [],
    ...patch,
  };
}

export const sideOf = (name: string, ...runs: ComparedRun[]): ComparedSide => ({ name, runs });

/** A side of seeds 1, 2, … that all begin at 0.3 and end at these accuracies. */
export function endingAt(name: string, finals: readonly number[], firstSeed = 1): ComparedSide {
  const strategy = name === 'adaptive' ? 'adaptive' : 'baseline';
  return sideOf(
    name,
    ...finals.map((final, i) =>
      runOf(firstSeed + i, [0.3, (0.3 + final) / 2, final], { strategy }),
    ),
  );
}
