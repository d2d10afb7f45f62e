import '../shared/l10n.ts';
import '../shared/zod.ts';
import '../shared/frame.css';
import '../shared/spoken.css';
import '../shared/state-dot.css';
import './css/frame.css';
import './css/charts.css';
import './css/prompts.css';
import '../explorer/css/themes.css';
import { t } from '@vscode/l10n';
import { html, nothing, render, type TemplateResult } from 'lit-html';
import {
  checkbox,
  progressRing,
  registerControls,
  textButton,
  textField,
} from '../shared/controls.ts';
import { keepFocus } from '../shared/focus.ts';
import { icon } from '../shared/icons.ts';
import { onThemeChange, readTheme } from '../shared/theme.ts';
import { vsCodeApi } from '../shared/vscode.ts';
import { catalog, type ChartSpec } from './catalog.ts';
import { curvesOf, type ChartLook } from './chart.ts';
import { Charts } from './charts.ts';
import { figures, isMinor } from './figures.ts';
import { headerBar, notice } from './header.ts';
import { pictureOf, printTheme } from './picture.ts';
import { Prompts } from './prompts.ts';
import { parseTargets, targetsText } from './targets.ts';
import { CompareView, type Change, type SectionName } from './view.ts';

/** Puts the compare view together: the header, the charts, the table, the prompts. */

registerControls();
keepFocus();
const view = new CompareView(vsCodeApi());
const root = part('main', 'compare');
const header = part('header', 'header');
const page = part('div', 'page');
const unready = part('div', 'unready');
const charts = new Charts(
  readTheme(),
  () => undefined,
  (spec) => savePictures([spec], 'as_shown'),
);
const figuresBox = part('div', 'figures-box');
// On a narrow page the table scrolls sideways: by keyboard too.
figuresBox.tabIndex = 0;
figuresBox.setAttribute('role', 'region');
figuresBox.setAttribute('aria-label', t('Figures'));
/** Where the page was when it was last seen. */
const { scroll } = view.state;
const prompts = new Prompts(view, page, () => (page.scrollTop = scroll));
const sections: Record<SectionName, { heading: HTMLElement; body: HTMLElement; title: string }> = {
  charts: { heading: part('div', 'heading'), body: charts.element, title: t('Charts') },
  figures: { heading: part('div', 'heading'), body: figuresBox, title: t('Figures') },
  prompts: { heading: part('div', 'heading'), body: prompts.element, title: t('Prompts') },
};
for (const [name, { heading, body }] of Object.entries(sections)) {
  const section = part('section', `section ${name}-section`);
  section.append(heading, body);
  page.append(section);
}
root.append(header, unready, page);
document.body.append(root);
onThemeChange(() => charts.setTheme(readTheme()));

function part(tag: string, className: string): HTMLElement {
  const element = document.createElement(tag);
  element.className = className;
  return element;
}

/** How much a noisy curve is smoothed where a person wants that. */
const SMOOTHING = 0.8;

const look = (): ChartLook => ({
  axis: view.state.axis,
  smoothing: view.state.smooth ? SMOOTHING : 0,
});

function drawn() {
  const { sides, summary } = view;
  return sides === null || summary === null ? null : { sides, pricing: summary.pricing };
}

view.onChange((changes) => {
  const { shown, summary } = view;
  const ready = shown.kind === 'ready' && summary !== null;
  page.hidden = !ready;
  header.hidden = !ready;
  unready.hidden = ready;
  render(ready ? nothing : waiting(), unready);
  if (!ready) return;
  if (changes.has('header')) render(headerBar(view, summary, { exportAs }), header);
  drawSections(changes);
});

function drawSections(changes: ReadonlySet<Change>): void {
  const { summary, state } = view;
  if (summary === null) return;
  for (const name of ['charts', 'figures', 'prompts'] as const) {
    const { heading, body, title } = sections[name];
    body.hidden = !state.sections[name];
    render(sectionHeading(name, title), heading);
  }
  const data = drawn();
  if (changes.has('charts') && data !== null && state.sections.charts) {
    charts.setData(data, look());
  }
  if (changes.has('figures') && state.sections.figures) render(figuresView(), figuresBox);
}

