import { t } from '@vscode/l10n';
import { html, nothing, render, type TemplateResult } from 'lit-html';
import type { PairRow, PromptKey, SideIndex } from '../../src/views/compare/protocol.ts';
import { moveOf, moved } from '../explorer/keys.ts';
import { ROW_HEIGHT } from '../explorer/pane.ts';
import { progressRing } from '../shared/controls.ts';
import { completionsRow, promptRow, type RowState } from './pair-rows.ts';
import { promptsToolbar } from './prompts-toolbar.ts';
import { RowsWindow } from './rows-window.ts';
import { rowsInSight } from './sight.ts';
import { Strips } from './strips.ts';
import { swatch } from './sides.ts';
import { plain, type Change, type CompareView } from './view.ts';

/** Rows drawn beyond those in sight. */
const OVERSCAN = 15;

/** The same prompts on both sides, below the charts: one list that scrolls with the page. */
export class Prompts {
  readonly element = document.createElement('div');
  readonly #view: CompareView;
  readonly #scroller: HTMLElement;
  readonly #toolbar = document.createElement('div');
  readonly #heads = document.createElement('div');
  readonly #message = document.createElement('div');
  readonly #list = document.createElement('div');
  readonly #rows: RowsWindow;
  #onFirst: (() => void) | null;
  readonly #strips: Strips;
  /** The row with the cursor. */
  #active = 0;

  /** `scroller`: the page, which is all that scrolls. `onFirst`: the list has its height. */
  constructor(view: CompareView, scroller: HTMLElement, onFirst: () => void) {
    this.#view = view;
    this.#onFirst = onFirst;
    this.#scroller = scroller;
    this.#rows = new RowsWindow(
      (query, from, to) => view.channel.request('rows', { query, from, to }),
      () => this.#draw(),
      (error) => view.say(plain(error).message),
    );
    this.#strips = new Strips(view, () => this.#draw());
    this.element.className = 'prompts';
    this.#toolbar.className = 'prompts-bar';
    this.#heads.className = 'heads';
    this.#heads.setAttribute('aria-hidden', 'true');
    this.#message.className = 'message';
    this.#list.className = 'rows';
    this.#list.setAttribute('role', 'tree');
    this.#list.setAttribute('aria-label', t('Prompts on both sides'));
    this.#list.tabIndex = 0;
    this.#list.addEventListener('keydown', (event) => this.#key(event));
    const top = document.createElement('div');
    top.className = 'prompts-top';
    top.append(this.#toolbar, this.#heads);
    this.element.append(top, this.#message, this.#list);
    scroller.addEventListener('scroll', () => this.#draw(), { passive: true });
    new ResizeObserver(() => this.#draw()).observe(scroller);
    view.onChange((changes) => this.#onChange(changes));
  }

  #onChange(changes: ReadonlySet<Change>): void {
    if (changes.has('rows')) this.#rows.renew(this.#view.state.query);
    if (changes.has('runs')) this.#strips.forget();
    if (changes.has('rows') || changes.has('query') || changes.has('header')) this.#draw();
  }

  get #shown(): boolean {
    return this.#view.state.sections.prompts && this.#view.summary !== null;
  }

  #draw(): void {
    if (!this.#shown || this.element.closest('[hidden]') !== null) return;
    const { summary, state } = this.#view;
    const { head } = this.#rows;
    render(
      promptsToolbar(this.#view, head, {
        active: this.#row(this.#active),
        open: (part) => this.#open(this.#active, part),
        explore: (side) => this.#explore(this.#active, side),
      }),
      this.#toolbar,
    );
    render(this.#headsRow(), this.#heads);
    const message = this.#emptyMessage();
    render(message ?? nothing, this.#message);
    this.#message.hidden = message === null;
    const pairs = summary?.pairs.length ?? 0;
    this.#list.hidden = message !== null;
    this.#heads.hidden = message !== null;
    const total = head?.total ?? 0;
    this.#list.style.height = `${total * ROW_HEIGHT}px`;
    if (head !== null) {
      this.#onFirst?.();
      this.#onFirst = null;
    }
    const { from, to } = this.#sight(total);
    if (pairs > 0) void this.#rows.need(from, head === null ? OVERSCAN : to);
    this.#active = Math.max(0, Math.min(this.#active, total - 1));
    const rows: TemplateResult[] = [];
    for (let index = from; index < Math.min(to, total); index++) {
      const row = this.#row(index);
      if (row !== null) rows.push(this.#rowAt(row, index));
    }
    render(html`${rows}`, this.#list);
    if (this.#active >= from && this.#active < to && this.#row(this.#active) !== null) {
      this.#list.setAttribute('aria-activedescendant', `pair-${this.#active}`);
    } else this.#list.removeAttribute('aria-activedescendant');
    const inSight = Array.from({ length: to - from }, (_, i) => this.#row(from + i));
    void this.#strips.fetch(
      inSight.flatMap((row) => (row?.kind === 'completions' ? [row] : [])),
      state.query.pair,
      this.#stripWidth,
    );
  }

  #row(index: number): PairRow | null {
    return this.#rows.row(index);
  }

  #sight(total: number): { from: number; to: number } {
    const list = this.#list.getBoundingClientRect();
    const page = this.#scroller.getBoundingClientRect();
    return rowsInSight(page.top - list.top, page.height, ROW_HEIGHT, total, OVERSCAN);
  }

  get #stripWidth(): number {
    return this.#list.querySelector('.strip')?.clientWidth ?? 200;
  }

  #rowAt(row: PairRow, index: number): TemplateResult {
    const state: RowState = {
      index,
      active: index === this.#active,
      names: this.#view.names,
      sameTokens: this.#view.summary?.same_tokens ?? false,
      onClick: () => this.#activate(index),
      onOpen: (part) => {
        this.#activate(index);
        this.#open(index, part);
      },
    };
    if (row.kind === 'prompt') return promptRow(row, state);
    return completionsRow(row, state, this.#strips.lookOf(row));
  }

  #headsRow(): TemplateResult {
    const [first, second] = this.#view.names;
    return html`<span class="half first">${swatch(0)}${first}</span>
      <span class="middle"
        ><span class="parts">${t('differs at')}</span><span class="delta">Δ</span></span
      >
      <span class="half second">${swatch(1)}${second}</span>`;
  }

  #emptyMessage(): TemplateResult | null {
    const { summary } = this.#view;
    const { head, waiting } = this.#rows;
    if ((summary?.pairs.length ?? 0) === 0) {
      return html`<p>
        ${t('Prompts are laid side by side where both sides have a run whose folder is there.')}
      </p>`;
    }
    if (waiting || head === null) return progressRing(t('Reading prompts'));
    if (head.total > 0) return null;
    if (head.steps.length === 0) {
      return html`<p>${t('The two runs have recorded no prompt in common yet.')}</p>`;
    }
    return html`<p>${t('No prompt at this point of training is like that.')}</p>`;
  }

