import { dirname, resolve } from 'node:path';
import { t } from '@vscode/l10n';
import { PlainError, messageOf } from '../../common/errors.ts';
import { compareSides } from '../../compare/comparison.ts';
import { hasPrice } from '../../compare/curves.ts';
import { directoryOf, readComparison, runOf } from '../../compare/load.ts';
import { noPricing, type ComparedRun, type Comparison, type Pricing } from '../../compare/model.ts';
import type { StoreLease } from '../../launch/store-pool.ts';
import type { RunStore, StoreChange } from '../../run/store.ts';
import type { SideIndex } from './protocol.ts';
import type { Spec } from './spec.ts';

/** A run of a side, as far as there is anything of it. */
export interface SourceRun {
  readonly side: SideIndex;
  /** Absolute. */
  readonly directory: string;
  /** Null where its directory can't be read: there is only what a `comparison.json` kept. */
  readonly store: RunStore | null;
  /** Null where there is nothing at all. */
  readonly run: ComparedRun | null;
  /** Why the directory can't be read, and what to do. */
  readonly trouble: { message: string; next: string } | null;
}

/** How run directories are opened, and the price that the settings name. */
export interface SourceServices {
  acquire(directory: string): Promise<StoreLease>;
  pricing(): Pricing;
}

interface Held extends SourceRun {
  store: RunStore | null;
  run: ComparedRun | null;
  trouble: SourceRun['trouble'];
  /** What a `comparison.json` kept of it. */
  recorded: ComparedRun | null;
  lease: StoreLease | null;
  subscription: { dispose(): void } | null;
  stale: boolean;
}

/** What a comparison is made from besides its runs. */
type Frame = Pick<Comparison, 'name' | 'created_at' | 'commands' | 'pricing'> & {
  names: readonly [string, string];
  budget: number | null;
  targets: readonly number[] | null;
};

/**
 * The runs of a comparison, open as long as somebody looks: read from their directories, live or
 * recorded, and where those are gone from what a `comparison.json` kept of them.
 */
