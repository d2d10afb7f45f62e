import { HostChannel, type Port } from '../channel.ts';
import type { ColourChoice } from '../colour.ts';
import { ExplorerModel } from './model.ts';
import {
  schemas,
  type ExplorerCommand,
  type Protocol,
  type RecipeChange,
  type RunHeader,
} from './protocol.ts';
import type { RevealTarget } from '../model/shapes.ts';
import { liveValue, type SingleValue } from './run-recipe.ts';
import type { RunSource } from '../model/source.ts';
import type { Vocabulary } from '../model/vocabulary.ts';

/** What the explorer can do to a run; the extension provides it. */
export interface RunActions {
  /** Whether the run takes commands from here: its engine lives and can be reached. */
  controllable(): boolean;
  /** Resolves to a sentence about what became of it. */
  command(command: ExplorerCommand): Promise<string>;
  /** Changes a key of the recipe at the next safe point; resolves to a sentence about it. */
  set(key: string, value: SingleValue): Promise<string>;
  /** Opens a copy of the recipe with changes, for the next run. */
  openRecipe(changes: readonly RecipeChange[]): Promise<void>;
  /** Opens a path as a document, at a token where one is given. */
  openDocument(segment_id: number, position: number | null): Promise<void>;
  /** Shows what the siblings of a path say at the same place. */
  siblings(place: { segment_id: number; position: number }): Promise<void>;
  /** Samples other continuations of a path before a token. */
  fork(place: { segment_id: number; position: number; alternative?: number }): Promise<void>;
  /** What tokens are coloured by; rollout documents share it. */
  readonly colour: Pick<ColourChoice, 'value' | 'set' | 'onDidChange'>;
  /** Starts a crashed or failed run again. */
  resume(): Promise<void>;
  showLog(): void | Promise<void>;
}

/** Updates closer together than this travel as one. */
const REST_MS = 200;

/** One open explorer: answers its webview and tells it what is new, while it can be seen. */
export class ExplorerSession {
  readonly #load: () => Promise<RunSource>;
  readonly #actions: RunActions;
  readonly #channel: HostChannel<Protocol>;
  readonly #vocabulary: Vocabulary | undefined;
  #opening: Promise<ExplorerModel> | null = null;
  readonly #colour: { dispose(): void };
  #subscription: { dispose(): void } | null = null;
  #visible = true;
  #opened = false;
  #disposed = false;
  #timer: NodeJS.Timeout | undefined;
  #reveal: RevealTarget | null = null;

  /** `load` is called when the webview opens the run, and again after it failed. */
  constructor(
    load: () => Promise<RunSource>,
    actions: RunActions,
    port: Port,
    problem: (message: string) => void,
    vocabulary?: Vocabulary,
  ) {
    this.#load = load;
    this.#actions = actions;
    this.#vocabulary = vocabulary;
    this.#colour = actions.colour.onDidChange(() => this.#tellColour());
    const model = () => this.#model();
    this.#channel = new HostChannel<Protocol>(
      port,
      schemas,
      {
        open: () => this.#open(),
        prompts: async ({ query, from, to }) => (await model()).prompts(query, from, to),
        locate: async ({ query, key }) => (await model()).locate(query, key),
        tree: async (key) => (await model()).tree(key),
        strips: async ({ segment_ids, mode, stride, ...key }) =>
          (await model()).strips(key, segment_ids, mode, stride),
        path: async ({ segment_id, ...key }) => (await model()).path(key, segment_id),
        token: async ({ segment_id, position, ...key }) =>
          (await model()).token(key, segment_id, position),
        command: async ({ command }) => ({ message: await actions.command(command) }),
        recipe: async () => (await model()).recipe(actions.controllable()),
        set: async (change) => ({ message: await actions.set(change.key, liveValue(change)) }),
        next_recipe: async ({ changes }) => {
          await actions.openRecipe(changes);
          return null;
        },
        open_document: async ({ segment_id, position }) => {
          await actions.openDocument(segment_id, position);
          return null;
        },
        siblings: (place) => {
          // A person may take their time to choose one.
          void actions.siblings(place);
          return null;
        },
        fork: ({ alternative, ...place }) => {
          // It asks, and may take long: what becomes of it shows in the tree.
          void actions.fork({ ...place, ...(alternative === undefined ? {} : { alternative }) });
          return null;
        },
        colour: ({ colour }) => {
          actions.colour.set(colour);
          return null;
        },
        resume_run: async () => {
          await actions.resume();
          return null;
        },
        show_log: async () => {
          await actions.showLog();
          return null;
        },
      },
      problem,
    );
  }

  /** A hidden view is told nothing; it asks anew when it is shown again. */
  set visible(visible: boolean) {
    this.#visible = visible;
    if (!visible) this.#opened = false;
  }

  /** Shows a place; waits for a view that is still opening. */
  reveal(target: RevealTarget): void {
    if (this.#opened) this.#channel.send('reveal', target);
    else this.#reveal = target;
  }

  /** Asks the webview to fork where its cursor is. */
  fork(): void {
    if (this.#opened) this.#channel.send('fork', {});
  }

  dispose(): void {
    this.#disposed = true;
    clearTimeout(this.#timer);
    this.#subscription?.dispose();
    this.#colour.dispose();
    this.#channel.dispose();
  }

  async #model(): Promise<ExplorerModel> {
    this.#opening ??= this.#start();
    try {
      return await this.#opening;
    } catch (error) {
      this.#opening = null;
      throw error;
    }
  }

  async #start(): Promise<ExplorerModel> {
    const source = await this.#load();
    const model = new ExplorerModel(source, this.#vocabulary);
    if (!this.#disposed) {
      this.#subscription = source.onDidChange(({ groups }) => {
        if (groups === 'all') model.forget();
        this.#changed();
      });
    }
    return model;
  }

  async #open(): Promise<RunHeader> {
    const model = await this.#model();
    this.#opened = true;
    const target = this.#reveal;
    this.#reveal = null;
    // After the answer, which the webview waits for.
    setTimeout(() => {
      this.#tellColour();
      if (target !== null) this.#channel.send('reveal', target);
    });
    return model.header(this.#actions.controllable());
  }

  #tellColour(): void {
    if (this.#opened) this.#channel.send('colour', { colour: this.#actions.colour.value });
  }

  #changed(): void {
    this.#timer ??= setTimeout(() => void this.#update(), REST_MS);
  }

  async #update(): Promise<void> {
    this.#timer = undefined;
    if (!this.#visible || !this.#opened) return;
    const model = await this.#model();
    this.#channel.send('update', model.header(this.#actions.controllable()));
  }
}
