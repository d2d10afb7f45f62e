import { t } from '@vscode/l10n';
import { html, nothing, type TemplateResult } from 'lit-html';
import type { Outcome } from '../../src/compare/align.ts';
import type { Half, LeafHalf, PairRow } from '../../src/views/compare/protocol.ts';
import type { Strip } from '../../src/views/model/shapes.ts';
import { short, signed } from '../../src/views/model/scale.ts';
import { quoted } from '../../src/views/model/text.ts';
import { rowStyle, spoken } from '../explorer/pane.ts';
import { stripDrawing } from '../explorer/strip.ts';
import { statusOf } from '../explorer/tree-rows.ts';
import { icon } from '../shared/icons.ts';

/** The rows of the prompts, both sides on one line. */

export type PromptRow = Extract<PairRow, { kind: 'prompt' }>;
export type CompletionsRow = Extract<PairRow, { kind: 'completions' }>;

export interface RowState {
  index: number;
  /** Has the cursor. */
  active: boolean;
  names: readonly [string, string];
  /** Whether tokens of the two sides can be compared. */
  sameTokens: boolean;
  onClick: () => void;
  /** A prompt is unfolded; completions are opened: one of them, or both as a difference. */
  onOpen: (part: 'both' | 0 | 1) => void;
}

export function promptRow(row: PromptRow, state: RowState): TemplateResult {
  const { title, sides, delta, outcome, unfolded, position, size } = row;
  const [left, right] = sides;
  const words = outcomeOf(outcome, state.names);
  const toggle = (event: Event) => {
    event.stopPropagation();
    state.onOpen('both');
  };
  return html`<div
    id="pair-${state.index}"
    class="row prompt ${state.active ? 'active' : ''}"
    role="treeitem"
    aria-level="1"
    aria-posinset=${position}
    aria-setsize=${size}
    aria-expanded=${unfolded}
    aria-selected=${state.active}
    .style=${rowStyle(state.index)}
    @click=${state.onClick}
    @dblclick=${toggle}
  >
    <span class="half first">
      <span class="twisty" @click=${toggle}
        >${icon(unfolded ? 'chevronDown' : 'chevronRight')}</span
      >
      <bdi class="label" title=${title}>${title}</bdi>
      ${halfFacts(left, state.names[0])}
    </span>
    <span class="middle">
      <span class="delta ${signOf(delta)}" title=${t('Mean reward, second minus first')}
        >${spoken(t(', difference '))}${signed(delta)}</span
      >
    </span>
    <span class="half second">
      ${halfFacts(right, state.names[1])}
      <span class="outcome ${outcome}" title=${words.title}
        ><span class="glyph" aria-hidden="true">${words.glyph}</span>${spoken(', ')}${
          words.text
        }</span
      >
      ${left.key.step === right.key.step ? nothing : html`<span class="dim">${stepsText(row)}</span>`}
    </span>
  </div>`;
}

function stepsText({ sides: [left, right] }: PromptRow): string {
  return t('step {0} | {1}', left.key.step, right.key.step);
}

function halfFacts({ completions, correct, reward_mean }: Half, name: string): TemplateResult {
  const right = correct === null ? `${completions}` : `${correct}/${completions}`;
  return html`<span class="facts"
    >${spoken(`, ${name} `)}<span
      class="cell share"
      title=${correct === null ? t('Completions') : t('Right, of all completions')}
      >${right}</span
    ><span class="cell reward" title=${t('Mean reward')}
      >${spoken(t(', reward '))}${short(reward_mean)}</span
    ></span
  >`;
}

/** Glyph and word: the colour only repeats them. */
export function outcomeOf(
  outcome: Outcome,
  names: readonly [string, string],
): { glyph: string; text: string; title: string } {
  switch (outcome) {
    case 'won':
      return { glyph: '▲', text: t('won'), title: t('Only {0} is right', names[1]) };
    case 'lost':
      return { glyph: '▼', text: t('lost'), title: t('Only {0} is right', names[0]) };
    case 'both_right':
      return { glyph: '✓', text: t('both right'), title: t('At least half right on both sides') };
    case 'both_wrong':
      return { glyph: '✗', text: t('both wrong'), title: t('Less than half right on both sides') };
    case 'unknown':
      return { glyph: '○', text: t('not judged'), title: t('No reward function of accuracy') };
  }
}

