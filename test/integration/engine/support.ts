import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { EVENTS } from '../../../src/run/files.ts';
import { parseEvent, type RunEvent } from '../../../src/run/model/events.ts';
import { failedLine, readyLine, type ReadyLine } from '../../../src/run/model/stream.ts';

/** The real engine with the real base model, as a process of its own. */

/** A program that trains, before its recipe. */
export interface Program {
  file: string;
  args: readonly string[];
  environment?: Readonly<Record<string, string>>;
}

export const root = fileURLToPath(new URL('../../../', import.meta.url));
const main = join(root, 'src', 'engine', 'main.ts');
export const builtInProgram: Program = { file: process.execPath, args: [main] };

/** A small run of the shipped model that branches a lot and takes about a second a step. */
export const smallRecipe = `# a comment with ✓
model_name_or_path: base
dataset_name: arithmetic
num_generations: 4
num_roots: 2
per_device_train_batch_size: 8
max_completion_length: 48
learning_rate: 1e-3
lr_scheduler_type: constant
scale_rewards: none
max_steps: 4
eval_num_prompts: 0
threads: 1
seed: 3
`;

const made: string[] = [];
after(async () => {
  for (const folder of made) await rm(folder, { recursive: true, force: true, maxRetries: 3 });
});

/** A folder (with a blank and a ✓ in its name) that goes away after the tests. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'adaptive engine ✓ '));
  made.push(folder);
  return folder;
}

export async function recipeFile(folder: string, content = smallRecipe): Promise<string> {
  const path = join(folder, 'small.yaml');
  await writeFile(path, content);
  return path;
}

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export class Engine {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  #stdout = '';
  #stderr = '';

  constructor(args: readonly string[], options: SpawnOptions = {}, program = builtInProgram) {
    const environment = { ...process.env, ...program.environment };
    const piped = { stdio: 'pipe', env: environment, ...options } as const;
    this.child = spawn(program.file, [...program.args, ...args], piped);
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    this.ended = new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('close', (code, signal) =>
        resolve({ code, signal, stdout: this.#stdout, stderr: this.#stderr }),
      );
    });
  }

  get stdout(): string {
    return this.#stdout;
  }

  /** The ready line of an engine that serves. */
  async ready(): Promise<ReadyLine> {
    while (!this.#stdout.includes('\n')) {
      if (this.child.exitCode !== null) throw new Error(`it ended: ${this.#stderr}`);
      await sleep(20);
    }
    return readyLine.parse(JSON.parse(this.#stdout));
  }

  /** Whatever has become of it, it is gone afterwards. */
  async kill(): Promise<Ended> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
    return this.ended;
  }
}

/** Runs an engine to its end. */
export function runEngine(args: readonly string[], options: SpawnOptions = {}): Promise<Ended> {
  return new Engine(args, options).ended;
}

/** What an engine that could not start said on stdout. */
export function failedLineOf(ended: Ended): { message: string; next: string } {
  return failedLine.parse(JSON.parse(ended.stdout));
}

/** The whole lines of a run's event log. */
export async function eventsOf(directory: string): Promise<RunEvent[]> {
  const text = await readFile(join(directory, EVENTS), 'utf8').catch(() => '');
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  return lines
    .filter((line) => line !== '')
    .map(parseEvent)
    .filter((event) => event.type !== 'unknown');
}

/** Waits for an event; fails when the engine ends before. */
export async function untilEvent(
  engine: Engine,
  directory: string,
  wanted: (event: RunEvent) => boolean,
): Promise<RunEvent> {
  for (;;) {
    const gone = engine.child.exitCode !== null || engine.child.signalCode !== null;
    const found = (await eventsOf(directory)).find(wanted);
    if (found !== undefined) return found;
    if (gone) throw new Error(`the engine ended: ${(await engine.ended).stderr}`);
    await sleep(10);
  }
}
