import { t } from '@vscode/l10n';
import { EventsReader } from './events-reader.ts';
import { eventsPath, withFile } from './files.ts';
import type { RunEvent, UnknownEvent } from './model/events.ts';

/** The metrics of one step, or of one evaluation (`step` 0 is the base model). */
export interface StepRecord {
  step: number;
  /** ISO 8601. */
  time: string;
  metrics: Readonly<Record<string, number>>;
}

/** Warnings, commands and the like kept in memory; the file has them all. */
const RECENT = 500;

const byStep = (records: ReadonlyMap<number, StepRecord>): readonly StepRecord[] =>
  [...records.values()].sort((a, b) => a.step - b.step);

/** What is new since the last look. */
export interface LogChange {
  steps: boolean;
  evaluations: boolean;
  events: boolean;
  problems: boolean;
}

/** What `events.jsonl` says so far. */
export class EventLog {
  readonly #path: string;
  readonly #reader = new EventsReader();
  readonly #steps = new Map<number, StepRecord>();
  readonly #evaluations = new Map<number, StepRecord>();
  readonly #unknown = new Set<string>();
  #problems: readonly string[] = [];

  steps: readonly StepRecord[] = [];
  evaluations: readonly StepRecord[] = [];
  /** The latest events that are neither steps nor evaluations, oldest first. */
  recent: readonly (RunEvent | UnknownEvent)[] = [];
  /** Byte ranges `[from, to)` of `rollouts.arrows` that a resumed run replaced. */
  superseded: readonly (readonly [number, number])[] = [];
  /** What the engine said when it failed; null when it has gone on since. */
  failure: { message: string; next: string } | null = null;

  /** Bytes after the last whole line: what a killed engine left, or a line being written. */
  tail = 0;

  constructor(directory: string) {
    this.#path = eventsPath(directory);
  }

  /** Plain sentences about what could not be read or understood. */
  get problems(): readonly string[] {
    if (this.#unknown.size === 0) return this.#problems;
    const types = [...this.#unknown].sort().join(', ');
    const sentence = t('Some events are of a type this version does not know: {0}.', types);
    return [...this.#problems, sentence];
  }

  /** Reads what is new; says what changed, or `shrunk` where the file is another one by now. */
  async refresh(): Promise<LogChange | 'shrunk'> {
    const read = await withFile(this.#path, async (source) => {
      const size = await source.size();
      if (size < this.#reader.offset) return 'shrunk';
      const batch = await this.#reader.read(source, size);
      this.tail = size - this.#reader.offset;
      return batch;
    });
    if (read === 'shrunk') return read;
    const { events, problems } = read ?? { events: [], problems: [] };
    const unknown = this.#unknown.size;
    for (const event of events) this.#apply(event);
    const has = (type: string): boolean => events.some((event) => event.type === type);
    const others = events.filter(({ type }) => type !== 'step' && type !== 'evaluation');
    // A run that goes on from a checkpoint takes back what came after it.
    const steps = has('step') || has('run_started');
    const evaluations = has('evaluation') || has('run_started');
    if (steps) this.steps = byStep(this.#steps);
    if (evaluations) this.evaluations = byStep(this.#evaluations);
    if (others.length > 0) this.recent = [...this.recent, ...others].slice(-RECENT);
    if (problems.length > 0) this.#problems = [...this.#problems, ...problems];
    return {
      steps,
      evaluations,
      events: others.length > 0,
      problems: problems.length > 0 || this.#unknown.size > unknown,
    };
  }

  #apply(event: RunEvent | UnknownEvent): void {
    switch (event.type) {
      // Of a step that was repeated after a crash, the later record counts.
      case 'step':
      case 'evaluation': {
        const { step, time, metrics } = event;
        (event.type === 'step' ? this.#steps : this.#evaluations).set(step, {
          step,
          time,
          metrics,
        });
        return;
      }
      case 'run_started':
        this.failure = null;
        if (event.superseded) this.superseded = [...this.superseded, event.superseded];
        this.#forgetAfter(event.resumed_from_step);
        return;
      case 'run_failed':
        this.failure = { message: event.message, next: event.next };
        return;
      case 'unknown':
        this.#unknown.add(event.original);
        return;
      default:
    }
  }

  /** A resumed run repeats what came after its checkpoint; until then those steps are no more. */
  #forgetAfter(step: number | null): void {
    if (step === null) return;
    for (const records of [this.#steps, this.#evaluations]) {
      for (const known of records.keys()) if (known > step) records.delete(known);
    }
  }
}
