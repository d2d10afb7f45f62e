import { messageOf } from '../common/errors.ts';
import { changeRecipe } from '../recipe/check.ts';
import type { Recipe } from '../recipe/keys.ts';
import { changeableKeys } from '../recipe/live.ts';
import type { EventBody } from '../run/model/events.ts';
import type { Command, CommandAnswer } from '../run/server.ts';

/** What the commands act on; the trainer. */
export interface Controlled {
  recipe: Recipe;
  /** Writes a checkpoint and returns its path. */
  checkpoint(): Promise<string>;
  /** Appends to `events.jsonl`. */
  say(event: EventBody): Promise<void>;
}

type Mode =
  | { kind: 'running' }
  | { kind: 'stepping'; left: number }
  | { kind: 'paused'; said: boolean }
  | { kind: 'stopping' }
  | { kind: 'ended' };

/** Where somebody else may use the model for a moment. */
export interface SafePoints {
  /** Runs `job` when nobody else uses the model; rejects with `RunEndedError` when it's too late. */
  atSafePoint<T>(job: () => Promise<T>): Promise<T>;
}

interface Job {
  run: () => Promise<void>;
  /** It changes nothing, so that it may come between any two optimizer steps. */
  reads: boolean;
}

type CommandEvent = Extract<EventBody, { type: 'command' }>;

/**
 * Everything that comes from outside while a run goes on, held back until the trainer reaches a
 * safe point between two optimizer steps. Every command is answered, the last ones with a refusal.
 */
export class Control implements SafePoints {
  #controlled: Controlled | null = null;
  #mode: Mode = { kind: 'running' };
  #jobs: Job[] = [];
  #wake: () => void = () => undefined;
  #stopWaits = false;

  /** Takes effect at the next safe point; at once while the run is paused. */
  async submit(command: Command): Promise<CommandAnswer> {
    if (command.command === 'stop') this.#stopWaits = true;
    try {
      return await this.#enqueue((controlled) => this.#answer(command, controlled));
    } catch (error) {
      return refused(messageOf(error));
    }
  }

  /** Runs `job`, which changes nothing, before the next optimizer step. */
  atSafePoint<T>(job: () => Promise<T>): Promise<T> {
    return this.#later(job, true);
  }

  /**
   * The trainer is between two optimizer steps of one round: commands wait for its end, but who
   * only asks the policy something has its answer now. Returns the milliseconds that took.
   */
  async breathe(): Promise<number> {
    const began = performance.now();
    const readers = this.#jobs.filter(({ reads }) => reads);
    this.#jobs = this.#jobs.filter(({ reads }) => !reads);
    for (const { run } of readers) await run();
    return performance.now() - began;
  }

