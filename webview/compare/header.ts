import { t } from '@vscode/l10n';
import { html, nothing, type TemplateResult } from 'lit-html';
import { hasPrice } from '../../src/compare/curves.ts';
import { axes, type Axis, type Note } from '../../src/compare/model.ts';
import type { RunLine, Summary } from '../../src/views/compare/protocol.ts';
import { checkbox, dropdown, iconButton, textButton } from '../shared/controls.ts';
import { icon } from '../shared/icons.ts';
import { swatch } from './sides.ts';
import type { CompareView } from './view.ts';

/** The bar on top: what is compared, how far its runs are, what charts are drawn against. */
export function headerBar(
  view: CompareView,
  summary: Summary,
  actions: { exportAs: () => void },
): TemplateResult {
  const { state, names } = view;
  const price = hasPrice(summary.pricing);
  const setAxis = (axis: Axis) => {
    if (axis === 'cost' && !price) {
      view.ask(view.channel.request('open_price', {}));
      view.say(t('Set a price an hour or a million tokens, then choose cost again.'));
      view.set({}, 'header');
    } else view.set({ axis }, 'header', 'charts');
  };
  return html`<div class="bar" role="toolbar" aria-label=${t('Comparison')}>
      <h1 class="name" title=${summary.name}>${summary.name}</h1>
      <span class="gap"></span>
      ${dropdown<Axis>({
        label: t('Draw charts against'),
        value: state.axis === 'cost' && !price ? 'generated_tokens' : state.axis,
        options: axes.map((value) => ({ value, label: axisLabel(value, price) })),
        onChange: setAxis,
      })}
      ${checkbox({
        label: t('Smooth'),
        checked: state.smooth,
        onChange: (smooth) => view.set({ smooth }, 'header', 'charts'),
      })}
      ${
        summary.stoppable
          ? iconButton({
              icon: 'stop',
              label: t('Stop all runs of this comparison'),
              onClick: () => view.ask(view.channel.request('stop', {})),
            })
          : nothing
      }
      ${textButton({ label: t('Export…'), onClick: actions.exportAs })}
    </div>
    <div class="sides">
      ${[0, 1].map((side) => sideLine(view, side, names[side] ?? '', linesOf(summary, side)))}
    </div>
    ${summary.notes.filter(({ severity }) => severity === 'warning').map(notice)}
    ${troubles(view, summary.lines)}
    <div class="note" role="status" aria-live="polite">${view.note}</div>`;
}

const linesOf = ({ lines }: Summary, side: number): readonly RunLine[] =>
  lines.filter((line) => line.side === side);

function axisLabel(axis: Axis, price: boolean): string {
  switch (axis) {
    case 'generated_tokens':
      return t('by generated tokens');
    case 'step':
      return t('by optimizer steps');
    case 'seconds':
      return t('by training time');
    case 'cost':
      return price ? t('by cost') : t('by cost (set a price…)');
  }
}

function sideLine(
  view: CompareView,
  side: number,
  name: string,
  lines: readonly RunLine[],
): TemplateResult {
  return html`<div class="side">
    ${swatch(side)}<span class="side-name">${name}</span>
    ${lines.length === 0 ? html`<span class="dim">${t('no runs yet')}</span>` : nothing}
    ${lines.map((line) => {
      const { directory } = line;
      const words = wordsOf(line);
      const content = html`<span class="dot" aria-hidden="true"></span>${words}`;
      return directory === null
        ? html`<span class="run state-${line.state}" title=${waitsText(line)}>${content}</span>`
        : html`<button
            type="button"
            class="run state-${line.state}"
            title=${t('{0}: open in the rollout explorer', directory)}
            ?disabled=${line.state === 'recorded' || line.state === 'missing'}
            @click=${() => view.ask(view.channel.request('open_run', { directory }))}
          >
            ${content}
          </button>`;
    })}
  </div>`;
}

function waitsText({ state }: RunLine): string {
  if (state !== 'waiting') return '';
  return t('Starts when another run of this comparison has ended, as long as this window is open.');
}

function wordsOf({ seed, state, step, max_steps, alive }: RunLine): string {
  const parts = [
    seed === null ? t('run') : t('seed {0}', seed),
    stateWord(state),
    ...(step === null ? [] : [alive && max_steps !== null ? `${step}/${max_steps}` : `${step}`]),
  ];
  return parts.join(' ');
}

function stateWord(state: string): string {
  const words: Record<string, string> = {
    starting: t('starting'),
    running: t('running'),
    paused: t('paused'),
    finished: t('finished'),
    stopped: t('stopped'),
    failed: t('failed'),
    crashed: t('crashed'),
    waiting: t('waits'),
    cancelled: t('cancelled'),
    recorded: t('recorded'),
    missing: t('missing'),
  };
  return words[state] ?? state;
}

export function notice({ severity, sentence }: Note): TemplateResult {
  return html`<div class="notice ${severity}">${icon(severity)}<span>${sentence}</span></div>`;
}

/** Runs that are gone, damaged, failed or crashed: said, and what to do. */
function troubles(view: CompareView, lines: readonly RunLine[]): TemplateResult[] {
  return lines
    .filter(({ message }) => message !== '')
    .map(({ side, seed, message, next, directory, state }) => {
      const who = seed === null ? '' : ` ${t('seed {0}', seed)}`;
      const log =
        directory !== null && state !== 'missing'
          ? textButton({
              label: t('Show Log'),
              onClick: () => view.ask(view.channel.request('show_log', { directory })),
            })
          : nothing;
      return html`<div class="notice error" role="alert">
        ${icon('error')}<span>${view.names[side]}${who}: ${message} ${next}</span>${log}
      </div>`;
    });
}
