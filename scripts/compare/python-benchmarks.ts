import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join, resolve } from 'node:path';
import { setInterval } from 'node:timers';
import { z } from 'zod';
import { PlainError } from '../../src/common/errors.ts';
import type { Benchmark } from '../../src/compare/model.ts';

/** Final checkpoints of TRL's runs on benchmarks, by `adaptive-grpo eval`. */

/** `HUB` of `trainer/adaptive_grpo/evaluation/benchmarks.py`. */
const onTheHub = ['math500', 'math_500', 'aime24', 'amc23', 'gsm8k'];
const files = ['.jsonl', '.json', '.parquet', '.csv'];

/** A sentence where nothing of the name can be tried; null where it may be. */
export function wrongName(name: string): string | null {
  if (onTheHub.includes(name)) return null;
  if (files.includes(extname(name)) && existsSync(name)) return null;
  return `There is no such file. Name one of ${onTheHub.join(', ')} or a JSONL file with \`prompt\` and \`answer\`.`;
}

/** The newest checkpoint of a run; null where there is none. */
export function lastCheckpoint(directory: string): string | null {
  const folder = join(directory, 'checkpoints');
  const steps = (existsSync(folder) ? readdirSync(folder) : []).flatMap((name) => {
    const step = /^checkpoint-(\d+)$/.exec(name)?.[1];
    return step === undefined ? [] : [Number(step)];
  });
  return steps.length === 0 ? null : join(folder, `checkpoint-${Math.max(...steps)}`);
}

/** How the run asked its own prompts. */
const asked = z.object({
  max_completion_length: z.number().int().positive().nullable().default(null),
  system_prompt: z.string().nullable().default(null),
  seed: z.number().int().nonnegative().nullable().default(null),
});

const output = z.object({
  benchmarks: z.record(
    z.string(),
    z.object({ problems: z.number().int(), 'pass@1': z.object({ mean: z.number() }) }),
  ),
});

interface Command {
  file: string;
  args: readonly string[];
  environment?: Readonly<Record<string, string>> | undefined;
}

/** How often a wish to end is looked for, and how much of what it says is kept to say why. */
const LOOK_MS = 200;
const KEPT = 4000;

/**
 * Tries a checkpoint greedily; null where that was stopped.
 *
 * @throws PlainError where it can't be tried
 */
export async function tryCheckpoint(
  { file, args, environment }: Command,
  { checkpoint, name, most, recipe }: Trial,
  stopped: () => boolean,
): Promise<Benchmark | null> {
  const { max_completion_length, system_prompt, seed } = asked.parse(recipe);
  const folder = mkdtempSync(join(tmpdir(), 'adaptive-grpo-eval-'));
  const written = join(folder, 'figures.json');
  try {
    const child = spawn(
      file,
      [
        ...args,
        checkpoint,
        ...['--benchmarks', extname(name) === '' ? name : resolve(name)],
        ...['--temperature', '0', '--limit', String(most), '--output', written],
        ...(max_completion_length === null ? [] : ['--max_tokens', String(max_completion_length)]),
        ...(system_prompt === null ? [] : [`--system_prompt=${system_prompt}`]),
        ...(seed === null ? [] : ['--seed', String(seed)]),
      ],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
        windowsHide: true,
        env: { ...process.env, ...environment },
      },
    );
    const watch = setInterval(() => {
      if (stopped()) child.kill();
    }, LOOK_MS);
    let words = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-KEPT);
    });
    const code = await new Promise<number | null>((done, fail) => {
      child.once('error', fail).once('close', done);
    }).finally(() => clearInterval(watch));
    if (stopped()) return null;
    if (code !== 0) throw failure(words, code);
    const [found] = Object.values(
      output.parse(JSON.parse(readFileSync(written, 'utf8'))).benchmarks,
    );
    if (found === undefined) throw failure('', code);
    const metrics = { 'eval/accuracy': found['pass@1'].mean };
    return { name, prompts: found.problems, metrics };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Trial {
  checkpoint: string;
  name: string;
  /** Prompts at most. */
  most: number;
  /** As the run's manifest has it. */
  recipe: Readonly<Record<string, unknown>>;
}

/** The trainer ends with a sentence and what to do next, each a line. */
function failure(words: string, code: number | null): PlainError {
  const [message, next] = words.trim().split('\n').slice(-2);
  if (message === undefined || next === undefined) {
    return new PlainError(`The trainer ended with ${code ?? 'a signal'}.`, 'Try it by hand.');
  }
  return new PlainError(message, next);
}
