import { t } from '@vscode/l10n';
import { html, nothing, type TemplateResult } from 'lit-html';
import { colourModes } from '../../src/views/model/shapes.ts';
import type { RunHeader } from '../../src/views/explorer/protocol.ts';
import { LEVELS, percent, scales, short, type Scale } from '../../src/views/model/scale.ts';
import { plain } from '../../src/views/model/text.ts';
import { stateName } from '../../src/views/runs/state-name.ts';
import { dropdown, iconButton, textButton, textField } from '../shared/controls.ts';
import { icon } from '../shared/icons.ts';
import type { Explorer } from './explorer.ts';
import type { PaneName } from './state.ts';

/** The bar on top: the run, its commands, how tokens are coloured, and what the view follows. */
export function headerBar(explorer: Explorer, toggleHelp: () => void): TemplateResult {
  const { header, state } = explorer;
  return html`
    <div class="bar" role="toolbar" aria-label=${t('Run and view')}>
      ${
        header === null
          ? html`<span class="run-name"
              >${explorer.failure === null ? t('Opening…') : t('Not opened')}</span
            >`
          : runFacts(header)
      }
      ${header === null ? nothing : runButtons(explorer, header)}
      ${
        header === null
          ? nothing
          : iconButton({
              icon: 'settings',
              label: state.recipe ? t('Hide the recipe (r)') : t('Show the recipe of this run (r)'),
              onClick: () => explorer.toggleRecipe(),
              controls: { id: 'recipe-panel', expanded: state.recipe },
            })
      }
      <span class="gap"></span>
      ${dropdown({
        label: t('Colour tokens by'),
        value: state.colour,
        options: colourModes.map((value) => ({ value, label: scales[value].label })),
        onChange: (colour) => explorer.setColour(colour),
      })}
      ${legend(explorer)}
      <span class="divider"></span>
      ${followButton(explorer)}
      ${textField({
        label: t('Filter prompts'),
        placeholder: t('Filter prompts  ( / )'),
        value: state.query.text,
        onInput: (text) => {
          explorer.hold();
          explorer.setQuery({ text });
        },
      })}
      <span class="bar-end"
        >${paneButtons(explorer)}
        ${iconButton({ icon: 'question', label: t('Keyboard help (?)'), onClick: toggleHelp })}</span
      >
    </div>
    ${notices(explorer)}
  `;
}

/** Instead of the panes, where the run could not be opened. */
export function failed(
  { message, next }: { message: string; next: string },
  again: () => void,
): TemplateResult {
  return html`${icon('error')}
    <p>${message}</p>
    <p>${next}</p>
    ${textButton({ label: t('Try Again'), onClick: again, primary: true })}`;
}

function runFacts(header: RunHeader): TemplateResult {
  const step = header.max_steps > 0 ? `${header.step ?? 0}/${header.max_steps}` : header.step;
  return html`
    <bdi
      class="run-name"
      title=${
        header.strategy === 'adaptive'
          ? t('Adaptive run in {0}', header.directory)
          : t('Baseline run in {0}', header.directory)
      }
      >${plain(header.name)}</bdi
    >
    <span class="state state-${header.state}">
      <span class="dot" aria-hidden="true"></span>${stateName(header.state)}
    </span>
    <span class="fact"><span class="key">${t('step')}</span> ${step ?? '–'}</span>
    <span class="fact"><span class="key">${t('reward')}</span> ${short(header.reward)}</span>
    <span class="fact" title=${t('Share of the step’s segments that were cut for uncertainty')}>
      <span class="key">${t('truncated')}</span> ${percent(header.truncation_rate)}
    </span>
  `;
}

function runButtons(explorer: Explorer, header: RunHeader): TemplateResult | typeof nothing {
  if (!header.controllable || !explorer.live) return nothing;
  const paused = header.state === 'paused';
  const go = paused ? ('resume' as const) : ('pause' as const);
  return html`<span class="buttons">
    ${iconButton({
      icon: paused ? 'play' : 'pause',
      label: paused ? t('Resume the run') : t('Pause after this step'),
      onClick: () => explorer.requests.command(go),
      disabled: header.state === 'starting',
    })}
    ${iconButton({
      icon: 'step',
      label: t('Run one step, then pause'),
      onClick: () => explorer.requests.command('step'),
      disabled: header.state === 'starting',
    })}
    ${iconButton({
      icon: 'stop',
      label: t('Stop the run'),
      onClick: () => explorer.requests.command('stop'),
    })}
  </span>`;
}

