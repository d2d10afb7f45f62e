import type { ReadyLine } from '../run/model/stream.ts';

/** Where and how an engine is started. One contract test runs over every implementation. */
export interface LaunchTarget {
  /** For people: "this computer", a host name, a partition. */
  readonly name: string;
  /**
   * Starts an engine. Rejects only when nothing was started; from then on `ready` and `stopped`
   * tell the rest.
   */
  launch(options: LaunchOptions): Promise<LaunchedRun>;
}

export interface LaunchOptions {
  /** Absolute path of the recipe file. */
  recipe: string;
  /** Absolute path of the run directory: a new one, or with `resume` that of an ended run. */
  runDirectory: string;
  /** Go on from the run's newest checkpoint. */
  resume?: boolean;
  /** Recipe keys set on the command line, above the file. */
  overrides?: Readonly<Record<string, string | number | boolean>>;
  /** Added to the environment of the extension host. */
  environment?: Readonly<Record<string, string>>;
  /** How long the engine may take until it is ready, in milliseconds. */
  timeoutMs?: number;
  /** Cancels the start-up: the process is killed and `ready` rejects. Ignored once ready. */
  signal?: AbortSignal;
}

/** How a process ended: a signal is not exit code 0. */
export interface ProcessEnd {
  code: number | null;
  signal: string | null;
}

export interface LaunchedRun {
  /**
   * Settles always: with the engine's address, or with a `PlainError` when the engine said why it
   * can't run, ended, took too long or was cancelled. After a rejection the process is gone.
   */
  readonly ready: Promise<ReadyLine>;
  /** Resolves when the process has ended; never rejects. */
  readonly stopped: Promise<ProcessEnd>;
  /** Ends the process by force and resolves when it is gone. The stream's `stop` is the gentle way. */
  stop(): Promise<ProcessEnd>;
}
