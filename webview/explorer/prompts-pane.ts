import { t } from '@vscode/l10n';
import { html, nothing, render, type TemplateResult } from 'lit-html';
import {
  outcomes,
  promptSorts,
  type Outcome,
  type PromptRow,
  type PromptSort,
  type PromptWindow,
} from '../../src/views/explorer/protocol.ts';
import { sameKey, type PromptKey } from '../../src/views/model/shapes.ts';
import { dropdown, iconButton, progressRing, textButton } from '../shared/controls.ts';
import type { Change } from './changes.ts';
import type { Explorer } from './explorer.ts';
import { TypeAhead, moveOf, moved } from './keys.ts';
import { ROW_HEIGHT, leave, holdWhileReading, paneShell, rowStyle } from './pane.ts';
import { promptRow, stepRow, titleOf } from './prompt-rows.ts';
import { isFiltered } from './state.ts';
import { VirtualList } from './virtual.ts';

/** Rows that are asked for together. */
const PAGE = 100;

const sortLabels: Record<PromptSort, string> = {
  recorded: t('recorded'),
  reward: t('reward'),
  reward_std: t('spread'),
  truncated: t('truncated'),
  resamples: t('resamples'),
};
const outcomeLabels: Record<Outcome, string> = {
  any: t('all'),
  mixed: t('mixed'),
  right: t('all right'),
  wrong: t('all wrong'),
};

/** The left pane: every prompt of every step, of which only the rows in sight are fetched. */
export class PromptsPane {
  readonly #explorer: Explorer;
  readonly #shell = paneShell('prompts', t('Prompts'));
  readonly #list: VirtualList;
  readonly #typeAhead = new TypeAhead();
  #pages = new Map<number, PromptRow[]>();
  #asking = new Set<number>();
  #total = 0;
  #prompts: number | null = null;
  #active = -1;
  #awaited: number | null = null;
  /** The selected prompt the list was last scrolled to, or where it was chosen. */
  #shownKey: PromptKey | null = null;
  /** Which list the pages belong to; answers for another are dropped. */
  #generation = 0;

