import '../shared/l10n.ts';
import '../shared/zod.ts';
import '../shared/frame.css';
import '../shared/spoken.css';
import '../shared/state-dot.css';
import './css/header.css';
import './css/frame.css';
import './css/rows.css';
import './css/path.css';
import './css/recipe.css';
import './css/themes.css';
import { nothing, render } from 'lit-html';
import { colourModes } from '../../src/views/model/shapes.ts';
import { registerControls } from '../shared/controls.ts';
import { keepFocus } from '../shared/focus.ts';
import { vsCodeApi } from '../shared/vscode.ts';
import { Explorer } from './explorer.ts';
import { failed, headerBar } from './header.ts';
import { Help } from './help.ts';
import { Panes } from './panes.ts';
import { PathPane } from './path-pane.ts';
import { PromptsPane } from './prompts-pane.ts';
import { RecipePanel } from './recipe-panel.ts';
import { TreePane } from './tree-pane.ts';

/** Puts the explorer together: the state, the header, three panes, and the keys that work anywhere. */

registerControls();
const explorer = new Explorer(vsCodeApi());
const prompts = new PromptsPane(explorer);
const tree = new TreePane(explorer);
const path = new PathPane(explorer);
const panes = new Panes(explorer, {
  prompts: prompts.element,
  rollouts: tree.element,
  path: path.element,
});
const recipe = new RecipePanel(explorer);
const help = new Help();
const header = document.createElement('header');
header.className = 'header';
const root = document.createElement('main');
root.className = 'explorer';
const unopened = document.createElement('div');
unopened.className = 'message';
unopened.hidden = true;
root.append(header, recipe.element, unopened, panes.element);
document.body.append(root, help.element);

const takeFocus = keepFocus([tree, prompts, path]);
/** Until there is a tree, nothing can take the focus that VS Code gave the page. */
let fresh = true;
explorer.onChange((changes) => {
  root.dataset.colour = explorer.state.colour;
  if (changes.has('header') || changes.has('colour') || changes.has('layout')) {
    render(
      headerBar(explorer, () => help.toggle()),
      header,
    );
    const { failure } = explorer;
    panes.element.hidden = failure !== null;
    unopened.hidden = failure === null;
    render(failure === null ? nothing : failed(failure, () => void explorer.start()), unopened);
  }
  if (fresh && explorer.tree.kind === 'ready') {
    fresh = false;
    takeFocus();
  }
});

prompts.element.addEventListener('leave', () => tree.focus());
tree.element.addEventListener('leave', () => path.focus());

const shortcuts: Record<string, () => void> = {
  n: () => path.toFailure(1),
  p: () => path.toFailure(-1),
  '/': () => {
    const filter = header.querySelector('vscode-text-field');
    if (filter instanceof HTMLElement) filter.focus();
  },
  '?': () => help.toggle(),
  f: () => {
    if (explorer.state.follow) explorer.hold();
    else explorer.follow();
  },
  c: () => {
    const next = colourModes[(colourModes.indexOf(explorer.state.colour) + 1) % colourModes.length];
    if (next !== undefined) explorer.setColour(next);
  },
  o: () => explorer.requests.openDocument(),
  b: () => explorer.requests.fork(),
  s: () => explorer.requests.siblings(),
  w: () => explorer.setWhitespace(!explorer.state.whitespace),
  r: () => explorer.toggleRecipe(),
  '1': () => explorer.togglePane('prompts'),
  '2': () => explorer.togglePane('rollouts'),
  '3': () => explorer.togglePane('path'),
};

document.addEventListener('keydown', (event) => {
  const { target, key } = event;
  if (target instanceof Element && target.closest('.recipe-panel') !== null) return;
  const writing =
    target instanceof Element && target.closest('vscode-text-field, vscode-dropdown') !== null;
  if (writing) {
    if (key === 'Escape' || (key === 'Enter' && target.closest('vscode-text-field') !== null)) {
      prompts.focus();
    }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (help.element.open && key !== '?') return;
  const shortcut = shortcuts[key];
  if (shortcut === undefined) return;
  event.preventDefault();
  shortcut();
});

void explorer.start();
