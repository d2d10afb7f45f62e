import { t } from '@vscode/l10n';
import type { Comparison } from '../../compare/model.ts';
import { PlainError } from '../../common/errors.ts';
import { isLive } from '../../run/status.ts';
import { HostChannel, type Port } from '../channel.ts';
import type { ColourChoice } from '../colour.ts';
import type { CompareActions, MakingOf } from './actions.ts';
import { linesOf, pairsOf } from './lines.ts';
import { OpenPairs } from './pairs.ts';
import {
  schemas,
  type CompareState,
  type Protocol,
  type SideIndex,
  type Summary,
} from './protocol.ts';
import { SentCurves } from './sent.ts';
import { ComparisonSource, type SourceServices } from './source.ts';
import type { Spec } from './spec.ts';

/** The webview hears of what is new at most this often. */
const REST_MS = 400;

/** One open compare view: answers its webview, and tells it what is new while it can be seen. */
export class CompareSession {
  readonly #services: SourceServices;
  readonly #colour: ColourChoice;
  readonly #coloured: { dispose(): void };
  readonly #channel: HostChannel<Protocol>;
  readonly #problem: (message: string) => void;
  #spec: Spec;
  /** Set while the comparison is being made from here. */
  #making: MakingOf | null = null;
  #source: ComparisonSource | null = null;
  #opening: Promise<ComparisonSource> | null = null;
  readonly #pairs = new OpenPairs(() => this.#open());
  #sent = new SentCurves();
  #visible = true;
  #opened = false;
  #disposed = false;
  #timer: NodeJS.Timeout | null = null;
  #promptsGrew = false;

