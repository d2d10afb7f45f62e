import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import {
  ComputePool,
  initialWeights,
  loadCheckpoint,
  optimizerDefaults,
  parseModelConfig,
  saveCheckpoint,
  type TrainingRow,
} from '../../src/engine/compute/index.ts';
import { RolloutPlan, strategyDefaults } from '../../src/strategy/index.ts';
import { lossOptions } from '../fixtures/loss.ts';

/**
 * The built-in engine beside TRL + torch on the CPU: the same Llama, the same batch, the same
 * lengths, in turns, so that whatever else the machine does falls on both. Ratios are ours over
 * theirs in speed: above 1 the built-in engine is faster.
 *
 *     npm run bench:engine [-- speed | start]
 */
const PAIRS = Number(process.env.BENCH_PAIRS ?? 9);
const STARTS = Number(process.env.BENCH_STARTS ?? 3);
const THREADS = 2;
const PROMPTS = [
  '12+34*5=',
  '7*8-19=',
  '(3+4)*11=',
  '99-45+6=',
  '5*5*5=',
  '61-8*3=',
  '2+2=',
  '8/4+7=',
];
const NUM_GENERATIONS = 8;
const MAX_COMPLETION_LENGTH = 64;
// TRL imports requests without saying so.
const PACKAGES = ['torch==2.13.0', 'trl==1.13.0', 'transformers', 'datasets', 'requests'];

