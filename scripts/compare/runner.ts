import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { PlainError, messageOf } from '../../src/common/errors.ts';
import { overridesOf, type Overrides, type Pair } from '../../src/compare/pair.ts';
import { settingsOf, type Setting } from '../../src/recipe/check.ts';
import { parseRecipe } from '../../src/recipe/parse.ts';
import { readManifest } from '../../src/run/manifest-file.ts';
import { EngineRun } from './engine-run.ts';
import { generatedTokens, look, type Place } from './places.ts';
import type { Limits, ProgressLine } from './progress.ts';
import type { Trainer } from '../trainers.ts';

export interface RunnerOptions {
  trainer: Trainer;
  /** Absolute. */
  recipe: string;
  source: string;
  settings: readonly Setting[];
  /** The same settings as they were written. */
  flags: readonly string[];
  pair: Pair;
  jobs: number;
  progress: ProgressLine;
  /** Called when a run has ended, however that was. */
  onEnded: () => Promise<void>;
}

/** What became of a run. `message`: a plain sentence. */
export type Result =
  | { place: Place; kind: 'finished' | 'stopped' }
  | { place: Place; kind: 'failed'; message: string };

/** How long a run goes on; TRL's `max_steps` may be -1 or left out. */
const limits = z.object({
  max_steps: z.number().nullable().default(null),
  max_generated_tokens: z.number().nullable().default(null),
});

/** More threads than this do a model of this size no good; see the engine's `threads`. */
const MAX_THREADS = 8;
/** How often the engines' progress is looked at. */
const LOOK_MS = 500;

/** Trains what is missing of a comparison, `jobs` engines at a time. */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #engines = new Set<EngineRun>();
  readonly #done = new Map<Place, Promise<Result>>();
  #stopping = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /** The results in the order of `places`. One failing run doesn't stop the others. Never rejects. */
  async run(places: readonly Place[]): Promise<Result[]> {
    const settle = new Map<Place, (result: Result) => void>();
    for (const place of places) {
      this.#done.set(place, new Promise((resolve) => settle.set(place, resolve)));
    }
    const waiting = this.#order(places);
    const work = async (): Promise<void> => {
      for (let place = waiting.shift(); place !== undefined; place = waiting.shift()) {
        const result = await this.#one(place, places);
        settle.get(place)?.(result);
        this.#say(result);
        await this.#options.onEnded();
      }
    };
    await Promise.all(Array.from({ length: this.#options.jobs }, () => work()));
    return Promise.all(this.#done.values());
  }

  /** Seed by seed; several at once begin with the baselines that tell the others' budgets. */
  #order(places: readonly Place[]): Place[] {
    const { pair, jobs } = this.#options;
    if (jobs === 1 || pair.budget !== null) return [...places];
    return places.toSorted((a, b) => Number(a.side === 'adaptive') - Number(b.side === 'adaptive'));
  }

  /** Asks all engines to end after their step; what hasn't begun doesn't begin any more. */
  stop(force: boolean): void {
    this.#stopping = true;
    for (const engine of this.#engines) void engine.stop(force);
  }

  async #one(place: Place, places: readonly Place[]): Promise<Result> {
    if (this.#stopping) return stoppedAt(place);
    try {
      const overrides = await this.#overrides(place, places);
      if (overrides === null) {
        const message = `Not begun: its budget is what the baseline of seed ${place.seed} generates, and that one did not finish.`;
        return this.#isStopping() ? stoppedAt(place) : { place, kind: 'failed', message };
      }
      return await this.#train(place, overrides);
    } catch (error) {
      const next = error instanceof PlainError ? ` ${error.next}` : '';
      return { place, kind: 'failed', message: `${messageOf(error)}${next}` };
    }
  }

  /** Null where the budget is the baseline's, and it has none to tell. */
  async #overrides({ side, seed }: Place, places: readonly Place[]): Promise<Overrides | null> {
    const { pair } = this.#options;
    if (side === 'baseline' || pair.budget !== null) return overridesOf(pair, side, seed, null);
    const baseline = places.find((each) => each.side === 'baseline' && each.seed === seed);
    const result = baseline === undefined ? null : await this.#done.get(baseline);
    if (baseline === undefined || result?.kind !== 'finished') return null;
    const tokens = await generatedTokens(baseline.directory);
    return tokens === null ? null : overridesOf(pair, side, seed, tokens);
  }

  async #train(place: Place, overrides: Overrides): Promise<Result> {
    const { source, settings, progress, recipe: path, flags, trainer } = this.#options;
    const { recipe } = parseRecipe(source, [...settings, ...settingsOf(overrides)]);
    // Only the built-in engine's recipes can be resolved here.
    const written = Object.fromEntries(settings.map(({ key, value }) => [key, value]));
    const wanted = recipe ?? { ...written, ...overrides };
    const found = await look(place, wanted);
    if (found.kind === 'finished') return { place, kind: 'finished' };
    if (found.kind === 'busy') {
      const message = `Process ${found.pid} trains it right now. Wait for it to end, then say the same again.`;
      return { place, kind: 'failed', message };
    }
    if (new TextDecoder().decode(await readFile(path)) !== source) {
      const message = `${path} was changed while the comparison ran, so this run would be by another recipe. Restore it and say the same again, or choose another --output-dir.`;
      return { place, kind: 'failed', message };
    }
    if (this.#isStopping()) return stoppedAt(place);
    const engine = new EngineRun(place.directory, trainer, [
      path,
      ...flags,
      ...Object.entries(overrides).flatMap(([key, value]) => [`--${key}`, String(value)]),
      ...this.#threads(),
      ...['--output_dir', place.directory],
      ...(found.kind === 'resumable' ? ['--resume_from_checkpoint', 'true'] : []),
    ]);
    this.#engines.add(engine);
    const watching = new AbortController();
    const watched = this.#watch(engine, place, limits.parse(wanted), watching.signal);
    progress.begin(place, found.kind === 'resumable');
    const ending = await engine.stopped;
    watching.abort();
    await watched;
    this.#engines.delete(engine);
    progress.end(place);
    if (ending.kind === 'failed') return { place, ...ending };
    // The engine's own word counts: it may have been stopped by somebody else.
    const { state } = await readManifest(place.directory);
    return state === 'finished' ? { place, kind: 'finished' } : stoppedAt(place);
  }

  async #watch(
    engine: EngineRun,
    place: Place,
    wanted: Limits,
    signal: AbortSignal,
  ): Promise<void> {
    while (!signal.aborted) {
      const newest = await engine.progress();
      if (newest !== null) this.#options.progress.step(place, newest, wanted);
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Engines that run at once share the processors. */
  #threads(): string[] {
    const { jobs, pair } = this.#options;
    if (pair.engine !== 'built-in' || pair.recipe.threads > 0 || jobs === 1) return [];
    const share = Math.floor(Math.min(availableParallelism(), MAX_THREADS) / jobs);
    return ['--threads', String(Math.max(1, share))];
  }

  #isStopping(): boolean {
    return this.#stopping;
  }

  #say(result: Result): void {
    const { progress } = this.#options;
    const { side, seed } = result.place;
    if (result.kind === 'failed') progress.line(`${side} seed ${seed}: ${result.message}`);
    else progress.done(result.place, result.kind);
  }
}

const stoppedAt = (place: Place): Result => ({ place, kind: 'stopped' });