export class ComparisonSource {
  readonly #services: SourceServices;
  readonly #onChange: (prompts: boolean) => void;
  readonly #runs: Held[] = [];
  #frame: Frame = {
    name: '',
    created_at: '',
    commands: [],
    pricing: noPricing,
    names: ['', ''],
    budget: null,
    targets: null,
  };
  #comparison: Comparison | null = null;
  #reading: Promise<void> = Promise.resolve();
  #disposed = false;

  private constructor(services: SourceServices, onChange: (prompts: boolean) => void) {
    this.#services = services;
    this.#onChange = onChange;
  }

  /**
   * Opens what `spec` names. `onChange`: a run has grown; `prompts`: in its rollouts. Rejects with
   * a `PlainError` only where the `comparison.json` can't be read: a run that can't is said.
   */
  static async open(
    spec: Spec,
    services: SourceServices,
    onChange: (prompts: boolean) => void,
  ): Promise<ComparisonSource> {
    const source = new ComparisonSource(services, onChange);
    try {
      await (spec.kind === 'file' ? source.#openFile(spec) : source.#openRuns(spec));
      return source;
    } catch (error) {
      source.dispose();
      throw error;
    }
  }

  /** All runs, in the order they were named. */
  get runs(): readonly SourceRun[] {
    return this.#runs;
  }

  /** The run behind one of `comparison().sides[side].runs`. */
  runAt(side: SideIndex, index: number): SourceRun | null {
    const run = this.#comparison?.sides[side].runs[index];
    return this.#runs.find((each) => each.side === side && each.run === run) ?? null;
  }

  /** What the runs say by now. The same object as long as nothing changed. */
  async comparison(): Promise<Comparison> {
    // One after another: who asks while runs are read must not hear what was known before.
    const read = this.#reading.then(() => this.#read());
    this.#reading = read.catch(() => undefined);
    await read;
    return (this.#comparison ??= this.#compare());
  }

  async #read(): Promise<void> {
    for (const run of this.#runs.filter(({ stale }) => stale)) {
      run.stale = false;
      if (run.store !== null) run.run = await readRun(run.store, run.recorded);
      this.#comparison = null;
    }
  }

  /** Works everything out anew with other targets; null: whatever suits the runs. */
  setTargets(targets: readonly number[] | null): void {
    this.#frame = { ...this.#frame, targets };
    this.#comparison = null;
  }

  /** The price in the settings may be another one by now. */
  repriced(): void {
    this.#comparison = null;
  }

  /** One more run of a comparison that is being made. */
  async add(side: SideIndex, directory: string): Promise<void> {
    if (this.#runs.some((run) => run.side === side && run.directory === directory)) return;
    await this.#hold(side, directory, null);
    this.#comparison = null;
  }

  dispose(): void {
    this.#disposed = true;
    for (const { lease, subscription } of this.#runs) {
      subscription?.dispose();
      lease?.dispose();
    }
  }

  async #openRuns({ name, sides, targets }: Extract<Spec, { kind: 'runs' }>): Promise<void> {
    this.#frame = {
      ...this.#frame,
      name,
      targets,
      created_at: new Date().toISOString(),
      names: [sides[0].name, sides[1].name],
    };
    const all = sides.flatMap(({ directories }, side) =>
      directories.map((directory) => ({
        side: side === 0 ? (0 as const) : (1 as const),
        directory,
      })),
    );
    await Promise.all(all.map(({ side, directory }) => this.#hold(side, directory, null)));
  }

  async #openFile({ path, targets }: Extract<Spec, { kind: 'file' }>): Promise<void> {
    const recorded = await readComparison(path);
    const { name, created_at, commands, pricing, budget, sides } = recorded;
    this.#frame = {
      name,
      created_at,
      commands,
      pricing,
      budget,
      names: [sides[0].name, sides[1].name],
      targets: targets ?? recorded.targets,
    };
    const all = sides.flatMap(({ runs }, side) =>
      runs.map((run) => ({ side: side === 0 ? (0 as const) : (1 as const), run })),
    );
    await Promise.all(
      all.map(({ side, run }) => this.#hold(side, directoryOf(run, dirname(path)), run)),
    );
  }

  async #hold(side: SideIndex, directory: string, recorded: ComparedRun | null): Promise<void> {
    const held: Held = {
      side,
      directory: resolve(directory),
      store: null,
      run: recorded,
      trouble: null,
      recorded,
      lease: null,
      subscription: null,
      stale: false,
    };
    // In its place before it is open: runs keep the order they were named in.
    this.#runs.push(held);
    try {
      const lease = await this.#services.acquire(held.directory);
      const other = recorded !== null && lease.store.manifest.run_id !== recorded.run_id;
      if (this.#disposed || other) {
        lease.dispose();
        if (other) held.trouble = anotherRun(held.directory);
        return;
      }
      held.lease = lease;
      held.store = lease.store;
      held.stale = true;
      held.subscription = lease.store.onDidChange((change) => this.#changed(held, change));
    } catch (error) {
      const next = error instanceof PlainError ? error.next : '';
      held.trouble = { message: messageOf(error), next };
    }
  }

  #changed(run: Held, change: StoreChange): void {
    const { groups, manifest, status, steps, evaluations, problems } = change;
    if (manifest || status || steps || evaluations || problems) run.stale = true;
    const grown = groups === 'all' || groups.length > 0;
    if (run.stale || grown) this.#onChange(grown);
  }

  #compare(): Comparison {
    const { names, targets, pricing: recorded, budget, ...rest } = this.#frame;
    const [first, second] = names;
    const of = (side: SideIndex) =>
      this.#runs.flatMap((each) => (each.side === side ? (each.run ?? []) : []));
    const sides = [
      { name: first, runs: of(0) },
      { name: second, runs: of(1) },
    ] as const;
    const own = this.#services.pricing();
    return compareSides(sides, {
      ...rest,
      pricing: hasPrice(own) ? own : recorded,
      budget: budget ?? budgetOf(sides.flatMap(({ runs }) => runs)),
      ...(targets === null ? {} : { targets }),
    });
  }
}

/** Benchmarks are not in the run's own log: they are what the comparison's file says. */
async function readRun(store: RunStore, recorded: ComparedRun | null): Promise<ComparedRun> {
  // Relative to itself: absolute.
  const run = await runOf(store, store.directory);
  return recorded === null ? run : { ...run, benchmarks: recorded.benchmarks };
}

/** The tokens that every run was given; null where they weren't all given the same. */
function budgetOf(runs: readonly ComparedRun[]): number | null {
  const budgets = new Set(runs.map(({ recipe }) => recipe.max_generated_tokens));
  const [one] = budgets;
  return budgets.size === 1 && typeof one === 'number' && one > 0 ? one : null;
}

function anotherRun(directory: string): { message: string; next: string } {
  return {
    message: t('Another run lies in {0} by now.', directory),
    next: t('The curves are those that the comparison kept.'),
  };
}
