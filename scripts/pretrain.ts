/**
 * Makes the base checkpoint in `media/base/`, from nothing but a seed:
 *
 *     npm run pretrain [-- FOLDER] [--second-phase]
 *
 * 1. A small Llama is trained on correct worked solutions until it nearly always gets them right.
 * 2. It is then shown, briefly, solutions in which carries are forgotten. It still can do them,
 *    but is in doubt at each: a skill for reinforcement learning to bring back, and uncertainty
 *    at decisions worth looking at. (A model that merely stopped training early learns little
 *    from rewards.)
 *
 * The number of threads is fixed, because sums of gradients depend on it in the last digit.
 */
import { join } from 'node:path';
import { loadCheckpoint, saveCheckpoint } from '../src/engine/compute/checkpoint.ts';
import type { ModelConfig } from '../src/engine/compute/config.ts';
import { initialWeights } from '../src/engine/compute/initial.ts';
import {
  learningRateAt,
  optimizerDefaults,
  type SupervisedRow,
} from '../src/engine/compute/index.ts';
import { ComputePool } from '../src/engine/compute/pool.ts';
import {
  arithmetic,
  arithmeticTrace,
  countdown,
  countdownTrace,
  type Slips,
  type Task,
  type Trace,
} from '../src/engine/tasks/index.ts';
import { RolloutPlan, strategyDefaults } from '../src/strategy/index.ts';
import { EOS, decode, encode, modelConfig, modelFiles } from './pretrain-files.ts';

const SEED = 1;
const THREADS = 2;
/** Standard deviation of fresh weights: 1/√hidden. transformers' 0.02 learns far more slowly. */
const DEVIATION = 0.1;
/** The clean model is kept here: `--second-phase` goes on from it. */
const KEPT = join(import.meta.dirname, '..', '.cache', 'base-clean');

interface Phase {
  name: string;
  steps: number;
  batch: number;
  learning_rate: number;
  warmup_steps: number;
  trace: (index: number) => Trace;
}

/** One trace in this many is a countdown. */
const COUNTDOWN_SHARE = 8;
const slips: Slips = { product: 0.05, tens: 0.12, hundreds: 0.52 };

const clean: Phase = {
  name: 'clean',
  steps: 3000,
  batch: 32,
  learning_rate: 3e-3,
  warmup_steps: 100,
  trace: (index) =>
    index % COUNTDOWN_SHARE === 0 ? countdownTrace(SEED, index) : arithmeticTrace(SEED, index),
};
const doubt: Phase = {
  name: 'doubt',
  steps: 150,
  batch: 64,
  learning_rate: 5e-4,
  warmup_steps: 20,
  trace: (index) =>
    index % COUNTDOWN_SHARE === 0
      ? countdownTrace(SEED + 1, index)
      : arithmeticTrace(SEED + 1, index, slips),
};

async function train(pool: ComputePool, phase: Phase): Promise<void> {
  const began = performance.now();
  for (let step = 0; step < phase.steps; step += 1) {
    const first = step * phase.batch;
    const rows = Array.from({ length: phase.batch }, (_, i) => rowOf(phase.trace(first + i)));
    const learning_rate = learningRateAt(step + 1, {
      learning_rate: phase.learning_rate,
      lr_scheduler_type: 'linear',
      warmup_steps: phase.warmup_steps,
      max_steps: phase.steps + 1,
    });
    const options = { ...optimizerDefaults, learning_rate, adam_beta2: 0.98, weight_decay: 0.01 };
    const { loss, accuracy } = await pool.supervisedStep(rows, options);
    if ((step + 1) % 100 === 0 || step + 1 === phase.steps) {
      const seconds = ((performance.now() - began) / 1000).toFixed(0);
      console.log(
        `${phase.name} ${step + 1}/${phase.steps}  loss ${loss.toFixed(4)}  next token ${(100 * accuracy).toFixed(1)} %  ${seconds} s`,
      );
    }
  }
}

/** The worked solution is learned, the prompt is given. */
function rowOf({ problem, completion }: Trace): SupervisedRow {
  const prompt = encode(problem.prompt);
  const token_ids = Int32Array.from([...prompt, ...encode(completion), EOS]);
  return { token_ids, weight: new Float32Array(token_ids.length).fill(1, prompt.length) };
}

/** Share of held-out problems solved; `temperature` 0 is greedy. */
async function solved(pool: ComputePool, task: Task, temperature: number): Promise<number> {
  const problems = task.heldOut(500);
  const strategy = {
    ...strategyDefaults,
    use_token_adaptive: false,
    num_generations: 1,
    temperature,
  };
  let right = 0;
  await pool.generate({
    prompts: problems.map(({ prompt }) => Int32Array.from(encode(prompt))),
    plan: new RolloutPlan(strategy, problems.length, () => 0),
    thresholds: strategy,
    max_completion_length: 64,
    temperature,
    seed: SEED,
    step: 0,
    capture: { top_k: 0, below: 0 },
    onSegment: ({ tree }, completion) => {
      const problem = problems[tree];
      right += Number(problem !== undefined && task.verify(problem, decode(completion)));
      return null;
    },
  });
  return right / problems.length;
}

async function report(pool: ComputePool, name: string): Promise<void> {
  for (const task of [arithmetic, countdown]) {
    const greedy = percent(await solved(pool, task, 0));
    const sampled = percent(await solved(pool, task, 1));
    console.log(`${name}: held-out ${task.name}: ${greedy} greedy, ${sampled} sampled`);
  }
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

const config: ModelConfig = { ...modelConfig, eos_token_ids: [EOS] };
const again = process.argv.includes('--second-phase');
const folder =
  process.argv.slice(2).find((each) => !each.startsWith('--')) ??
  join(import.meta.dirname, '..', 'media', 'base');

const start = again
  ? (await loadCheckpoint(KEPT)).weights
  : initialWeights(config, SEED, DEVIATION);
const pool = new ComputePool(config, start, { threads: THREADS });
const save = (to: string) =>
  saveCheckpoint(to, { config, weights: pool.weights(), files: modelFiles(config) });

if (!again) {
  await train(pool, clean);
  await save(KEPT);
  await report(pool, clean.name);
  // The second phase begins with a fresh optimizer, as `--second-phase` does.
  await pool.restore(pool.weights(), null);
}
await train(pool, doubt);
await save(folder);
await report(pool, doubt.name);
await pool.stop();
console.log(`The base checkpoint is in ${folder}.`);
