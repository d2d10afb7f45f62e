import { t } from '@vscode/l10n';
import { html, nothing, render, type TemplateResult } from 'lit-html';
import type { PathView } from '../../src/views/model/shapes.ts';
import { progressRing } from '../shared/controls.ts';
import { icon } from '../shared/icons.ts';
import { DetailArea } from './detail.ts';
import type { Change } from './changes.ts';
import type { Explorer } from './explorer.ts';
import { holdWhileReading, paneShell } from './pane.ts';
import { pathHead } from './path-head.ts';
import { layOut, stopIndex, type PathLayout } from './path-layout.ts';
import { LINE_HEIGHT, LineMaker, spokenStop } from './path-lines.ts';
import { moveBy, nextFailure } from './path-moves.ts';
import { VirtualList } from './virtual.ts';

const CURSOR_ATTRIBUTES = ['id', 'aria-selected', 'aria-label', 'aria-posinset', 'aria-setsize'];

/** The right pane: the chosen path token by token, and all about the token with the cursor. */
export class PathPane {
  readonly #explorer: Explorer;
  readonly #shell = paneShell('path', t('Path'));
  readonly #list: VirtualList;
  readonly #detail: DetailArea;
  readonly #maker: LineMaker;
  readonly #lines = new Map<number, HTMLElement>();
  #shown: PathView | null = null;
  #layout: PathLayout | null = null;
  #scrollTo: number | null;
  /** What the lines were laid out for. */
  #laidOut = '';

