import '../shared/l10n.ts';
import '../shared/zod.ts';
import '../shared/spoken.css';
import './main.css';
import { t } from '@vscode/l10n';
import { html, nothing, render, type TemplateResult } from 'lit-html';
import { z } from 'zod';
import {
  events,
  results,
  type ChartsState,
  type Protocol,
} from '../../src/views/charts/protocol.ts';
import { applyTail } from '../../src/views/charts/tail.ts';
import { Channel, RequestError } from '../shared/channel.ts';
import {
  checkbox,
  dropdown,
  progressRing,
  registerControls,
  textButton,
} from '../shared/controls.ts';
import { onThemeChange, readTheme } from '../shared/theme.ts';
import { vsCodeApi } from '../shared/vscode.ts';
import { Grid } from './grid.ts';
import { formatStep, windowOf } from './model.ts';
import type { Axis } from './model.ts';

/** The charts view: its states, its two options, and the grid of charts. */

const savedState = z.object({
  axis: z.enum(['step', 'tokens']).catch('step'),
  all: z.boolean().catch(false),
});

registerControls();
const api = vsCodeApi();
let options = savedState.parse(api.getState() ?? {});
let state: ChartsState | { kind: 'opening' } = { kind: 'opening' };
let cursor: number | null = null;

const root = document.createElement('main');
document.body.append(root);
const grid = new Grid(readTheme(), (x) => {
  cursor = x;
  renderShell();
});
onThemeChange(() => grid.setTheme(readTheme()));

const channel = new Channel<Protocol>(api, results, events, {
  state: show,
  grew: (growth) => {
    if (state.kind !== 'run' || state.directory !== growth.directory) return;
    show({
      ...state,
      state: growth.state,
      alive: growth.alive,
      steps: applyTail(state.steps, growth.steps),
      evaluations: applyTail(state.evaluations, growth.evaluations),
    });
  },
});

function show(next: ChartsState): void {
  state = next;
  renderShell();
  if (state.kind === 'run') grid.setData(state, options);
}

function setOptions(change: Partial<typeof options>): void {
  options = { ...options, ...change };
  api.setState(options);
  renderShell();
  if (state.kind === 'run') grid.setData(state, options);
}

function renderShell(): void {
  render(shell(), root);
}

function shell(): TemplateResult {
  switch (state.kind) {
    case 'opening':
      return busy(t('Loading…'));
    case 'loading':
      return busy(t('Reading {0}…', state.name));
    case 'none':
      return html`<p class="state">${t('There is no run to chart.')}</p>`;
    case 'failed':
      return html`<div class="state" role="alert">
        <p>${t('{0} can’t be read. {1}', state.name, state.message)}</p>
        <p>${state.next}</p>
        ${textButton({ label: t('Show Log'), onClick: showLog })}
      </div>`;
    case 'run':
      return state.steps.length === 0 ? waiting(state) : charts();
  }
}

function busy(words: string): TemplateResult {
  return html`<p class="state busy" role="status">
    ${progressRing(t('Busy'))}<span>${words}</span>
  </p>`;
}

function waiting({ alive, state: words }: Extract<ChartsState, { kind: 'run' }>): TemplateResult {
  if (alive) return busy(t('The first step is not finished yet.'));
  return html`<p class="state" role="status">
    ${t('The run ended before its first step was finished ({0}).', words)}
  </p>`;
}

function charts(): TemplateResult {
  return html`<div class="options">
      ${dropdown<Axis>({
        label: t('Horizontal axis: optimizer steps, or generated tokens'),
        value: options.axis,
        options: [
          { value: 'step', label: t('by step') },
          { value: 'tokens', label: t('by tokens') },
        ],
        onChange: (axis) => setOptions({ axis }),
      })}
      ${checkbox({
        label: t('All metrics'),
        checked: options.all,
        onChange: (all) => setOptions({ all }),
      })}
      <span class="where">${cursor === null ? t('latest') : formatStep(cursor, options.axis)}</span>
    </div>
    ${grid.element} ${smoothingNote()}`;
}

function smoothingNote(): TemplateResult | typeof nothing {
  const width = state.kind === 'run' ? windowOf(state.steps.length) : 1;
  if (width === 1) return nothing;
  return html`<p class="note">
    ${t('Lines are means over {0} steps, faint lines the steps.', width)}
  </p>`;
}

function showLog(): void {
  channel.request('show_log', {}).catch(() => undefined); // The host shows what went wrong.
}

renderShell();
channel.request('open', {}).catch((error: unknown) => {
  const next = error instanceof RequestError ? error.next : '';
  const message = error instanceof Error ? error.message : String(error);
  show({ kind: 'failed', name: t('The run'), message, next });
});
