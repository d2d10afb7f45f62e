import { t } from '@vscode/l10n';
import { telling } from '../../src/views/model/tree.ts';
import {
  events,
  results,
  type PromptQuery,
  type Protocol,
  type RunHeader,
  type TreeView,
} from '../../src/views/explorer/protocol.ts';
import {
  sameKey,
  type ColourMode,
  type PathView,
  type PromptKey,
  type RevealTarget,
} from '../../src/views/model/shapes.ts';
import { Channel, RequestError } from '../shared/channel.ts';
import type { VsCodeApi } from '../shared/vscode.ts';
import { Changes, type Change } from './changes.ts';
import { Requests, inWords, messageOf } from './requests.ts';
import { readState, type PaneName, type ViewState } from './state.ts';

/** Something that is asked for: not yet, on its way, here, or refused. */
export type Loaded<T> =
  | { kind: 'none' }
  | { kind: 'loading' }
  | { kind: 'ready'; value: T }
  | { kind: 'failed'; message: string; next: string };

/** A command takes effect at the run's next safe point, which the host waits for; people take their time. */
const LONG_MS = 15 * 60_000;
const patience = {
  command: LONG_MS,
  set: LONG_MS,
  next_recipe: LONG_MS,
  resume_run: 90 * 60_000,
  show_log: LONG_MS,
};

/**
 * The view's state and everything that changes it. Panes draw what it says and call its methods;
 * they never change it themselves.
 */
export class Explorer {
  readonly channel: Channel<Protocol>;
  readonly requests: Requests;
  readonly state: ViewState;
  header: RunHeader | null = null;
  tree: Loaded<TreeView> = { kind: 'none' };
  path: Loaded<PathView> = { kind: 'none' };
  /** Set when the run could not be opened at all. */
  failure: { message: string; next: string } | null = null;
  /** A short note for everybody, screen readers too: a command's answer, an error. */
  note = '';

  readonly #api: VsCodeApi;
  readonly #changes: Changes;

  constructor(api: VsCodeApi) {
    this.#api = api;
    this.state = readState(api.getState());
    this.#changes = new Changes(() => this.save());
    const handlers = {
      update: (header: RunHeader) => this.#update(header),
      reveal: (target: RevealTarget) => void this.reveal(target),
      colour: ({ colour }: { colour: ColourMode }) => this.#showColour(colour),
      fork: () => this.requests.fork(),
    };
    this.channel = new Channel<Protocol>(api, results, events, handlers, patience);
    this.requests = new Requests(this.channel, this.state, (note) => this.say(note));
  }

  async start(): Promise<void> {
    this.failure = null;
    this.changed('header', 'list', 'tree', 'path', 'layout');
    try {
      this.#update(await this.channel.request('open', {}));
    } catch (error) {
      const next = error instanceof RequestError ? error.next : '';
      this.failure = { message: messageOf(error), next };
      this.changed('header', 'layout');
    }
  }

  /** Listeners hear of changes together, before the next frame is painted. */
  onChange(listener: (changes: ReadonlySet<Change>) => void): void {
    this.#changes.listen(listener);
  }

  changed(...changes: Change[]): void {
    this.#changes.add(changes);
  }

  /** Keeps the state without drawing anything, for scroll positions. */
  save(): void {
    this.#api.setState(this.state);
  }

  say(note: string): void {
    this.note = note;
    this.changed('header');
  }

  // ── The run ──

  get live(): boolean {
    const state = this.header?.state;
    return state === 'starting' || state === 'running' || state === 'paused';
  }

  /** Steps that came while the view holds still. */
  get newSteps(): number {
    if (this.state.follow || this.header === null) return 0;
    return Math.max(0, this.header.steps - this.state.steps_seen);
  }