/** What strips are drawn with. */
export interface Look {
  strips: readonly [Strip | null, Strip | null];
  stride: number;
  signed: boolean;
}

export function completionsRow(row: CompletionsRow, state: RowState, look: Look): TemplateResult {
  const { sides, delta, position, size } = row;
  const [left, right] = sides;
  const open = (part: 'both' | 0 | 1) => (event: Event) => {
    event.stopPropagation();
    state.onOpen(part);
  };
  const leaf = (side: 0 | 1, half: LeafHalf | null) =>
    html`<span
      class="half ${side === 0 ? 'first' : 'second'}"
      @dblclick=${open(side)}
      title=${half === null ? '' : t('Double-click opens this rollout as a document')}
      >${
        half === null
          ? html`<span class="dim none"
              >${spoken(`${state.names[side]}: ${t('no such completion')}`)}<span aria-hidden="true"
                >–</span
              ></span
            >`
          : leafCells(row, half, state.names[side], look.strips[side], look)
      }</span
    >`;
  return html`<div
    id="pair-${state.index}"
    class="row completions ${state.active ? 'active' : ''}"
    role="treeitem"
    aria-level="2"
    aria-posinset=${position}
    aria-setsize=${size}
    aria-selected=${state.active}
    .style=${rowStyle(state.index)}
    @click=${state.onClick}
  >
    ${leaf(0, left)}
    <span class="middle" @dblclick=${open('both')}
      >${differenceCell(row, state.sameTokens)}<span class="delta ${signOf(delta)}"
        >${delta === null ? '' : html`${spoken(t(', difference of reward '))}${signed(delta)}`}</span
      ></span
    >
    ${leaf(1, right)}
  </div>`;
}

function leafCells(
  { differs_at, extent }: CompletionsRow,
  half: LeafHalf,
  name: string,
  strip: Strip | null,
  { stride, signed: isSigned }: Look,
): TemplateResult {
  const status = statusOf({ ...half, fork_at: 0 });
  const cells = Math.ceil(extent / stride);
  return html`<span class="leaf-name" title=${half.label}>${spoken(`${name}: `)}${half.label}</span>
    <span class="strip-cell"
      >${stripDrawing({ fork_at: 0, failure_point: half.failure_point }, strip, extent, stride, isSigned)}${
        differs_at === null || differs_at > half.length
          ? nothing
          : html`<span
              class="parting"
              aria-hidden="true"
              .style=${`left: ${Math.min(100, (100 * differs_at) / stride / cells)}%`}
            ></span>`
      }</span
    >
    <span class="cell status ${status.kind}" title=${status.title}
      ><span class="glyph" aria-hidden="true">${status.glyph}</span
      >${spoken(', ')}${status.text}</span
    >
    <span class="cell reward">${spoken(t(', reward '))}${short(half.reward)}</span>
    <span class="cell tokens" title=${t('Tokens of the whole completion')}
      >${spoken(', ')}${half.length}${spoken(t(' tokens'))}</span
    >`;
}

/** Where the two part, and what each says there. */
function differenceCell(
  { sides, differs_at, differs }: CompletionsRow,
  sameTokens: boolean,
): TemplateResult {
  if (sides.includes(null) || !sameTokens) return html`<span class="parts"></span>`;
  if (differs_at === null) {
    return html`<span class="parts dim" title=${t('No token differs')}
      >${spoken(t(', no token differs'))}<span aria-hidden="true">=</span></span
    >`;
  }
  const [a, b] = (differs ?? ['', '']).map((text) => (text === '' ? t('(end)') : quoted(text)));
  const title = t('Token {0} is the first that differs: {1} and {2}', differs_at, a ?? '', b ?? '');
  return html`<span class="parts" title=${title}
    >${spoken(`, ${title}`)}<span aria-hidden="true">≠ ${differs_at}</span></span
  >`;
}

const signOf = (delta: number | null): string =>
  delta === null || delta === 0 ? '' : delta > 0 ? 'gain' : 'loss';