  constructor(
    spec: Spec,
    services: SourceServices,
    actions: CompareActions,
    colour: ColourChoice,
    port: Port,
    problem: (message: string) => void,
  ) {
    this.#spec = spec;
    this.#services = services;
    this.#problem = problem;
    this.#colour = colour;
    this.#coloured = colour.onDidChange((mode) => {
      if (this.#visible && this.#opened) this.#channel.send('coloured', { colour: mode });
    });
    this.#channel = new HostChannel<Protocol>(
      port,
      schemas,
      {
        open: async () => {
          this.#opened = true;
          await this.#show();
          return null;
        },
        set_targets: async ({ targets }) => this.#setTargets(targets),
        rows: async ({ query, from, to }) => {
          const prompts = await this.#pairs.prompts(query.pair);
          return prompts === null ? null : await prompts.window(query, from, to);
        },
        strips: async ({ pair, side, key, segment_ids, mode, stride }) =>
          (await this.#pairs.prompts(pair))?.strips(side, key, segment_ids, mode, stride) ?? [],
        open_rollout: async ({ pair, side, segment_id, position }) => {
          await actions.openRollout(await this.#pairs.directory(pair, side), segment_id, position);
          return null;
        },
        diff: async ({ pair, segment_ids: [left, right] }) => {
          await actions.diff(
            { directory: await this.#pairs.directory(pair, 0), segment_id: left },
            { directory: await this.#pairs.directory(pair, 1), segment_id: right },
          );
          return null;
        },
        explore: async ({ pair, side, key, segment_id }) => {
          await actions.explore(await this.#pairs.directory(pair, side), key, segment_id);
          return null;
        },
        choose_export: async () => actions.chooseExport(await this.#comparison()),
        save_pictures: async ({ pictures }) =>
          actions.savePictures(await this.#comparison(), pictures),
        set_colour: ({ colour: mode }) => {
          colour.set(mode);
          return null;
        },
        stop: async () => {
          await actions.stop(this.#stoppable());
          return null;
        },
        open_run: async ({ directory }) => {
          await actions.openRun(this.#own(directory));
          return null;
        },
        show_log: async ({ directory }) => {
          await actions.showLog(this.#own(directory));
          return null;
        },
        open_price: async () => {
          await actions.openPrice();
          return null;
        },
      },
      problem,
    );
  }

  get spec(): Spec {
    return this.#spec;
  }

  /** A hidden view is told nothing, and holds no run open; it asks anew when it is shown again. */
  set visible(visible: boolean) {
    this.#visible = visible;
    if (visible) return;
    this.#opened = false;
    this.#letGo();
  }

  /** The comparison is being made: its runs come one by one. */
  follow(making: MakingOf): void {
    this.#making = making;
    this.#schedule();
  }

  /** One more run; one that is there already is none. Never rejects. */
  async add(side: SideIndex, directory: string): Promise<void> {
    try {
      await this.#add(side, directory);
    } catch (error) {
      this.#problem(String(error));
    }
  }

  async #add(side: SideIndex, directory: string): Promise<void> {
    if (this.#spec.kind !== 'runs') return;
    const [first, second] = this.#spec.sides;
    const grown = side === 0 ? first : second;
    if (grown.directories.includes(directory)) return;
    const more = { ...grown, directories: [...grown.directories, directory] };
    this.#spec = { ...this.#spec, sides: side === 0 ? [more, second] : [first, more] };
    // A view that nobody looks at opens all of them when it is shown again.
    if (this.#opening === null) return;
    const source = await this.#opening;
    await source.add(side, directory);
    if (this.#source === source) await this.#tellWhole();
  }

  /** The price in the settings is another one. */
  repriced(): void {
    this.#source?.repriced();
    if (this.#source === null) return;
    this.#tellWhole().catch((error: unknown) => this.#problem(String(error)));
  }

  dispose(): void {
    this.#disposed = true;
    this.#letGo();
    this.#coloured.dispose();
    this.#channel.dispose();
  }

  #letGo(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#source?.dispose();
    this.#source = null;
    this.#opening = null;
    this.#pairs.forget();
    this.#sent = new SentCurves();
  }

  async #show(): Promise<void> {
    this.#send({ kind: 'loading', words: t('Reading the runs…') });
    const opening = this.#open();
    try {
      await opening;
    } catch (error) {
      this.#problem(String(error));
      const next = error instanceof PlainError ? error.next : '';
      const message = error instanceof Error ? error.message : String(error);
      this.#send({ kind: 'failed', message, next });
      return;
    }
    // Hidden or closed meanwhile: nobody would let it go again.
    if (this.#opening === opening) await this.#tellWhole();
  }

  /** Opened once, however many questions wait for it. */
  #open(): Promise<ComparisonSource> {
    const known = this.#opening;
    if (known !== null) return known;
    if (this.#disposed) return Promise.reject(new PlainError(t('This view was closed.'), ''));
    const opening = ComparisonSource.open(this.#spec, this.#services, (prompts) => {
      this.#promptsGrew ||= prompts;
      this.#schedule();
    });
    this.#opening = opening;
    opening.then(
      (source) => {
        if (this.#opening === opening) this.#source = source;
        else source.dispose();
      },
      () => {
        if (this.#opening === opening) this.#opening = null;
      },
    );
    return opening;
  }

  async #comparison(): Promise<Comparison> {
    return (await this.#open()).comparison();
  }

  async #tellWhole(): Promise<void> {
    const source = await this.#open();
    const comparison = await source.comparison();
    if (this.#source !== source) return;
    this.#pairs.forget();
    this.#sent.remember(comparison);
    const { sides } = comparison;
    this.#send({
      kind: 'ready',
      spec: this.#spec,
      colour: this.#colour.value,
      summary: this.#summary(source, comparison),
      sides,
    });
  }

  #schedule(): void {
    if (!this.#visible || !this.#opened) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#tellGrowth().catch((error: unknown) => this.#problem(String(error)));
    }, REST_MS);
  }

  async #tellGrowth(): Promise<void> {
    const source = this.#source;
    if (source === null) return;
    const grew = this.#promptsGrew;
    this.#promptsGrew = false;
    const comparison = await source.comparison();
    if (this.#source !== source) return;
    // A run that could not be read a moment ago is a curve more.
    if (!this.#sent.hasSameRuns(comparison)) return this.#tellWhole();
    this.#channel.send('grew', {
      summary: this.#summary(source, comparison),
      runs: this.#sent.growth(comparison),
    });
    this.#sent.remember(comparison);
    if (grew) this.#channel.send('changed', {});
  }

  #summary(source: ComparisonSource, comparison: Comparison): Summary {
    const { name, pricing, targets, table, notes, budget, same_tokens } = comparison;
    const lines = linesOf(source, this.#making);
    return {
      name,
      pricing,
      targets,
      table,
      notes,
      budget,
      same_tokens,
      lines,
      pairs: pairsOf(source, comparison).map(({ runs, label }) => ({ runs, label })),
      stoppable: lines.some(({ alive }) => alive),
    };
  }

  async #setTargets(targets: readonly number[]): Promise<null> {
    const wanted = targets.length === 0 ? null : [...targets];
    this.#spec = { ...this.#spec, targets: wanted };
    const source = await this.#open();
    source.setTargets(wanted);
    await this.#tellWhole();
    return null;
  }

  /** What a page names must be one of ours. */
  #own(directory: string): string {
    const run = this.#source?.runs.find((each) => each.directory === directory);
    if (run === undefined) throw new PlainError(t('This run is not here any more.'), '');
    return run.directory;
  }

  /** Runs that have ended name the comparison that is being made: one may just be starting. */
  #stoppable(): string[] {
    return (this.#source?.runs ?? []).flatMap(({ store, directory }) =>
      this.#making !== null || (store !== null && isLive(store.status)) ? [directory] : [],
    );
  }

  #send(state: CompareState): void {
    if (!this.#disposed) this.#channel.send('state', state);
  }
}