  constructor(explorer: Explorer) {
    this.#explorer = explorer;
    const { scroller, element } = this.#shell;
    const { position, scroll } = explorer.state;
    this.#scrollTo = position === null ? null : scroll.path;
    this.#maker = new LineMaker(scroller);
    this.#detail = new DetailArea(explorer);
    element.append(this.#detail.element);
    scroller.setAttribute('role', 'listbox');
    scroller.setAttribute('aria-orientation', 'horizontal');
    this.#list = new VirtualList(scroller, LINE_HEIGHT, 6, () => this.#drawLines());
    scroller.addEventListener('keydown', (event) => this.#key(event));
    scroller.addEventListener('click', (event) => this.#click(event));
    scroller.addEventListener('mousemove', (event) => this.#detail.preview(stopOf(event)));
    scroller.addEventListener('mouseleave', () => this.#detail.preview(null));
    holdWhileReading(explorer, scroller, 'path');
    new ResizeObserver(() => this.#relayout()).observe(scroller);
    explorer.onChange((changes) => this.#onChange(changes));
  }

  get element(): HTMLElement {
    return this.#shell.element;
  }

  focus(): void {
    this.#shell.scroller.focus();
  }

  /** The next (1) or previous (−1) failure point of the path. */
  toFailure(direction: 1 | -1): void {
    const layout = this.#layout;
    const next = layout && nextFailure(layout, this.#explorer.state.position, direction);
    if (next === null) {
      this.#explorer.say(
        (layout?.failures.length ?? 0) === 0
          ? t('This path has no failure point.')
          : direction === 1
            ? t('No next failure point on this path.')
            : t('No previous failure point on this path.'),
      );
    } else this.#explorer.moveTo(next);
  }

  #onChange(changes: ReadonlySet<Change>): void {
    const { path, state } = this.#explorer;
    if (changes.has('path')) {
      const view = path.kind === 'ready' ? path.value : null;
      // The old path stays in sight until the new one is here; the cursor waits for that.
      if (view !== this.#shown) {
        this.#shown = view;
        this.#detail.show(view);
        if (view !== null) state.position ??= startOf(view);
        this.#laidOut = '';
      }
    }
    // Several things may change in one frame.
    if (changes.has('colour')) this.#forgetLines();
    const anew = changes.has('path') || changes.has('layout');
    if (anew || changes.has('colour') || changes.has('header')) this.#drawShell();
    if (anew || changes.has('colour')) this.#relayout();
    // A path that is on its way has no cursor yet; the old one keeps its own till then.
    if (anew && state.position !== null) {
      this.#showCursor(true);
      this.#restoreScroll();
    }
    if (changes.has('cursor')) this.#showCursor(false);
  }

  /** Once, for a view that comes back with its state. */
  #restoreScroll(): void {
    if (this.#scrollTo === null || this.#layout === null) return;
    this.#shell.scroller.scrollTop = this.#scrollTo;
    this.#scrollTo = null;
  }

  #key(event: KeyboardEvent): void {
    const layout = this.#layout;
    const { position } = this.#explorer.state;
    if (layout === null || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = position === null ? -1 : stopIndex(layout, position);
    const target = moveBy(event.key, layout, at, this.#list.pageSize);
    if (target === null) return;
    this.#explorer.hold();
    const stop = layout.stops[target];
    if (stop !== undefined) this.#explorer.moveTo(stop);
    event.preventDefault();
    event.stopPropagation();
  }

  #click(event: MouseEvent): void {
    const stop = stopOf(event);
    if (stop === null) return;
    this.#explorer.hold();
    this.#explorer.moveTo(stop);
  }

  #relayout(): void {
    const view = this.#shown;
    const { scroller } = this.#shell;
    const { whitespace } = this.#explorer.state;
    const width = scroller.clientWidth - 2 * this.#maker.padding;
    if (view === null || width < 40) return;
    const wanted = `${width} ${whitespace} ${this.#maker.font}`;
    if (wanted === this.#laidOut) {
      this.#drawLines();
      return;
    }
    const tree = this.#explorer.tree;
    const prompt = tree.kind === 'ready' ? tree.value : null;
    const cut = prompt?.prompt_length ?? null;
    const more =
      cut === null ? '' : `\n${t('… {0} more characters', cut - (prompt?.prompt.length ?? 0))}`;
    this.#layout = layOut({
      prompt: (prompt?.prompt ?? '') + more,
      text: view.text,
      ends: view.ends,
      marks: view.marks,
      ending:
        view.status === 'length' ? t('⋯ length limit') : view.status === 'complete' ? '■' : '',
      width,
      whitespace,
      measure: (text) => this.#maker.measure(text),
    });
    this.#laidOut = wanted;
    this.#forgetLines();
    this.#list.count = this.#layout.lines.length;
    this.#drawLines();
  }

  #forgetLines(): void {
    for (const line of this.#lines.values()) line.remove();
    this.#lines.clear();
  }

  #drawLines(): void {
    const { rows } = this.#shell;
    const layout = this.#layout;
    const view = this.#shown;
    if (layout === null || view === null) return;
    rows.style.height = `${this.#list.totalHeight}px`;
    const inSight = new Set(this.#list.items.map(({ index }) => index));
    for (const [index, line] of this.#lines) {
      if (inSight.has(index)) continue;
      line.remove();
      this.#lines.delete(index);
    }
    const { colour, whitespace } = this.#explorer.state;
    for (const index of inSight) {
      const fragments = layout.lines[index];
      if (fragments === undefined || this.#lines.has(index)) continue;
      const line = this.#maker.make(index, fragments, view, colour, whitespace);
      this.#lines.set(index, line);
      rows.append(line);
    }
    this.#markCursor();
  }

  #showCursor(anew: boolean): void {
    const layout = this.#layout;
    const { position } = this.#explorer.state;
    if (layout === null || position === null) {
      this.#detail.setStop(position);
      return;
    }
    // A place of the path before may be none of this one: the closest one before it is.
    const at = stopIndex(layout, position);
    this.#detail.setStop(layout.stops[at] ?? null);
    const line = layout.stopLines[at] ?? 0;
    if (anew) this.#list.jump(line);
    else this.#list.reveal(line);
    this.#drawLines();
  }

  #markCursor(): void {
    const { scroller, rows } = this.#shell;
    const { position } = this.#explorer.state;
    for (const old of rows.querySelectorAll('.cursor')) {
      old.classList.remove('cursor');
      for (const name of CURSOR_ATTRIBUTES) old.removeAttribute(name);
    }
    scroller.removeAttribute('aria-activedescendant');
    if (position === null || this.#layout === null) return;
    const stop = this.#layout.stops[stopIndex(this.#layout, position)] ?? 0;
    const found = rows.querySelectorAll(`[data-stop="${stop}"]`);
    for (const part of found) part.classList.add('cursor');
    const first = found[0];
    if (first === undefined || this.#shown === null) return;
    // Only the stop with the cursor is ever spoken by name: thousands of others stay cheap.
    const { ends } = this.#shown;
    first.id = `stop-${stop}`;
    first.setAttribute('aria-selected', 'true');
    first.setAttribute('aria-label', spokenStop(this.#shown, stop, this.#explorer.state.colour));
    if (Number.isInteger(stop)) {
      first.setAttribute('aria-posinset', String(stop + 1));
      first.setAttribute('aria-setsize', String(ends.length));
    }
    scroller.setAttribute('aria-activedescendant', first.id);
  }

  #drawShell(): void {
    const { title, tools, message, scroller } = this.#shell;
    const { path } = this.#explorer;
    const view = this.#shown;
    render(pathHead(this.#explorer, view), title);
    tools.hidden = true;
    const empty = view !== null ? null : this.#emptyState();
    message.hidden = empty === null;
    scroller.hidden = empty !== null;
    this.#detail.element.hidden = empty !== null;
    render(empty ?? nothing, message);
    if (path.kind === 'failed') this.#layout = null;
  }

  #emptyState(): TemplateResult {
    const { path, tree } = this.#explorer;
    if (path.kind === 'failed') {
      return html`${icon('error')}
        <p>${path.message}</p>
        <p>${path.next}</p>`;
    }
    if (path.kind === 'loading') return progressRing(t('Loading the path'));
    return tree.kind === 'ready' ? html`<p>${t('Choose a rollout to read it.')}</p>` : html``;
  }
}

/** Where a reader starts: at the fork the chosen segment grew from, else at its failure point. */
function startOf(view: PathView): number | null {
  const last = view.parts.at(-1);
  if (last !== undefined && last.from > 0) return last.from - 0.5;
  const failure = view.marks.find((mark) => mark.failure !== null);
  if (failure !== undefined) return failure.at - 0.5;
  return view.ends.length > 0 ? 0 : null;
}

function stopOf({ target }: MouseEvent): number | null {
  const holder = target instanceof Element ? target.closest('[data-stop]') : null;
  const stop = holder === null ? NaN : Number(holder.getAttribute('data-stop'));
  return Number.isNaN(stop) ? null : stop;
}
