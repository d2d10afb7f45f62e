import type { StoreLease } from '../../launch/store-pool.ts';
import { isAlive } from '../../launch/runs.ts';
import { strategyParametersOf } from '../../recipe/strategy.ts';
import type { RunStore } from '../../run/store.ts';
import type { SegmentSummary } from '../../run/model/segment.ts';
import type { RecordedSegment, StrategyParameters } from '../../strategy/index.ts';
import type { Services } from '../services.ts';

/** The newest prompts of a run, with what the policy thought at every token. */
export interface RecordedPrompts {
  directory: string;
  /** The run's name. */
  name: string;
  /** The strategy it was recorded with. */
  own: StrategyParameters;
  prompts: readonly (readonly RecordedSegment[])[];
  /** Prompts that the run has recorded so far, all steps together. */
  recorded: number;
  firstStep: number;
  lastStep: number;
}

/** Prompts that are looked at: enough for shares to be steady, few enough to read at once. */
const PROMPTS = 48;
/** A live run is read again when its record is older than this. */
const STALE_MS = 10_000;

/** What the last run thought, read once and kept until there is more of it. */
export class RecordedRun {
  readonly #services: Services;
  #known: RecordedPrompts | null = null;
  #readAt = 0;
  #reading: { directory: string; prompts: Promise<RecordedPrompts | null> } | null = null;

  constructor(services: Services) {
    this.#services = services;
  }

  /** The run that views show; null where there is none, or nothing was recorded in it yet. */
  latest(): Promise<RecordedPrompts | null> {
    const { active } = this.#services.runs;
    if (active === null) return Promise.resolve(null);
    const { directory } = active;
    // A run that has ended is asked every time, which costs nothing while nothing is new in it.
    const recent = isAlive(active) && Date.now() - this.#readAt < STALE_MS;
    if (recent && this.#known?.directory === directory) return Promise.resolve(this.#known);
    if (this.#reading?.directory === directory) return this.#reading.prompts;
    const prompts = this.#read(directory).finally(() => {
      if (this.#reading?.prompts === prompts) this.#reading = null;
    });
    this.#reading = { directory, prompts };
    return prompts;
  }

  async #read(directory: string): Promise<RecordedPrompts | null> {
    let lease: StoreLease | null = null;
    try {
      lease = await this.#services.stores.acquire(directory);
      const known = this.#known;
      const { store } = lease;
      const groups = store.groups();
      const unchanged = known?.directory === directory && known.recorded === groups.length;
      const prompts = unchanged ? known : await readPrompts(directory, store);
      // Another run may have been chosen meanwhile; its prompts are not to be overwritten.
      if (this.#services.runs.active?.directory === directory) {
        this.#known = prompts;
        this.#readAt = Date.now();
      }
      return prompts;
    } catch (error) {
      // A run that can't be read says so in its own views; a recipe can be edited without it.
      this.#services.log.warn(`What would it do: ${String(error)}`);
      return null;
    } finally {
      lease?.dispose();
    }
  }
}

async function readPrompts(directory: string, store: RunStore): Promise<RecordedPrompts | null> {
  const groups = store.groups();
  const newest = groups.slice(-PROMPTS);
  const first = newest[0];
  const last = newest.at(-1);
  if (first === undefined || last === undefined) return null;
  const prompts: RecordedSegment[][] = [];
  for (const { step, prompt_id } of newest) {
    const tree = store.tree(step, prompt_id).filter(({ kind }) => kind !== 'probe');
    prompts.push(await Promise.all(tree.map((segment) => withTokens(store, segment))));
  }
  return {
    directory,
    name: store.manifest.name,
    own: strategyParametersOf(store.manifest.recipe),
    prompts,
    recorded: groups.length,
    firstStep: first.step,
    lastStep: last.step,
  };
}

async function withTokens(store: RunStore, summary: SegmentSummary): Promise<RecordedSegment> {
  const { segment_id: segment, parent_id: parent, ...rest } = summary;
  const [max_prob, entropy] = await Promise.all([
    store.strip(segment, 'max_prob'),
    store.strip(segment, 'entropy'),
  ]);
  return { ...rest, segment, parent, max_prob, entropy };
}
