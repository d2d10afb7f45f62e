import * as z from 'zod';
import { axes, type ComparedSide } from '../../src/compare/model.ts';
import {
  events,
  pairQuery,
  results,
  type CompareState,
  type Growth,
  type Protocol,
  type Summary,
} from '../../src/views/compare/protocol.ts';
import { specSchema } from '../../src/views/compare/spec.ts';
import { applyTail } from '../../src/views/compare/tail.ts';
import type { ColourMode } from '../../src/views/model/shapes.ts';
import { Channel, RequestError, type EventHandlers } from '../shared/channel.ts';
import type { VsCodeApi } from '../shared/vscode.ts';

/**
 * What one looks at, kept by VS Code while the tab is hidden and over restarts. Whatever of it can't
 * be read any more falls back to its default by itself.
 */
const viewState = z.object({
  /** The host restores the tab by it. */
  spec: specSchema.nullable().catch(null),
  axis: z.enum(axes).catch('generated_tokens'),
  smooth: z.boolean().catch(true),
  /** Whether the table has all its rows. */
  all_figures: z.boolean().catch(false),
  query: pairQuery.catch({
    pair: 0,
    step: 'newest',
    text: '',
    filter: 'any',
    sort: 'difference',
    unfolded: [],
  }),
  sections: z
    .object({ charts: z.boolean(), figures: z.boolean(), prompts: z.boolean() })
    .catch({ charts: true, figures: true, prompts: true }),
  scroll: z.number().catch(0),
});
export type ViewState = z.infer<typeof viewState>;
export type SectionName = keyof ViewState['sections'];

/** Parts of the page that are drawn by themselves; `runs`: others than before. */
export type Change = 'runs' | 'header' | 'charts' | 'figures' | 'query' | 'rows';

/** People take their time to choose a form and a folder; a run stops at its next safe point. */
const LONG_MS = 15 * 60_000;
const patience = { choose_export: LONG_MS, save_pictures: LONG_MS, stop: LONG_MS };

/** The comparison as the host tells it, and what a person looks at of it. */
export class CompareView {
  readonly channel: Channel<Protocol>;
  state: ViewState;
  shown: CompareState | { kind: 'opening' } = { kind: 'opening' };
  /** A sentence about what was just done, or went wrong. */
  note = '';
  readonly #api: VsCodeApi;
  readonly #listeners: ((changes: ReadonlySet<Change>) => void)[] = [];

  constructor(api: VsCodeApi) {
    this.#api = api;
    const stored = viewState.safeParse(api.getState() ?? {});
    this.state = stored.success ? stored.data : viewState.parse({});
    const handlers: EventHandlers<Protocol> = {
      state: (state) => this.#show(state),
      grew: (growth) => this.#grow(growth),
      coloured: ({ colour }) => {
        if (this.shown.kind !== 'ready') return;
        this.shown = { ...this.shown, colour };
        this.#tell('query');
      },
      changed: () => this.#tell('rows'),
    };
    this.channel = new Channel<Protocol>(api, results, events, handlers, patience);
  }

  start(): void {
    this.channel.request('open', {}).catch((error: unknown) => {
      const { message, next } = plain(error);
      this.#show({ kind: 'failed', message, next });
    });
  }

  /** Heard of everything that changed; in the order in which they were added. */
  onChange(listener: (changes: ReadonlySet<Change>) => void): void {
    this.#listeners.push(listener);
  }

  get summary(): Summary | null {
    return this.shown.kind === 'ready' ? this.shown.summary : null;
  }

  get sides(): readonly [ComparedSide, ComparedSide] | null {
    return this.shown.kind === 'ready' ? this.shown.sides : null;
  }

  /** What tokens are coloured by, in all views. */
  get colour(): ColourMode {
    return this.shown.kind === 'ready' ? this.shown.colour : 'entropy';
  }

  get names(): readonly [string, string] {
    const sides = this.sides;
    return [sides?.[0].name ?? '', sides?.[1].name ?? ''];
  }

  /** Changes what is looked at, and remembers it. */
  set(change: Partial<ViewState>, ...parts: Change[]): void {
    this.state = { ...this.state, ...change };
    this.#api.setState(this.state);
    if (parts.length > 0) this.#tell(...parts);
  }

  setQuery(change: Partial<ViewState['query']>): void {
    this.set({ query: { ...this.state.query, ...change } }, 'query', 'rows');
  }

  say(note: string): void {
    this.note = note;
    this.#tell('header');
  }

  /** What goes wrong is said. */
  ask(request: Promise<unknown>): void {
    request.catch((error: unknown) => {
      const { message, next } = plain(error);
      this.say(`${message} ${next}`.trim());
    });
  }

  #show(state: CompareState): void {
    this.shown = state;
    if (state.kind === 'ready') {
      this.set({ spec: state.spec });
      this.#settleQuery();
    }
    this.#tell('runs', 'header', 'charts', 'figures', 'query', 'rows');
  }

  #grow({ summary, runs }: Growth): void {
    if (this.shown.kind !== 'ready') return;
    const sides = this.shown.sides.map((side, s) => ({
      ...side,
      runs: side.runs.map((run, r) => {
        const grown = runs.find((each) => each.side === s && each.run === r);
        if (grown === undefined) return run;
        return {
          ...run,
          state: grown.state,
          problems: grown.problems,
          steps: applyTail(run.steps, grown.steps),
          evaluations: applyTail(run.evaluations, grown.evaluations),
        };
      }),
    }));
    const [first, second] = sides;
    if (first === undefined || second === undefined) return;
    this.shown = { ...this.shown, summary, sides: [first, second] };
    this.#settleQuery();
    this.#tell('header', 'figures', 'query', ...(runs.length > 0 ? (['charts'] as const) : []));
  }

  /** A pair that isn't there (any more). */
  #settleQuery(): void {
    const { query } = this.state;
    if (query.pair === 0 || this.summary?.pairs[query.pair] !== undefined) return;
    this.set({ query: { ...query, pair: 0 } });
  }

  #tell(...changes: Change[]): void {
    const set = new Set(changes);
    for (const listener of this.#listeners) listener(set);
  }
}

export function plain(error: unknown): { message: string; next: string } {
  return {
    message: error instanceof Error ? error.message : String(error),
    next: error instanceof RequestError ? error.next : '',
  };
}