  #update(header: RunHeader): void {
    const first = this.header === null;
    const grown = header.prompts !== this.header?.prompts;
    const another = this.header !== null && header.revision !== this.header.revision;
    const probed = this.header !== null && header.probes !== this.header.probes;
    this.header = header;
    this.state.directory = header.directory;
    this.changed('header');
    if (grown || first) this.changed('list');
    if (another) {
      this.tree = { kind: 'none' };
      this.path = { kind: 'none' };
      this.changed('list', 'tree', 'path');
    }
    if (this.state.follow) this.#goToNewest(another);
    else if (first || another) this.#restore();
    if (probed && !another) void this.#grow();
  }

  #goToNewest(anew = false): void {
    this.state.query.until_step = null;
    this.state.steps_seen = this.header?.steps ?? 0;
    const key = this.header?.interesting ?? null;
    if (key !== null && (anew || !sameKey(key, this.state.selected))) {
      this.changed('list');
      void this.#show(key, null, null);
    }
  }

  #restore(): void {
    const { selected, segment_id, position } = this.state;
    if (selected !== null) void this.#show(selected, segment_id, position);
  }

  follow(): void {
    this.state.follow = true;
    this.changed('header', 'list');
    this.#goToNewest();
  }

  /** Whoever reads wants the view to stay as it is. */
  hold(): void {
    if (!this.state.follow) return;
    this.state.follow = false;
    this.state.steps_seen = this.header?.steps ?? 0;
    this.state.query.until_step = this.header?.newest_step ?? null;
    this.changed('header');
  }

  // ── What is shown ──

  setQuery(patch: Partial<PromptQuery>): void {
    this.state.query = { ...this.state.query, ...patch };
    this.changed('list', 'header');
  }

  fold(step: number, folded: boolean): void {
    const others = this.state.query.folded.filter((other) => other !== step);
    this.setQuery({ folded: folded ? [...others, step] : others });
  }

  foldSegment(segment_id: number, folded: boolean): void {
    const others = this.state.folded_segments.filter((other) => other !== segment_id);
    this.state.folded_segments = folded ? [...others, segment_id] : others;
    this.changed('tree');
  }

  /** Rollout documents are coloured alike. */
  setColour(colour: ColourMode): void {
    this.#showColour(colour);
    this.channel.request('colour', { colour }).catch((error: unknown) => this.say(inWords(error)));
  }

  #showColour(colour: ColourMode): void {
    if (colour === this.state.colour) return;
    this.state.colour = colour;
    this.changed('colour', 'header');
  }

  setWhitespace(whitespace: boolean): void {
    this.state.whitespace = whitespace;
    this.changed('colour');
  }

  toggleRecipe(): void {
    this.state.recipe = !this.state.recipe;
    this.changed('layout', 'header');
  }

  togglePane(pane: PaneName): void {
    const panes = this.state.panes;
    panes[pane] = !panes[pane];
    // One pane at least has to stay.
    if (!panes.prompts && !panes.rollouts && !panes.path) panes[pane] = true;
    this.changed('layout', 'header', 'list', 'tree', 'path');
  }

  select(key: PromptKey): void {
    if (sameKey(key, this.state.selected)) return;
    void this.#show(key, null, null);
  }

  async reveal({ step, prompt_id, segment_id, position }: RevealTarget): Promise<void> {
    this.hold();
    this.state.query = { ...this.state.query, text: '', outcome: 'any' };
    this.state.query.until_step = this.header?.newest_step ?? null;
    this.changed('list');
    await this.#show({ step, prompt_id }, segment_id, position);
  }

  /** Of the tree that is shown; while another prompt's is on its way, the old one is only a picture. */
  chooseSegment(segment_id: number, position: number | null = null): void {
    if (this.tree.kind !== 'ready' || !sameKey(this.tree.value, this.state.selected)) return;
    if (this.state.segment_id === segment_id && this.path.kind === 'ready') {
      if (position !== null) this.moveTo(position);
      return;
    }
    void this.#showPath(segment_id, position);
  }

  moveTo(position: number | null): void {
    this.state.position = position;
    this.changed('cursor');
  }

  async #show(key: PromptKey, segment_id: number | null, position: number | null): Promise<void> {
    const { step, prompt_id } = key;
    this.state.selected = { step, prompt_id };
    this.state.segment_id = segment_id;
    this.state.position = position;
    this.state.folded_segments = [];
    if (this.tree.kind !== 'ready') this.tree = { kind: 'loading' };
    this.changed('tree', 'selection');
    const tree = await this.#load(() => this.channel.request('tree', { step, prompt_id }));
    if (!sameKey(this.state.selected, key)) return;
    if (tree.kind !== 'ready') this.tree = tree;
    else if (tree.value === null) {
      this.tree = {
        kind: 'failed',
        message: t('Step {0} no longer holds this prompt.', step),
        next: t('The run was resumed from an earlier step. Choose another prompt.'),
      };
    } else this.tree = { kind: 'ready', value: tree.value };
    this.changed('tree');
    if (this.tree.kind !== 'ready') {
      this.path = { kind: 'none' };
      this.changed('path');
      return;
    }
    const rows = this.tree.value.rows;
    const known = rows.some((row) => row.segment_id === segment_id);
    const chosen = known ? segment_id : (telling(rows)?.segment_id ?? null);
    if (chosen !== null) await this.#showPath(chosen, known ? position : null);
  }

  async #showPath(segment_id: number, position: number | null): Promise<void> {
    const key = this.state.selected;
    if (key === null) return;
    this.state.segment_id = segment_id;
    this.state.position = position;
    if (this.path.kind !== 'ready') this.path = { kind: 'loading' };
    this.changed('tree', 'path');
    const path = await this.#load(() => this.channel.request('path', { ...key, segment_id }));
    // Meanwhile somebody may have chosen another.
    if (this.state.segment_id !== segment_id || !sameKey(this.state.selected, key)) return;
    this.path = path;
    this.changed('path');
  }

  /** Somebody asked for more of the tree that is shown: it grows where it stands. */
  async #grow(): Promise<void> {
    const { selected: key, segment_id } = this.state;
    if (key === null || segment_id === null) return;
    try {
      const tree = await this.channel.request('tree', key);
      const path = await this.channel.request('path', { ...key, segment_id });
      if (this.tree.kind !== 'ready' || !sameKey(this.tree.value, key) || tree === null) return;
      this.tree = { kind: 'ready', value: tree };
      this.changed('tree');
      // It has a mark where the others leave it.
      if (this.path.kind !== 'ready' || this.state.segment_id !== segment_id) return;
      this.path = { kind: 'ready', value: path };
      this.changed('path');
    } catch (error) {
      this.say(inWords(error));
    }
  }

  async #load<T>(ask: () => Promise<T>): Promise<Loaded<T>> {
    try {
      return { kind: 'ready', value: await ask() };
    } catch (error) {
      const next = error instanceof RequestError ? error.next : '';
      return { kind: 'failed', message: messageOf(error), next };
    }
  }
}
