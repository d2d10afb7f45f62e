import { html, type TemplateResult } from 'lit-html';
import { unsafeHTML } from 'lit-html/directives/unsafe-html.js';
import chevronDown from '@vscode/codicons/src/icons/chevron-down.svg';
import chevronRight from '@vscode/codicons/src/icons/chevron-right.svg';
import close from '@vscode/codicons/src/icons/close.svg';
import diff from '@vscode/codicons/src/icons/diff.svg';
import error from '@vscode/codicons/src/icons/error.svg';
import exportIcon from '@vscode/codicons/src/icons/export.svg';
import forked from '@vscode/codicons/src/icons/git-branch.svg';
import goToFile from '@vscode/codicons/src/icons/go-to-file.svg';
import info from '@vscode/codicons/src/icons/info.svg';
import listTree from '@vscode/codicons/src/icons/list-tree.svg';
import pause from '@vscode/codicons/src/icons/debug-pause.svg';
import play from '@vscode/codicons/src/icons/debug-continue.svg';
import question from '@vscode/codicons/src/icons/question.svg';
import settings from '@vscode/codicons/src/icons/settings.svg';
import sortDown from '@vscode/codicons/src/icons/arrow-down.svg';
import sortUp from '@vscode/codicons/src/icons/arrow-up.svg';
import step from '@vscode/codicons/src/icons/debug-step-over.svg';
import save from '@vscode/codicons/src/icons/save.svg';
import stop from '@vscode/codicons/src/icons/debug-stop.svg';
import table from '@vscode/codicons/src/icons/table.svg';
import target from '@vscode/codicons/src/icons/target.svg';
import warning from '@vscode/codicons/src/icons/warning.svg';
import whitespace from '@vscode/codicons/src/icons/whitespace.svg';

/** VS Code's own icons, inlined when the bundle is built: text of ours, never of a run. */
const icons = {
  chevronDown,
  chevronRight,
  close,
  diff,
  error,
  export: exportIcon,
  forked,
  goToFile,
  info,
  listTree,
  pause,
  play,
  question,
  settings,
  save,
  sortDown,
  sortUp,
  step,
  stop,
  table,
  target,
  warning,
  whitespace,
};
export type IconName = keyof typeof icons;

export function icon(name: IconName): TemplateResult {
  return html`<span class="icon" aria-hidden="true">${unsafeHTML(icons[name])}</span>`;
}

/** The same as an element, for what is not rendered by lit. */
export function iconElement(name: IconName): HTMLElement {
  const element = document.createElement('span');
  element.className = 'icon';
  element.setAttribute('aria-hidden', 'true');
  element.innerHTML = icons[name];
  return element;
}
