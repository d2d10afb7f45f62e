import { t } from '@vscode/l10n';
import { html, nothing, render, type TemplateResult } from 'lit-html';
import { sameKey } from '../../src/views/model/shapes.ts';
import type { Strip, TreeRow } from '../../src/views/model/shapes.ts';
import type { TreeView } from '../../src/views/explorer/protocol.ts';
import { visibleRows } from '../../src/views/model/tree.ts';
import { iconButton, progressRing } from '../shared/controls.ts';
import type { Change } from './changes.ts';
import type { Explorer } from './explorer.ts';
import { TypeAhead, moveOf, moved } from './keys.ts';
import { ROW_HEIGHT, leave, holdWhileReading, paneShell } from './pane.ts';
import { columnHeads, segmentRow, treePromptRow } from './tree-rows.ts';
import { VirtualList } from './virtual.ts';

/** Narrowest cell of a strip, in pixels. */
const CELL = 3;
/** The prompt's own row; segments have ids of their own. */
const PROMPT = -1;

/** The middle pane: prompt → prefix → resamples, one row a line. */
export class TreePane {
  readonly #explorer: Explorer;
  readonly #shell = paneShell('rollouts', t('Rollouts'));
  readonly #list: VirtualList;
  readonly #typeAhead = new TypeAhead();
  #rows: TreeRow[] = [];
  /** Where the cursor is: a segment, or the prompt. */
  #active = PROMPT;
  /** The segment whose path is shown, as far as the cursor knows. */
  #chosen: number | null = null;
  #shown: TreeView | null = null;
  #strips = new Map<number, Strip>();
  #asked = new Set<number>();
  #stripsFor = '';
  #promptFolded = false;
  #restored = false;

  constructor(explorer: Explorer) {
    this.#explorer = explorer;
    const { scroller } = this.#shell;
    scroller.setAttribute('role', 'tree');
    this.#list = new VirtualList(scroller, ROW_HEIGHT, 10, () => this.#draw());
    scroller.addEventListener('keydown', (event) => this.#key(event));
    holdWhileReading(explorer, scroller, 'rollouts');
    new ResizeObserver(() => this.#draw()).observe(scroller);
    explorer.onChange((changes) => this.#onChange(changes));
  }

  get element(): HTMLElement {
    return this.#shell.element;
  }

  focus(): void {
    this.#shell.scroller.focus();
  }

  #onChange(changes: ReadonlySet<Change>): void {
    const { tree, state } = this.#explorer;
    if (changes.has('tree')) {
      const view = tree.kind === 'ready' ? tree.value : null;
      const anew = view !== this.#shown;
      if (anew) {
        this.#shown = view;
        this.#promptFolded = false;
        this.#strips.clear();
        this.#asked.clear();
        this.#active = PROMPT;
        this.#chosen = null;
      }
      this.#rows =
        view === null || this.#promptFolded
          ? []
          : visibleRows(view.rows, new Set(state.folded_segments));
      if (anew) this.#scrollTo(view);
      if (state.segment_id !== this.#chosen) this.#follow(state.segment_id);
    }
    if (changes.has('tree') || changes.has('colour') || changes.has('header')) this.#draw();
  }

  /** To the top; where the view comes back with its state, to where it was. */
  #scrollTo(view: TreeView | null): void {
    if (view === null) return;
    this.#draw();
    this.#shell.scroller.scrollTop = this.#restored ? 0 : this.#explorer.state.scroll.rollouts;
    this.#restored = true;
  }

  /** Another part of the view chose a segment: the cursor goes there. */
  #follow(segment_id: number | null): void {
    const index = this.#rows.findIndex((row) => row.segment_id === segment_id);
    if (index < 0) return;
    this.#chosen = segment_id;
    this.#active = segment_id ?? PROMPT;
    this.#list.count = this.#rows.length + 1;
    this.#list.reveal(index + 1);
  }

  /** Of the row with the cursor: 0 is the prompt's. */
  get #index(): number {
    return this.#rows.findIndex((row) => row.segment_id === this.#active) + 1;
  }

