import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Disposable } from '../run/listeners.ts';
import { CancelledError, EngineProcess } from './engine-process.ts';

/** Where a policy can be asked. */
export interface PolicyEndpoint {
  url: string;
  token: string;
}

/** Somebody's use of a served policy; it is kept up until nobody has used it for a while. */
export interface PolicyLease extends Disposable {
  readonly endpoint: PolicyEndpoint;
}

interface Served {
  process: EngineProcess;
  leases: number;
  ending: NodeJS.Timeout | null;
}

export interface PolicyOptions {
  /** What Node is given before the engine's path. */
  nodeArguments?: readonly string[];
  /** A policy that nobody asks anything ends after this long. */
  idleMs?: number;
  startMs?: number;
  /** What the processes say in words. */
  log?: (line: string) => void;
}

/**
 * The policies of runs of the built-in engine that have ended: a process for each, started from
 * the newest checkpoint when it is asked for, and ended when idle, or with us.
 */
export class Policies implements Disposable {
  readonly #engine: string;
  readonly #options: Required<PolicyOptions>;
  readonly #served = new Map<string, Served>();

  /** `engine`: absolute path of the bundle, `dist/engine.js`. */
  constructor(engine: string, options: PolicyOptions = {}) {
    this.#engine = engine;
    this.#options = {
      nodeArguments: [],
      idleMs: 60_000,
      startMs: 60_000,
      log: () => undefined,
      ...options,
    };
  }

  /** How many processes there are. */
  get running(): number {
    return this.#served.size;
  }

  /** Rejects with a `PlainError` where the policy can't be served, or it was cancelled. */
  async acquire(runDirectory: string, signal: AbortSignal): Promise<PolicyLease> {
    const directory = resolve(runDirectory);
    // A run that went on and ended again has another policy.
    const key = `${(await newestCheckpoint(directory)) ?? ''} of ${directory}`;
    if (signal.aborted) throw new CancelledError();
    const served = this.#served.get(key) ?? this.#start(key, directory);
    served.leases += 1;
    if (served.ending !== null) clearTimeout(served.ending);
    served.ending = null;
    let released = false;
    const dispose = () => {
      if (released) return;
      released = true;
      served.leases -= 1;
      // One that has ended, or never began, needs no end.
      if (served.leases > 0 || this.#served.get(key) !== served) return;
      served.ending = setTimeout(() => void this.#end(key, served), this.#options.idleMs);
    };
    const onAbort = new AbortController();
    const cancelled = new Promise<never>((_, reject) => {
      const cancel = () => reject(new CancelledError());
      signal.addEventListener('abort', cancel, { once: true, signal: onAbort.signal });
    });
    try {
      const { url, token } = await Promise.race([served.process.ready, cancelled]);
      return { endpoint: { url, token }, dispose };
    } catch (error) {
      dispose();
      throw error;
    } finally {
      onAbort.abort();
    }
  }

  /** Ends all processes, whoever still uses them. */
  dispose(): void {
    for (const [key, served] of [...this.#served]) void this.#end(key, served);
  }

  #start(key: string, directory: string): Served {
    const { nodeArguments, startMs, log } = this.#options;
    const child = spawn(
      process.execPath,
      [...nodeArguments, this.#engine, '--policy', directory],
      // It ends when its stdin does, so that it outlives nobody, however we end.
      { stdio: 'pipe', windowsHide: true, env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' } },
    );
    child.stdin.on('error', () => undefined);
    child.stderr.setEncoding('utf8').on('data', (text: string) => log(text.trimEnd()));
    const served: Served = { process: new EngineProcess(child, startMs), leases: 0, ending: null };
    this.#served.set(key, served);
    void served.process.stopped.then(() => this.#forget(key, served));
    return served;
  }

  async #end(key: string, served: Served): Promise<void> {
    this.#forget(key, served);
    await served.process.stop();
  }

  #forget(key: string, served: Served): void {
    if (served.ending !== null) clearTimeout(served.ending);
    if (this.#served.get(key) === served) this.#served.delete(key);
  }
}

/** Name of the newest checkpoint of a run of the built-in engine, `step-N`; null without any. */
export async function newestCheckpoint(runDirectory: string): Promise<string | null> {
  const names = await readdir(join(runDirectory, 'checkpoints')).catch(() => []);
  const steps = names.flatMap((name) => /^step-(\d+)$/.exec(name)?.[1] ?? []).map(Number);
  return steps.length === 0 ? null : `step-${Math.max(...steps)}`;
}