  constructor(explorer: Explorer) {
    this.#explorer = explorer;
    const { scroller } = this.#shell;
    this.#list = new VirtualList(scroller, ROW_HEIGHT, 10, () => this.#draw());
    scroller.addEventListener('keydown', (event) => this.#key(event));
    holdWhileReading(explorer, scroller, 'prompts');
    explorer.onChange((changes) => this.#onChange(changes));
  }

  get element(): HTMLElement {
    return this.#shell.element;
  }

  focus(): void {
    this.#shell.scroller.focus();
  }

  #onChange(changes: ReadonlySet<Change>): void {
    if (changes.has('list')) void this.#reload();
    else if (changes.has('header') || changes.has('layout') || changes.has('selection')) {
      this.#draw();
    }
  }

  /** Keeps showing the old rows until the new ones are here: no flicker while a run grows. */
  async #reload(): Promise<void> {
    const generation = ++this.#generation;
    const { query, selected } = this.#explorer.state;
    const { channel } = this.#explorer;
    const first = this.#prompts === null;
    try {
      const place =
        selected === null ? null : await channel.request('locate', { query, key: selected });
      const { scroll } = this.#explorer.state;
      const top = first
        ? Math.floor(scroll.prompts / ROW_HEIGHT)
        : (this.#list.items[0]?.index ?? 0);
      const page = Math.floor((this.#explorer.state.follow ? (place ?? 0) : top) / PAGE);
      const window = await channel.request('prompts', {
        query,
        from: page * PAGE,
        to: (page + 1) * PAGE,
      });
      if (generation !== this.#generation) return;
      this.#pages = new Map();
      this.#asking = new Set();
      this.#take(window);
      this.#active = place ?? Math.min(this.#active, this.#total - 1);
      this.#draw();
      if (first) this.#shell.scroller.scrollTop = scroll.prompts;
      // Somebody else chose it: the run, a command, a restored view.
      const anew = !sameKey(selected, this.#shownKey) && !first;
      if (place !== null && (anew || this.#explorer.state.follow)) this.#list.jump(place);
      this.#shownKey = selected;
    } catch (error) {
      this.#explorer.say(error instanceof Error ? error.message : String(error));
    }
  }

  #take({ total, prompts, from, rows }: PromptWindow): void {
    this.#total = total;
    this.#prompts = prompts;
    this.#pages.set(Math.floor(from / PAGE), rows);
    this.#list.count = total;
    if (this.#awaited !== null) this.#choose(this.#awaited);
  }

  #row(index: number): PromptRow | null {
    return this.#pages.get(Math.floor(index / PAGE))?.[index % PAGE] ?? null;
  }

  async #fetch(page: number): Promise<void> {
    if (this.#asking.has(page) || this.#pages.has(page)) return;
    this.#asking.add(page);
    const generation = this.#generation;
    const { query } = this.#explorer.state;
    const range = { from: page * PAGE, to: (page + 1) * PAGE };
    try {
      const window = await this.#explorer.channel.request('prompts', { query, ...range });
      if (generation !== this.#generation) return;
      this.#take(window);
      this.#draw();
    } catch (error) {
      this.#explorer.say(error instanceof Error ? error.message : String(error));
    }
  }

  #key(event: KeyboardEvent): void {
    const move = moveOf(event);
    const row = this.#row(this.#active);
    const typing = this.#typeAhead.typing(event);
    if (move !== null) {
      this.#activate(moved(this.#active, move, this.#total, this.#list.pageSize));
    } else if (event.key === 'Enter' || (event.key === ' ' && !typing)) {
      if (row?.kind === 'step') this.#explorer.fold(row.step, !row.folded);
      else if (event.key === 'Enter') this.#shell.element.dispatchEvent(leave());
    } else if (event.key === 'ArrowLeft') {
      if (row?.kind === 'step' && !row.folded) this.#explorer.fold(row.step, true);
      else if (row?.kind === 'prompt' && this.#explorer.state.query.by_step) {
        this.#activate(this.#active - row.position);
      }
    } else if (event.key === 'ArrowRight') {
      if (row?.kind === 'step' && row.folded) this.#explorer.fold(row.step, false);
      else if (row?.kind === 'step') this.#activate(this.#active + 1);
    } else if (event.key === '/' || event.key === '?') {
      return;
    } else {
      const texts = (index: number) => {
        const found = this.#row(index);
        return found === null ? null : titleOf(found);
      };
      const found = this.#typeAhead.find(event, texts, this.#active, this.#total);
      if (found === null) return;
      if (found >= 0) this.#activate(found);
    }
    event.preventDefault();
    event.stopPropagation();
  }

  #activate(index: number): void {
    if (index < 0 || index >= this.#total) return;
    this.#explorer.hold();
    this.#active = index;
    this.#list.reveal(index);
    this.#choose(index);
    this.#draw();
  }

  /** Selection follows the cursor; where the row is still on its way, when it is here. */
  #choose(index: number): void {
    const row = this.#row(index);
    this.#awaited = row === null ? index : null;
    if (row?.kind !== 'prompt') return;
    this.#shownKey = row;
    this.#explorer.select(row);
  }

  #draw(): void {
    const { query } = this.#explorer.state;
    const { header } = this.#explorer;
    const all = header?.prompts ?? 0;
    const counted =
      this.#prompts === null
        ? ''
        : isFiltered(query)
          ? t('{0} of {1}', this.#prompts, all)
          : `${all}`;
    render(
      html`<span class="pane-name">${t('Prompts')}</span
        ><span class="count" title=${t('{0} completions recorded', header?.completions ?? 0)}
          >${counted}</span
        >
        <span class="gap"></span>
        ${iconButton({
          icon: 'close',
          label: t('Hide prompts'),
          onClick: () => this.#explorer.togglePane('prompts'),
        })}`,
      this.#shell.title,
    );
    render(this.#tools(), this.#shell.tools);
    const empty = this.#total === 0 ? this.#emptyState() : null;
    const { scroller, rows, message } = this.#shell;
    scroller.hidden = empty !== null;
    message.hidden = empty === null;
    render(empty ?? nothing, message);
    if (empty !== null) {
      render(nothing, rows);
      return;
    }
    scroller.setAttribute('role', query.by_step ? 'tree' : 'listbox');
    const items = this.#list.items;
    for (const { index } of items) {
      if (this.#row(index) === null) void this.#fetch(Math.floor(index / PAGE));
    }
    const activeInSight = items.some(({ index }) => index === this.#active);
    if (activeInSight) scroller.setAttribute('aria-activedescendant', `prompt-${this.#active}`);
    else scroller.removeAttribute('aria-activedescendant');
    rows.style.height = `${this.#list.totalHeight}px`;
    render(html`${items.map(({ index }) => this.#rowOf(index))}`, rows);
  }

  #tools(): TemplateResult {
    const { query } = this.#explorer.state;
    const set = (patch: Partial<typeof query>) => {
      this.#explorer.hold();
      this.#explorer.setQuery(patch);
    };
    return html`
      ${dropdown({
        label: t('Outcome'),
        value: query.outcome,
        options: outcomes.map((value) => ({ value, label: outcomeLabels[value] })),
        onChange: (outcome) => set({ outcome }),
      })}
      ${dropdown({
        label: t('Sort by'),
        value: query.sort,
        options: promptSorts.map((value) => ({ value, label: sortLabels[value] })),
        onChange: (sort) => set({ sort }),
      })}
      ${iconButton({
        icon: query.descending ? 'sortDown' : 'sortUp',
        label: query.descending ? t('Largest first') : t('Smallest first'),
        onClick: () => set({ descending: !query.descending }),
        disabled: query.sort === 'recorded',
      })}
      ${iconButton({
        icon: 'listTree',
        label: t('Group by step'),
        onClick: () => set({ by_step: !query.by_step }),
        pressed: query.by_step,
      })}
    `;
  }

  #emptyState(): TemplateResult {
    const { header, state, live } = this.#explorer;
    if (header === null || this.#prompts === null) return progressRing(t('Opening the run'));
    if (header.prompts > 0 && isFiltered(state.query)) {
      return html`<p>${t('No prompt matches the filter.')}</p>
        ${textButton({
          label: t('Clear Filter'),
          onClick: () => this.#explorer.setQuery({ text: '', outcome: 'any' }),
        })}`;
    }
    return live
      ? html`${progressRing(t('Waiting for the first rollouts'))}
          <p>${t('Waiting for the first rollouts…')}</p>`
      : html`<p>${t('This run recorded no rollouts.')}</p>`;
  }

  #rowOf(index: number): TemplateResult {
    const row = this.#row(index);
    const style = rowStyle(index);
    if (row === null) return html`<div class="row loading" .style=${style}></div>`;
    const active = index === this.#active;
    if (row.kind === 'step') {
      const onClick = () => {
        this.#explorer.hold();
        this.#active = index;
        this.#explorer.fold(row.step, !row.folded);
      };
      return stepRow(row, { index, active, onClick });
    }
    const { query, selected } = this.#explorer.state;
    const state = { index, active, onClick: () => this.#activate(index) };
    return promptRow(row, state, sameKey(row, selected), query.by_step);
  }
}