  /** Like `stop`, for a signal: the step goes on to its end, then the run ends cleanly. */
  interrupt(): void {
    if (this.#mode.kind !== 'ended') this.#mode = { kind: 'stopping' };
    this.#wake();
  }

  /** Whether a stop was asked for, carried out or not; long work may look and give up. */
  get stopWanted(): boolean {
    return this.#stopWaits || this.#mode.kind === 'stopping' || this.#mode.kind === 'ended';
  }

  /**
   * The trainer is between two steps: does what has come in, waits while paused, and returns
   * whether to go on.
   */
  async safePoint(controlled: Controlled): Promise<'go on' | 'stop'> {
    this.#controlled = controlled;
    for (;;) {
      await this.#work();
      const mode = this.#mode;
      switch (mode.kind) {
        case 'running':
          return 'go on';
        case 'stopping':
        case 'ended':
          return 'stop';
        case 'stepping':
          if (mode.left > 0) {
            mode.left--;
            return 'go on';
          }
          this.#mode = { kind: 'paused', said: false };
          break;
        case 'paused':
          if (!mode.said) {
            mode.said = true;
            await controlled.say({ type: 'run_paused' });
          }
          // Saying so took a moment, in which a signal may have come.
          if (this.#mode === mode && this.#jobs.length === 0) await this.#nextArrival();
      }
    }
  }

  /** The run is over: what still waits is refused, and so is all that comes. */
  async close(): Promise<void> {
    this.#mode = { kind: 'ended' };
    await this.#work();
  }

  /** For what acts on the trainer, which is there from the first safe point on. */
  #enqueue<T>(job: (controlled: Controlled) => Promise<T>): Promise<T> {
    return this.#later(() => {
      if (this.#controlled === null) throw new RunEndedError();
      return job(this.#controlled);
    }, false);
  }

  #later<T>(job: () => Promise<T>, reads: boolean): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = async () => {
        if (this.#mode.kind === 'ended') throw new RunEndedError();
        return job();
      };
      this.#jobs.push({ run: () => run().then(resolve, reject), reads });
      if (this.#mode.kind === 'ended') void this.#work();
      this.#wake();
    });
  }

  async #work(): Promise<void> {
    for (let job = this.#jobs.shift(); job !== undefined; job = this.#jobs.shift()) {
      await job.run();
    }
  }

  #nextArrival(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }

  async #answer(command: Command, controlled: Controlled): Promise<CommandAnswer> {
    const event: CommandEvent = {
      type: 'command',
      id: command.id,
      command: command.command,
      ...(await this.#apply(command, controlled)),
    };
    await controlled.say(event);
    return { outcome: event.outcome, message: event.message };
  }

  async #apply(
    { command, args }: Command,
    controlled: Controlled,
  ): Promise<Pick<CommandEvent, 'outcome' | 'message' | 'changes'>> {
    switch (command) {
      case 'stop':
        this.#mode = { kind: 'stopping' };
        return applied('The run ends here.');
      case 'pause':
        if (this.#mode.kind === 'stopping') return refused('The run is about to end.');
        if (this.#mode.kind === 'paused') return refused('The run is paused already.');
        this.#mode = { kind: 'paused', said: false };
        return applied('The run is paused.');
      case 'resume':
        if (this.#mode.kind === 'stopping') return refused('The run is about to end.');
        if (this.#mode.kind === 'running') return refused('The run is not paused.');
        return this.#goOn({ kind: 'running' }, 'The run goes on.', controlled);
      case 'step': {
        if (this.#mode.kind === 'stopping') return refused('The run is about to end.');
        const count = args.count ?? 1;
        if (typeof count !== 'number' || !Number.isInteger(count) || count < 1) {
          return refused('`count` must be a whole number of at least 1.');
        }
        const steps = count === 1 ? 'one step' : `${count} steps`;
        const next: Mode = { kind: 'stepping', left: count };
        return this.#goOn(next, `The run makes ${steps}, then pauses.`, controlled);
      }
      case 'set':
        return setValues(args, controlled);
      case 'checkpoint':
        try {
          return applied(`The checkpoint is ${await controlled.checkpoint()}.`);
        } catch (error) {
          return refused(`The checkpoint could not be written: ${messageOf(error)}`);
        }
    }
  }

  async #goOn(next: Mode, message: string, controlled: Controlled) {
    const wasPaused = this.#mode.kind === 'paused' && this.#mode.said;
    this.#mode = next;
    if (wasPaused) await controlled.say({ type: 'run_resumed' });
    return applied(message);
  }
}

/** What is asked of a run that has ended. */
export class RunEndedError extends Error {
  constructor() {
    super('The run has ended.');
    this.name = 'RunEndedError';
  }
}

const changeableNames: readonly string[] = changeableKeys;

function setValues(
  args: Command['args'],
  controlled: Controlled,
): Pick<CommandEvent, 'outcome' | 'message' | 'changes'> {
  const names = Object.keys(args);
  if (names.length === 0) return refused('`set` needs the keys to change and their values.');
  const fixed = names.filter((name) => !changeableNames.includes(name));
  if (fixed.length > 0) {
    return refused(
      `${fixed.map((name) => `\`${name}\``).join(', ')} cannot be changed while a run goes on; what can: ${changeableKeys.join(', ')}.`,
    );
  }
  const { recipe, findings } = changeRecipe(controlled.recipe, args);
  if (recipe === null) return refused(findings.map((finding) => finding.message).join(' '));
  const old = new Map<string, unknown>(Object.entries(controlled.recipe));
  const changes: NonNullable<CommandEvent['changes']> = {};
  for (const [name, value] of Object.entries(args)) {
    const before = old.get(name);
    changes[name] = { old: isPlain(before) ? before : null, new: value };
  }
  controlled.recipe = recipe;
  const said = Object.entries(changes).map(
    ([name, change]) => `${name}: ${String(change.old)} → ${String(change.new)}`,
  );
  return { ...applied(`${said.join(', ')}.`), changes };
}

function isPlain(value: unknown): value is string | number | boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

function applied(message: string): CommandAnswer {
  return { outcome: 'applied', message };
}

function refused(message: string): CommandAnswer {
  return { outcome: 'refused', message };
}
