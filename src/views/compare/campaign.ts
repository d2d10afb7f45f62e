import { PlainError, messageOf } from '../../common/errors.ts';
import { Listeners, type Disposable } from '../../run/listeners.ts';

/** Where one run of a comparison stands that is being made. */
export type JobState =
  | { kind: 'waiting' | 'starting' | 'cancelled' }
  | { kind: 'running' | 'ended'; directory: string }
  | { kind: 'failed'; message: string; next: string };

/** How runs are started, awaited and stopped; the extension provides it. */
export interface Launcher<Job> {
  /** Resolves with the run's directory once its engine is ready. */
  start(job: Job, signal: AbortSignal): Promise<string>;
  /** Resolves when the run has ended, however it did. Never rejects. */
  ended(directory: string): Promise<void>;
  /** Asks a run to stop between two steps. */
  stop(directory: string): Promise<void>;
}

/**
 * The runs of a comparison, started in the order of `jobs`, so many at once. The runs themselves
 * belong to their directories and outlive the window; what has not begun is forgotten with it.
 */
export class Campaign<Job> {
  /** Settles when nothing waits or runs any more. Never rejects: `states` says what went wrong. */
  readonly done: Promise<void>;
  readonly jobs: readonly Job[];
  readonly #launcher: Launcher<Job>;
  readonly #changed = new Listeners<null>();
  readonly #cancel = new AbortController();
  readonly #states: JobState[];

  constructor(jobs: readonly Job[], atOnce: number, launcher: Launcher<Job>) {
    this.jobs = jobs;
    this.#launcher = launcher;
    this.#states = jobs.map(() => ({ kind: 'waiting' }));
    const hands = Array.from({ length: Math.max(1, atOnce) }, () => this.#work());
    this.done = Promise.all(hands).then(() => undefined);
  }

  /** One for each job. */
  get states(): readonly JobState[] {
    return this.#states;
  }

  readonly onDidChange = (listener: () => void): Disposable => this.#changed.add(listener);

  /** Runs that have begun, by their jobs. */
  get started(): { job: Job; directory: string }[] {
    return this.jobs.flatMap((job, i) => {
      const state = this.#states[i];
      return state !== undefined && 'directory' in state
        ? [{ job, directory: state.directory }]
        : [];
    });
  }

  /** Starts nothing more, and stops what runs. Rejects with the first run that could not be told. */
  async stop(): Promise<void> {
    this.#cancelWaiting();
    this.#cancel.abort();
    const running = this.#states.flatMap((state) =>
      state.kind === 'running' ? [state.directory] : [],
    );
    const answers = await Promise.allSettled(running.map((each) => this.#launcher.stop(each)));
    const refused = answers.find((answer) => answer.status === 'rejected');
    if (refused !== undefined) throw refused.reason;
  }

  async #work(): Promise<void> {
    for (;;) {
      const next = this.#states.findIndex(({ kind }) => kind === 'waiting');
      const job = this.jobs[next];
      if (job === undefined) return;
      await this.#run(job, (state) => {
        this.#states[next] = state;
        this.#changed.tell(null);
      });
    }
  }

  async #run(job: Job, become: (state: JobState) => void): Promise<void> {
    become({ kind: 'starting' });
    try {
      const directory = await this.#launcher.start(job, this.#cancel.signal);
      become({ kind: 'running', directory });
      // Asked to stop while it was starting, too late to be taken back.
      if (this.#cancel.signal.aborted) await this.#launcher.stop(directory).catch(() => undefined);
      await this.#launcher.ended(directory);
      become({ kind: 'ended', directory });
    } catch (error) {
      if (this.#cancel.signal.aborted) become({ kind: 'cancelled' });
      else {
        const next = error instanceof PlainError ? error.next : '';
        become({ kind: 'failed', message: messageOf(error), next });
        // The others start from the same recipe: they would fail alike.
        this.#cancelWaiting();
      }
    }
  }

  #cancelWaiting(): void {
    this.#states.forEach((state, i) => {
      if (state.kind === 'waiting') this.#states[i] = { kind: 'cancelled' };
    });
    this.#changed.tell(null);
  }
}

/** Runs at once: both sides together, so that one sees them side by side; on large machines, two pairs. */
export function runsAtOnce(cores: number): number {
  if (cores < 2) return 1;
  return cores < 16 ? 2 : 4;
}