const root = fileURLToPath(new URL('../..', import.meta.url));
const venv = join(root, '.cache', 'bench-venv');
const python = join(venv, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');

const job = {
  prompts: PROMPTS,
  prompts_per_step: PROMPTS.length,
  num_generations: NUM_GENERATIONS,
  max_completion_length: MAX_COMPLETION_LENGTH,
};

interface Measured {
  /** Seconds. */
  step: number;
  generation: number;
  tokens: number;
}
const measured = z.object({ step: z.number(), generation: z.number(), tokens: z.number() });

/** A process that does one step for each line it gets. */
class Peer {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #errors = '';

  constructor(checkpoint: string) {
    const script = join(root, 'test/bench/engine_peer.py');
    this.#process = spawn(python, [script, checkpoint, JSON.stringify({ ...job, first: false })]);
    const { stdout, stderr } = this.#process;
    if (!stdout || !stderr) throw new Error('no pipes');
    stderr.on('data', (chunk: Buffer) => (this.#errors += chunk.toString()));
    this.#lines = createInterface(stdout)[Symbol.asyncIterator]();
  }

  async read(): Promise<unknown> {
    for (;;) {
      const line = await this.#lines.next();
      if (line.done === true) throw new Error(`the peer ended:\n${this.#errors.slice(-3000)}`);
      if (line.value.startsWith('{')) return JSON.parse(line.value);
    }
  }

  async step(): Promise<Measured> {
    this.#process.stdin?.write('step\n');
    return measured.parse(await this.read());
  }

  stop(): void {
    this.#process.kill();
  }
}

function prepareVenv(): void {
  const run = (command: string, args: string[]) => {
    const { status } = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    if (status !== 0)
      throw new Error(
        `${command} ${args.join(' ')} failed: the benchmark needs Python 3 with venv`,
      );
  };
  const ready = join(venv, 'ready');
  if (existsSync(ready) && readFileSync(ready, 'utf8') === PACKAGES.join('\n')) return;
  console.log(`setting up ${venv} …`);
  run(process.platform === 'win32' ? 'python' : 'python3', ['-m', 'venv', venv]);
  run(python, ['-m', 'pip', 'install', '--quiet', ...PACKAGES]);
  writeFileSync(ready, PACKAGES.join('\n'));
}

/** Four layers, d = 128, the base checkpoint's vocabulary; random weights. */
async function makeCheckpoint(folder: string): Promise<void> {
  const base = await loadCheckpoint(join(root, 'media/base'));
  const content = {
    ...z.looseObject({}).parse(JSON.parse(base.files['config.json'] ?? '{}')),
    hidden_size: 128,
    intermediate_size: 352,
    num_hidden_layers: 4,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 32,
  };
  const config = parseModelConfig(content, 'config.json');
  await saveCheckpoint(folder, {
    config,
    weights: initialWeights(config, 1),
    files: { ...base.files, 'config.json': JSON.stringify(content) },
  });
}

/** One step as the trainer does it: generate, score, one update. */
async function ourStep(pool: ComputePool, prompts: Int32Array[], step: number): Promise<Measured> {
  const parameters = {
    ...strategyDefaults,
    use_token_adaptive: false,
    num_generations: NUM_GENERATIONS,
  };
  const started = performance.now();
  const { segments, costs } = await pool.generate({
    prompts,
    plan: new RolloutPlan(parameters, prompts.length, Math.random),
    thresholds: parameters,
    max_completion_length: MAX_COMPLETION_LENGTH,
    temperature: 1,
    seed: 1,
    step,
    capture: { top_k: 5, below: 0.99 },
  });
  const generation = (performance.now() - started) / 1000;
  const rewards = segments.map(({ token_ids }) => token_ids.filter((id) => id === 4).length);
  const rows = segments.map((segment, i): TrainingRow => {
    const group = rewards.filter((_, j) => segments[j]?.tree === segment.tree);
    const mean = group.reduce((a, b) => a + b, 0) / group.length;
    const advantage = (rewards[i] ?? 0) - mean;
    return {
      prompt_ids: prompts[segment.tree] ?? new Int32Array(),
      completion_ids: segment.token_ids,
      advantage: Array.from(segment.token_ids, () => advantage),
      weight: Array.from(segment.token_ids, () => 1),
      behaviour_logprob: segment.logprob,
      train_logprob: segment.train_logprob,
      ref_logprob: null,
    };
  });
  await pool.trainStep(
    rows,
    {
      ...lossOptions,
      max_completion_length: MAX_COMPLETION_LENGTH,
      per_device_train_batch_size: rows.length,
    },
    { ...optimizerDefaults, learning_rate: 1e-4 },
  );
  return { step: (performance.now() - started) / 1000, generation, tokens: costs.generated };
}

/** Seconds from launching a process until its first rollouts are there. */
async function timeToFirst(
  launch: () => ChildProcess,
  there: (output: string) => boolean,
): Promise<number> {
  const started = performance.now();
  const child = launch();
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  try {
    while (!there(output)) {
      if (child.exitCode !== null && !there(output))
        throw new Error(`it ended before its first rollouts:\n${output}`);
      await setTimeout(10);
    }
    return (performance.now() - started) / 1000;
  } finally {
    child.kill();
  }
}

/** Bytes of rollouts a run has recorded. The columns' names alone are a few thousand. */
function recordedBytes(runDirectory: string): number {
  const file = join(runDirectory, 'rollouts.arrows');
  return existsSync(file) ? statSync(file).size : 0;
}
const A_BATCH = 30_000;

const median = (values: number[]) => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
};
const line = (name: string, ratios: number[]) => {
  const spread = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
  console.log(
    `${name} ratio: ${median(ratios).toFixed(2)} (${spread} over ${ratios.length} pairs)`,
  );
};

async function main(parts: readonly string[]): Promise<void> {
  prepareVenv();
  const [load = 0] = loadavg();
  console.log(`${cpus()[0]?.model ?? 'CPU'}, ${cpus().length} cores; Node ${process.version}`);
  // torch's threads wait for each other actively, and suffer most where cores are shared.
  if (load > 1)
    console.log(`Other programs are busy (load ${load.toFixed(1)}): these are no fair figures.`);
  const folder = await mkdtemp(join(tmpdir(), 'adaptive-grpo-bench-'));
  const checkpoint = join(folder, 'model');
  await makeCheckpoint(checkpoint);
  if (parts.length === 0 || parts.includes('speed')) await compareSpeeds(checkpoint);
  if (parts.length === 0 || parts.includes('start')) await compareStarts(folder, checkpoint);
  await rm(folder, { recursive: true, force: true });
}

async function compareSpeeds(checkpoint: string): Promise<void> {
  const { config, weights, tokenizer } = await loadCheckpoint(checkpoint);
  const pool = new ComputePool({ ...config, eos_token_ids: [] }, weights, { threads: THREADS });
  const peer = new Peer(checkpoint);
  try {
    const { versions } = z.object({ versions: z.string() }).parse(await peer.read());
    console.log(`theirs: ${versions}; ours: ${THREADS} threads`);
    const completions = PROMPTS.length * NUM_GENERATIONS;
    console.log(
      `${weights.length} weights, ${completions} completions of ${MAX_COMPLETION_LENGTH} tokens a step`,
    );
    const prompts = PROMPTS.map((text) => tokenizer.encode(text));
    for (let warm = 0; warm < 3; warm++) {
      await peer.step();
      await ourStep(pool, prompts, warm);
    }
    const pairs: { ours: Measured; theirs: Measured }[] = [];
    for (let pair = 0; pair < PAIRS; pair++) {
      // Who goes first alternates.
      const first = pair % 2 === 0 ? await peer.step() : null;
      const ours = await ourStep(pool, prompts, 10 + pair);
      pairs.push({ ours, theirs: first ?? (await peer.step()) });
    }
    const speeds = (of: (one: Measured) => number, who: 'ours' | 'theirs') =>
      Math.round(median(pairs.map((pair) => of(pair[who]))));
    const generating = (one: Measured) => one.tokens / one.generation;
    const whole = (one: Measured) => one.tokens / one.step;
    console.log(
      `generation: ours ${speeds(generating, 'ours')}, theirs ${speeds(generating, 'theirs')} tokens/s`,
    );
    console.log(
      `whole step: ours ${speeds(whole, 'ours')}, theirs ${speeds(whole, 'theirs')} tokens/s`,
    );
    line(
      'generation',
      pairs.map(({ ours, theirs }) => generating(ours) / generating(theirs)),
    );
    line(
      'step',
      pairs.map(({ ours, theirs }) => whole(ours) / whole(theirs)),
    );
  } finally {
    peer.stop();
    await pool.stop();
  }
}

/** From launching the process to its first rollouts: ours on the disk, theirs in memory. */
async function compareStarts(folder: string, checkpoint: string): Promise<void> {
  // What ships is the bundle.
  const built = spawnSync(process.execPath, [join(root, 'scripts/build.ts')], { cwd: root });
  if (built.status !== 0) throw new Error(`the build failed:\n${built.stderr.toString()}`);
  const recipe = join(folder, 'recipe.yaml');
  await writeFile(
    recipe,
    (await readFile(join(root, 'recipes/baseline_grpo.yaml'), 'utf8'))
      .replace(/^model_name_or_path:.*$/m, `model_name_or_path: ${checkpoint}`)
      .replace(/^(eval_num_prompts|max_completion_length|max_steps):.*$/gm, '')
      .concat(
        `\neval_num_prompts: 0\nmax_completion_length: ${MAX_COMPLETION_LENGTH}\nmax_steps: 2\n`,
      ),
  );
  const ratios: number[] = [];
  const seconds: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] };
  const script = join(root, 'test/bench/engine_peer.py');
  for (let start = 0; start < STARTS; start++) {
    const theirs = await timeToFirst(
      () => spawn(python, [script, checkpoint, JSON.stringify({ ...job, first: true })]),
      (output) => output.includes('"first"'),
    );
    const output = join(folder, `run-${start}`);
    const train = [join(root, 'dist/engine.js'), recipe, '--output-dir', output];
    const ours = await timeToFirst(
      () => spawn(process.execPath, train, { cwd: dirname(recipe) }),
      () => recordedBytes(output) > A_BATCH,
    );
    seconds.ours.push(ours);
    seconds.theirs.push(theirs);
    ratios.push(theirs / ours);
  }
  console.log(
    `launch to first rollouts: ours ${median(seconds.ours).toFixed(1)} s, theirs ${median(seconds.theirs).toFixed(1)} s`,
  );
  line('start', ratios);
}

await main(process.argv.slice(2));