/** Swatches look like tokens: tint and bar. The numbers are the scale's bounds. */
function legend(explorer: Explorer): TemplateResult {
  const mode = explorer.state.colour;
  const { bounds, direction, unit, label } = scales[mode];
  const signed = direction === 'signed';
  const levels = signed
    ? [-LEVELS, -5, -3, -1, 0, 1, 3, 5, LEVELS]
    : Array.from({ length: LEVELS + 1 }, (_, level) => level);
  const first = number(bounds[0] ?? 0);
  const last = number(bounds.at(-1) ?? 0);
  const [from, to] = signed
    ? [`≤ −${last}`, `≥ +${last}`]
    : direction === 'falling'
      ? [`≥ ${first}`, `< ${last}`]
      : ['0', `≥ ${last}`];
  const thresholds = explorer.header?.thresholds;
  const cut =
    mode === 'max_prob'
      ? thresholds?.max_prob
      : mode === 'entropy'
        ? thresholds?.entropy
        : undefined;
  const cutText = cut === undefined ? '' : ` ◆ ${direction === 'falling' ? '<' : '>'} ${cut}`;
  const scale = `${label}: ${bounds.join(' · ')}${unit === '' ? '' : ` ${unit}`}`;
  const title = cut === undefined ? scale : `${scale}; ${unsureBeyond(direction, cut)}`;
  return html`<span class="legend" role="img" aria-label=${t('Legend. {0}', title)} title=${title}>
    <span class="number">${from}</span>
    <span class="swatches"
      >${levels.map((level) => html`<span class="swatch token ${levelClass(level)}"></span>`)}</span
    >
    <span class="number">${to}${unit === '' ? '' : ` ${unit}`}</span>
    ${cutText === '' ? nothing : html`<span class="number cut">${cutText}</span>`}
  </span>`;
}

const unsureBeyond = (direction: Scale['direction'], cut: number): string =>
  direction === 'falling' ? t('unsure (◆) below {0}', cut) : t('unsure (◆) above {0}', cut);

const number = (value: number): string => String(value).replace('-', '−');

/** How a level looks, in text, strips and legend. */
export function levelClass(level: number): string {
  return level < 0 ? `n${-level}` : `l${level}`;
}

/** Following or not; where steps came meanwhile, a pill that says how many and goes to them. */
function followButton(explorer: Explorer): TemplateResult | typeof nothing {
  const { newSteps, state } = explorer;
  if (newSteps > 0) {
    return html`<button
      class="pill"
      type="button"
      title=${t('Follow the run (f)')}
      @click=${() => explorer.follow()}
    >
      ${icon('target')}${newSteps === 1 ? t('1 new step') : t('{0} new steps', newSteps)}
    </button>`;
  }
  if (!explorer.live) return nothing;
  return iconButton({
    icon: 'target',
    label: state.follow
      ? t('Following the newest step; click to hold still (f)')
      : t('Follow the run (f)'),
    onClick: () => {
      if (state.follow) explorer.hold();
      else explorer.follow();
    },
    pressed: state.follow,
  });
}

const paneSwitches: Record<PaneName, { label: string; show: string; hide: string }> = {
  prompts: { label: t('Show prompts'), show: t('Show prompts (1)'), hide: t('Hide prompts (1)') },
  rollouts: {
    label: t('Show rollouts'),
    show: t('Show rollouts (2)'),
    hide: t('Hide rollouts (2)'),
  },
  path: { label: t('Show path'), show: t('Show path (3)'), hide: t('Hide path (3)') },
};

function paneButtons(explorer: Explorer): TemplateResult {
  const panes: PaneName[] = ['prompts', 'rollouts', 'path'];
  return html`<span class="pane-switch" role="group" aria-label=${t('Panes')}>
    ${panes.map((pane) => {
      const shown = explorer.state.panes[pane];
      const { label, show, hide } = paneSwitches[pane];
      return html`<button
        type="button"
        class="icon-button pane-button pane-${pane}"
        aria-pressed=${shown}
        aria-label=${label}
        title=${shown ? hide : show}
        @click=${() => explorer.togglePane(pane)}
      >
        <span class="pane-glyph" aria-hidden="true"></span>
      </button>`;
    })}
  </span>`;
}

function notices(explorer: Explorer): TemplateResult {
  const { header } = explorer;
  const capture = header?.capture ?? null;
  return html`
    ${
      header !== null && (header.state === 'crashed' || header.state === 'failed')
        ? html`<div class="notice error" role="alert">
            ${icon('error')}
            <span>${header.message} ${header.next}</span>
            ${textButton({
              label: t('Resume'),
              primary: true,
              onClick: () => explorer.requests.resumeRun(),
            })}
            ${textButton({ label: t('Show Log'), onClick: () => explorer.requests.showLog() })}
          </div>`
        : nothing
    }
    ${header?.problems.map(
      (problem) =>
        html`<div class="notice warning">${icon('warning')}<span>${problem}</span></div>`,
    )}
    ${
      capture === null
        ? nothing
        : html`<div class="notice info">
            ${icon('info')}<span
              >${
                capture.of === null
                  ? t('Recorded: only {0} prompts of each step.', capture.recorded)
                  : t('Recorded: {0} of {1} prompts of each step.', capture.recorded, capture.of)
              }</span
            >
          </div>`
    }
    <div class="note" role="status" aria-live="polite">${explorer.note}</div>
  `;
}