  #activate(index: number): void {
    this.#hold();
    this.#active = index;
    this.#reveal(index);
    this.#draw();
  }

  /** Who reads isn't carried away by the runs. */
  #hold(): void {
    const step = this.#rows.head?.step ?? null;
    if (this.#view.state.query.step !== 'newest' || step === null) return;
    this.#view.set({ query: { ...this.#view.state.query, step } }, 'query');
  }

  #reveal(index: number): void {
    const top = this.#list.offsetTop + index * ROW_HEIGHT;
    const { scrollTop, clientHeight } = this.#scroller;
    // The bar and the names of the sides stay on top.
    const covered = this.#list.offsetTop - this.element.offsetTop;
    if (top - covered < scrollTop) this.#scroller.scrollTop = top - covered;
    else if (top + ROW_HEIGHT > scrollTop + clientHeight) {
      this.#scroller.scrollTop = top + ROW_HEIGHT - clientHeight;
    }
  }

  #open(index: number, part: 'both' | SideIndex): void {
    const row = this.#row(index);
    if (row === null) return;
    if (row.kind === 'prompt') {
      if (part === 'both') this.#toggle(row.sides[0].key, !row.unfolded);
      return;
    }
    const { channel } = this.#view;
    const { pair } = this.#view.state.query;
    const [left, right] = row.sides;
    if (part === 'both' && left !== null && right !== null) {
      const segment_ids: [number, number] = [left.segment_id, right.segment_id];
      this.#view.ask(channel.request('diff', { pair, segment_ids }));
      return;
    }
    const side = part === 'both' ? (left === null ? 1 : 0) : part;
    const leaf = row.sides[side];
    if (leaf === null) return;
    const { segment_id } = leaf;
    const key = row.keys[side];
    const position = row.differs_at;
    this.#view.ask(channel.request('open_rollout', { pair, side, key, segment_id, position }));
  }

  #explore(index: number, side: SideIndex): void {
    const row = this.#row(index);
    if (row === null) return;
    const { pair } = this.#view.state.query;
    const key = row.kind === 'prompt' ? row.sides[side].key : row.keys[side];
    const segment_id = row.kind === 'prompt' ? null : (row.sides[side]?.segment_id ?? null);
    this.#view.ask(this.#view.channel.request('explore', { pair, side, key, segment_id }));
  }

  #toggle(key: PromptKey, unfold: boolean): void {
    this.#hold();
    const { unfolded } = this.#view.state.query;
    const others = unfolded.filter((each) => !sameKey(each, key));
    this.#view.setQuery({ unfolded: unfold ? [...others, key].slice(-1000) : others });
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const total = this.#rows.head?.total ?? 0;
    const row = this.#row(this.#active);
    const move = moveOf(event);
    const page = Math.max(1, Math.floor(this.#scroller.clientHeight / ROW_HEIGHT) - 4);
    if (move !== null && total > 0) this.#activate(moved(this.#active, move, total, page));
    else if (event.key === 'Enter' || event.key === ' ') this.#open(this.#active, 'both');
    else if (event.key === 'ArrowRight') this.#unfold(row, true);
    else if (event.key === 'ArrowLeft') this.#unfold(row, false);
    else if (event.key === '1') this.#open(this.#active, 0);
    else if (event.key === '2') this.#open(this.#active, 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** To the right: open, then its first row. To the left: closed; from a row to its prompt. */
  #unfold(row: PairRow | null, open: boolean): void {
    if (row === null) return;
    if (row.kind === 'prompt') {
      if (row.unfolded !== open) this.#toggle(row.sides[0].key, open);
      else if (open) this.#activate(this.#active + 1);
      return;
    }
    if (!open) this.#activate(this.#active - row.position);
  }
}

const sameKey = (a: PromptKey, b: PromptKey): boolean =>
  a.step === b.step && a.prompt_id === b.prompt_id;
