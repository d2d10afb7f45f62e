import {
  Virtualizer,
  elementScroll,
  observeElementOffset,
  observeElementRect,
  type VirtualItem,
} from '@tanstack/virtual-core';

/** Rows of one height, of which only those in sight exist. */
export class VirtualList {
  readonly #scroller: HTMLElement;
  readonly #rowHeight: number;
  readonly #onChange: () => void;
  readonly #virtualizer: Virtualizer<HTMLElement, Element>;
  #count = 0;

  /** `onChange`: the rows in sight are others now. */
  constructor(scroller: HTMLElement, rowHeight: number, overscan: number, onChange: () => void) {
    this.#scroller = scroller;
    this.#rowHeight = rowHeight;
    this.#onChange = onChange;
    this.#virtualizer = new Virtualizer<HTMLElement, Element>(this.#options(overscan));
    this.#virtualizer._didMount();
    this.#virtualizer._willUpdate();
  }

  #options(overscan: number) {
    return {
      count: this.#count,
      overscan,
      getScrollElement: () => this.#scroller,
      estimateSize: () => this.#rowHeight,
      scrollToFn: elementScroll,
      observeElementRect,
      observeElementOffset,
      onChange: () => this.#onChange(),
    };
  }

  set count(count: number) {
    if (count === this.#count) return;
    this.#count = count;
    this.#virtualizer.setOptions({ ...this.#virtualizer.options, count });
    this.#virtualizer._willUpdate();
  }

  get items(): VirtualItem[] {
    return this.#virtualizer.getVirtualItems();
  }

  get totalHeight(): number {
    return this.#count * this.#rowHeight;
  }

  /** Rows that fit in sight. */
  get pageSize(): number {
    return Math.max(1, Math.floor(this.#scroller.clientHeight / this.#rowHeight) - 1);
  }

  /** Scrolls as little as needed. */
  reveal(index: number): void {
    const top = index * this.#rowHeight;
    const { scrollTop, clientHeight } = this.#scroller;
    if (top < scrollTop) this.#scroller.scrollTop = top;
    else if (top + this.#rowHeight > scrollTop + clientHeight) {
      this.#scroller.scrollTop = top + this.#rowHeight - clientHeight;
    }
  }

  /** Puts a row near the top unless it is in sight. */
  jump(index: number): void {
    const top = index * this.#rowHeight;
    const { scrollTop, clientHeight } = this.#scroller;
    const inSight = top >= scrollTop && top + this.#rowHeight <= scrollTop + clientHeight;
    if (!inSight) this.#scroller.scrollTop = Math.max(0, top - 3 * this.#rowHeight);
  }
}