function sectionHeading(name: SectionName, title: string): TemplateResult {
  const open = view.state.sections[name];
  const toggle = () => {
    const now = { ...view.state.sections, [name]: !open };
    view.set({ sections: now }, 'charts', 'figures', 'query', 'rows');
  };
  return html`<h2>
    <button type="button" class="section-toggle" aria-expanded=${open} @click=${toggle}>
      ${icon(open ? 'chevronDown' : 'chevronRight')}${title}
    </button>
  </h2>`;
}

function figuresView(): TemplateResult {
  const { summary, names } = view;
  if (summary === null) return html``;
  const infos = summary.notes.filter(({ severity }) => severity === 'info');
  const rows = summary.table.filter((row) => view.state.all_figures || !isMinor(row));
  return html`<div class="bar targets">
      <span>${t('Tokens to reach a held-out accuracy of')}</span>
      ${textField({
        label: t('Target accuracies in percent'),
        placeholder: t('60, 70, 80'),
        value: typed ?? targetsText(summary.targets),
        onInput: setTargets,
      })}
      <span>%</span>
      ${checkbox({
        label: t('All figures'),
        checked: view.state.all_figures,
        onChange: (all_figures) => view.set({ all_figures }, 'figures'),
      })}
      <span class="dim" role="status">${typedWrong ? t('Percentages from 0 to 100.') : ''}</span>
    </div>
    ${
      rows.length === 0
        ? html`<p class="message">${t('There is nothing to tell from yet.')}</p>`
        : figures(rows, names, summary.pricing)
    }
    ${infos.map(notice)}`;
}

/** What is being typed; null where that was taken. */
let typed: string | null = null;
let typedWrong = false;
let typing: number | undefined;
/** A pause in typing that ends it. */
const PAUSE_MS = 700;

function setTargets(text: string): void {
  typed = text;
  window.clearTimeout(typing);
  const targets = parseTargets(text);
  typedWrong = targets === null;
  render(figuresView(), figuresBox);
  if (targets === null) return;
  typing = window.setTimeout(() => {
    typed = null;
    view.ask(view.channel.request('set_targets', { targets }));
  }, PAUSE_MS);
}

function waiting(): TemplateResult {
  const { shown } = view;
  if (shown.kind === 'failed') {
    return html`<div class="message failure" role="alert">
      ${icon('error')}
      <p>${shown.message}</p>
      <p>${shown.next}</p>
      ${textButton({ label: t('Try Again'), onClick: () => view.start(), primary: true })}
    </div>`;
  }
  const words = shown.kind === 'loading' ? shown.words : t('Opening…');
  return html`<p class="message busy" role="status">
    ${progressRing(t('Busy'))}<span>${words}</span>
  </p>`;
}

function exportAs(): void {
  view.ask(
    view.channel.request('choose_export', {}).then((chosen) => {
      if (chosen !== null) savePictures(catalog, chosen.pictures);
    }),
  );
}

function savePictures(specs: readonly ChartSpec[], manner: 'as_shown' | 'light'): void {
  const data = drawn();
  if (data === null) return;
  const style = getComputedStyle(document.body);
  const background = manner === 'light' ? '#ffffff' : style.backgroundColor;
  const theme = manner === 'light' ? printTheme : readTheme();
  const pictures = specs.map((spec) => ({
    name: spec.id,
    data: pictureOf(spec, data, curvesOf(data, spec, look()), look(), theme, background),
  }));
  view.ask(
    view.channel.request('save_pictures', { pictures }).then((sentence) => {
      if (sentence !== null) view.say(sentence);
    }),
  );
}

page.addEventListener('scrollend', () => view.set({ scroll: page.scrollTop }));
view.start();
