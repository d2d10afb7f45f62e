import { html, type TemplateResult } from 'lit-html';
import type { Explorer } from './explorer.ts';
import type { PaneName } from './state.ts';

/** Like VS Code's own trees. */
export const ROW_HEIGHT = 22;

export interface PaneShell {
  element: HTMLElement;
  title: HTMLElement;
  tools: HTMLElement;
  /** Takes the focus; its rows are named by `aria-activedescendant`. */
  scroller: HTMLElement;
  rows: HTMLElement;
  /** Shown instead of the rows where there are none. */
  message: HTMLElement;
}

/** The lasting elements of a pane; what they hold is drawn again and again. */
export function paneShell(name: PaneName, label: string): PaneShell {
  const part = (className: string, tag = 'div') => {
    const element = document.createElement(tag);
    element.className = className;
    return element;
  };
  const shell: PaneShell = {
    element: part(`pane ${name}`, 'section'),
    title: part('pane-title'),
    tools: part('pane-tools'),
    scroller: part('scroller'),
    rows: part('rows'),
    message: part('message'),
  };
  shell.element.setAttribute('aria-label', label);
  shell.scroller.tabIndex = 0;
  shell.scroller.setAttribute('aria-label', label);
  shell.rows.setAttribute('role', 'presentation');
  shell.scroller.append(shell.rows);
  shell.element.append(shell.title, shell.tools, shell.message, shell.scroller);
  return shell;
}

/** Set as a property: the content security policy refuses `style` attributes. */
export function rowStyle(index: number): string {
  return `transform: translateY(${index * ROW_HEIGHT}px)`;
}

/** Whoever turns the wheel or takes hold of the scroll bar is reading; where to is remembered. */
export function holdWhileReading(explorer: Explorer, scroller: HTMLElement, pane: PaneName): void {
  scroller.addEventListener('wheel', () => explorer.hold(), { passive: true });
  scroller.addEventListener('pointerdown', () => explorer.hold());
  scroller.addEventListener('scrollend', () => {
    explorer.state.scroll[pane] = scroller.scrollTop;
    explorer.save();
  });
}

/** Words for a screen reader between the numbers that others see in columns. */
export function spoken(words: string): TemplateResult {
  return html`<span class="spoken">${words}</span>`;
}

/** Asks whoever arranges the panes to go on to the next one. */
export function leave(): Event {
  return new Event('leave', { bubbles: true });
}
