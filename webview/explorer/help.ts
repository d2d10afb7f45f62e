import { t } from '@vscode/l10n';
import { html, render, type TemplateResult } from 'lit-html';
import { iconButton } from '../shared/controls.ts';

const keys: readonly (readonly [string, string])[] = [
  ['↑ ↓ Home End PgUp PgDn', t('move in a list, or between lines of the path')],
  ['← →', t('fold and unfold a tree; the token before and after')],
  ['Enter', t('go on to the next pane')],
  ['Space', t('fold or unfold')],
  [t('letters'), t('in a list: jump to the row that starts with them; if none does, as below')],
  ['n   p', t('next, previous failure point ◆ of the path')],
  ['o', t('open the path as a document')],
  ['b', t('fork before the token: other continuations from there')],
  ['s', t('the same position in its siblings')],
  ['/', t('filter the prompts')],
  ['Esc', t('leave the filter; close this help')],
  ['f', t('follow the run, or hold still')],
  ['c', t('next colouring')],
  ['w', t('show white space')],
  ['r', t('show or hide the recipe of the run')],
  ['1   2   3', t('show or hide prompts, rollouts, path')],
  ['?', t('this help')],
];

/** A modal list of keys; the browser keeps the focus inside and gives it back. */
export class Help {
  readonly element = document.createElement('dialog');

  constructor() {
    this.element.className = 'help';
    this.element.setAttribute('aria-label', t('Keyboard help'));
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
        <h2>${t('Keyboard')}</h2>
        ${iconButton({ icon: 'close', label: t('Close'), onClick: () => this.element.close() })}
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
