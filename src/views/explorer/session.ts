import { HostChannel, type Port } from '../channel.ts';
import { ExplorerModel } from './model.ts';
import {
  schemas,
  type ExplorerCommand,
  type Protocol,
  type RevealTarget,
  type RunHeader,
} from './protocol.ts';
import type { RunSource } from './source.ts';
import type { Vocabulary } from './vocabulary.ts';

/** What the explorer can do to a run; the extension provides it. */
export interface RunActions {
  /** Whether the run takes commands from here: its engine lives and can be reached. */
  controllable(): boolean;
  /** Resolves to a sentence about what became of it. */
  command(command: ExplorerCommand): Promise<string>;
  /** Starts a crashed or failed run again. */
  resume(): Promise<void>;
  showLog(): void | Promise<void>;
}

/** Updates closer together than this travel as one. */
const REST_MS = 200;

/** One open explorer: answers its webview and tells it what is new, while it can be seen. */
export class ExplorerSession {
  readonly model: ExplorerModel;
  readonly #actions: RunActions;
  readonly #channel: HostChannel<Protocol>;
  readonly #subscription: { dispose(): void };
  #visible = true;
  #opened = false;
  #timer: NodeJS.Timeout | undefined;
  #reveal: RevealTarget | null = null;

  constructor(
    source: RunSource,
    actions: RunActions,
    port: Port,
    problem: (message: string) => void,
    vocabulary?: Vocabulary,
  ) {
    this.model = new ExplorerModel(source, vocabulary);
    this.#actions = actions;
    const { model } = this;
    this.#channel = new HostChannel<Protocol>(
      port,
      schemas,
      {
        open: () => this.#open(),
        prompts: ({ query, from, to }) => model.prompts(query, from, to),
        locate: ({ query, key }) => model.locate(query, key),
        tree: (key) => model.tree(key),
        strips: ({ segment_ids, mode, stride, ...key }) =>
          model.strips(key, segment_ids, mode, stride),
        path: ({ segment_id, ...key }) => model.path(key, segment_id),
        token: ({ segment_id, position, ...key }) => model.token(key, segment_id, position),
        command: async ({ command }) => ({ message: await actions.command(command) }),
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
    this.#subscription = source.onDidChange(() => this.#changed());
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

  dispose(): void {
    clearTimeout(this.#timer);
    this.#subscription.dispose();
    this.#channel.dispose();
  }

  #header(): RunHeader {
    return this.model.header(this.#actions.controllable());
  }

  #open(): RunHeader {
    this.#opened = true;
    const target = this.#reveal;
    this.#reveal = null;
    if (target !== null) queueMicrotask(() => this.#channel.send('reveal', target));
    return this.#header();
  }

  #changed(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.#visible && this.#opened) this.#channel.send('update', this.#header());
    }, REST_MS);
  }
}
