import { html, render, type TemplateResult } from 'lit-html';
import { iconButton } from '../shared/controls.ts';

const keys: readonly (readonly [string, string])[] = [
  ['↑ ↓ Home End PgUp PgDn', 'move in a list, or between lines of the path'],
  ['← →', 'fold and unfold a tree; the token before and after'],
  ['Enter', 'go on to the next pane'],
  ['Space', 'fold or unfold'],
  ['letters', 'jump to the row that starts with them'],
  ['n   p', 'next, previous failure point ◆ of the path'],
  ['/', 'filter the prompts'],
  ['Esc', 'leave the filter; close this help'],
  ['f', 'follow the run, or hold still'],
  ['c', 'next colouring'],
  ['w', 'show white space'],
  ['1   2   3', 'show or hide prompts, rollouts, path'],
  ['?', 'this help'],
];

/** A modal list of keys; the browser keeps the focus inside and gives it back. */
export class Help {
  readonly element = document.createElement('dialog');

  constructor() {
    this.element.className = 'help';
    this.element.setAttribute('aria-label', 'Keyboard help');
    this.element.addEventListener('click', (event) => {
      if (event.target === this.element) this.element.close();
    });
  }

  toggle(): void {
    if (this.element.open) {
      this.element.close();
      return;
    }
    render(this.#content(), this.element);
    this.element.showModal();
  }

  #content(): TemplateResult {
    return html`<div class="help-body">
      <div class="help-title">
        <h2>Keyboard</h2>
        ${iconButton({ icon: 'close', label: 'Close', onClick: () => this.element.close() })}
      </div>
      <dl>
        ${keys.map(
          ([key, meaning]) =>
            html`<dt><kbd>${key}</kbd></dt>
              <dd>${meaning}</dd>`,
        )}
      </dl>
    </div>`;
  }
}