  #key(event: KeyboardEvent): void {
    if (this.#shown === null) return;
    const index = this.#index;
    const row = this.#rows[index - 1];
    const count = this.#rows.length + 1;
    const move = moveOf(event);
    const typing = this.#typeAhead.typing(event);
    if (move !== null) this.#activate(moved(index, move, count, this.#list.pageSize));
    else if (event.key === 'Enter') this.#shell.element.dispatchEvent(leave());
    else if (event.key === ' ' && !typing) this.#toggle(row);
    else if (event.key === 'ArrowLeft') {
      if (this.#isOpen(row)) this.#toggle(row);
      else if (row !== undefined) {
        this.#activate(this.#rows.findIndex((other) => other.segment_id === row.parent_id) + 1);
      }
    } else if (event.key === 'ArrowRight') {
      if (this.#hasChildren(row) && !this.#isOpen(row)) this.#toggle(row);
      else if (this.#hasChildren(row)) this.#activate(index + 1);
    } else if ((event.key === 'n' || event.key === 'p') && !typing) return;
    else {
      const label = (at: number) => (at === 0 ? 'prompt' : (this.#rows[at - 1]?.label ?? null));
      const found = this.#typeAhead.find(event, label, index, count);
      // What starts no label may be a key that works anywhere.
      if (found === null || found < 0) return;
      this.#activate(found);
    }
    event.preventDefault();
    event.stopPropagation();
  }

  #hasChildren(row: TreeRow | undefined): boolean {
    return row === undefined ? (this.#shown?.rows.length ?? 0) > 0 : row.children > 0;
  }

  #isOpen(row: TreeRow | undefined): boolean {
    if (row === undefined) return !this.#promptFolded;
    return row.children > 0 && !this.#explorer.state.folded_segments.includes(row.segment_id);
  }

  #toggle(row: TreeRow | undefined): void {
    this.#explorer.hold();
    if (row === undefined) {
      this.#promptFolded = !this.#promptFolded;
      this.#explorer.changed('tree');
    } else if (row.children > 0) {
      this.#explorer.foldSegment(row.segment_id, this.#isOpen(row));
    }
  }

  #activate(index: number, position: number | null = null): void {
    this.#explorer.hold();
    const row = this.#rows[index - 1];
    this.#active = row?.segment_id ?? PROMPT;
    this.#list.reveal(index);
    if (row !== undefined) {
      this.#chosen = row.segment_id;
      this.#explorer.chooseSegment(row.segment_id, position);
    }
    this.#draw();
  }

  get #stride(): number {
    const extent = this.#shown?.extent ?? 1;
    const width = this.#shell.rows.querySelector('.strip')?.clientWidth ?? 200;
    return Math.max(1, Math.ceil((extent * CELL) / Math.max(CELL, width)));
  }

  /** Asks for the strips in sight that are not here yet. */
  async #fetchStrips(rows: readonly TreeRow[], stride: number): Promise<void> {
    const view = this.#shown;
    const mode = this.#explorer.state.colour;
    if (view === null) return;
    const { step, prompt_id } = view;
    const wanted = `${step} ${prompt_id} ${mode} ${stride}`;
    if (wanted !== this.#stripsFor) {
      this.#stripsFor = wanted;
      this.#asked.clear();
    }
    const missing = rows
      .map((row) => row.segment_id)
      .filter((id) => !this.#asked.has(id))
      .slice(0, 500);
    if (missing.length === 0) return;
    for (const id of missing) this.#asked.add(id);
    try {
      const strips = await this.#explorer.channel.request('strips', {
        step,
        prompt_id,
        segment_ids: missing,
        mode,
        stride,
      });
      if (this.#stripsFor !== wanted) return;
      for (const strip of strips) this.#strips.set(strip.segment_id, strip);
      this.#draw();
    } catch (error) {
      this.#explorer.say(error instanceof Error ? error.message : String(error));
    }
  }

  #draw(): void {
    const { scroller, rows, message, title, tools } = this.#shell;
    const view = this.#shown;
    render(this.#title(view), title);
    render(view === null ? nothing : columnHeads(), tools);
    const empty = view === null ? this.#emptyState() : null;
    scroller.hidden = empty !== null;
    message.hidden = empty === null;
    render(empty ?? nothing, message);
    if (view === null) return;
    // The old tree stays in sight until the chosen prompt's own is here.
    scroller.setAttribute('aria-busy', String(!sameKey(view, this.#explorer.state.selected)));
    this.#list.count = this.#rows.length + 1;
    const items = this.#list.items;
    const active = this.#index;
    if (items.some(({ index }) => index === active)) {
      scroller.setAttribute('aria-activedescendant', `rollout-${active}`);
    } else scroller.removeAttribute('aria-activedescendant');
    rows.style.height = `${this.#list.totalHeight}px`;
    const stride = this.#stride;
    const { colour, segment_id } = this.#explorer.state;
    render(
      html`${items.map(({ index }) => {
        const row = this.#rows[index - 1];
        const state = {
          index,
          active: index === active,
          open: this.#hasChildren(row) ? this.#isOpen(row) : null,
          onClick: (position: number | null) => this.#activate(index, position),
          onToggle: () => this.#toggle(row),
        };
        if (row === undefined) return treePromptRow(view, state);
        const strip = this.#strips.get(row.segment_id) ?? null;
        const look = { strip, extent: view.extent, stride, signed: colour === 'advantage' };
        return segmentRow(row, state, look, row.segment_id === segment_id);
      })}`,
      rows,
    );
    const inSight = items.flatMap(({ index }) => this.#rows[index - 1] ?? []);
    void this.#fetchStrips(inSight, this.#stride);
  }

  #title(view: TreeView | null): TemplateResult {
    const where = view === null ? '' : t('step {0}', view.step);
    return html`<span class="pane-name">${t('Rollouts')}</span><span class="count">${where}</span>
      <span class="gap"></span>
      ${iconButton({
        icon: 'close',
        label: t('Hide rollouts'),
        onClick: () => this.#explorer.togglePane('rollouts'),
      })}`;
  }

  #emptyState(): TemplateResult {
    const { tree, header } = this.#explorer;
    if (tree.kind === 'loading') return progressRing(t('Loading the rollouts'));
    if (tree.kind === 'failed') {
      return html`<p>${tree.message}</p>
        <p>${tree.next}</p>`;
    }
    if ((header?.prompts ?? 0) === 0) return html``;
    return html`<p>${t('Choose a prompt to see its rollouts.')}</p>`;
  }
}
