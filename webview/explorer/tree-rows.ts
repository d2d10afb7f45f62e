import { t } from '@vscode/l10n';
import { html, nothing, type TemplateResult } from 'lit-html';
import type { Strip, TreeRow } from '../../src/views/model/shapes.ts';
import type { TreeView } from '../../src/views/explorer/protocol.ts';
import { probeNotes } from '../../src/views/model/probe.ts';
import { oneLine } from '../../src/views/model/prompt.ts';
import { short, signed } from '../../src/views/model/scale.ts';
import { quoted } from '../../src/views/model/text.ts';
import { icon } from '../shared/icons.ts';
import { rowStyle, spoken } from './pane.ts';
import { positionAt, stripDrawing } from './strip.ts';

/** The rows of the rollouts pane. */

export interface TreeRowState {
  index: number;
  /** Has the cursor. */
  active: boolean;
  /** Null where nothing can be unfolded. */
  open: boolean | null;
  /** `position`: of the path, where the click says one. */
  onClick: (position: number | null) => void;
  onToggle: () => void;
}

export function treePromptRow(view: TreeView, state: TreeRowState): TemplateResult {
  const title = oneLine(view.prompt.slice(-2000));
  const { active, open, onClick } = state;
  return html`<div
    id="rollout-0"
    class="row tree-prompt ${active ? 'active' : ''}"
    role="treeitem"
    aria-level="1"
    aria-posinset="1"
    aria-setsize="1"
    aria-expanded=${open ?? nothing}
    aria-selected=${active}
    .style=${rowStyle(0)}
    @click=${() => onClick(null)}
  >
    ${twisty(state)}${spoken(t('Prompt: '))}
    <bdi class="label" title=${title}>${title === '' ? t('(empty prompt)') : title}</bdi>
    <span class="dim summary"
      >${t('{0} completions · mean {1}', view.completions, short(view.reward_mean))}</span
    >
  </div>`;
}

/** What a segment's strip is drawn with. */
export interface StripState {
  strip: Strip | null;
  extent: number;
  stride: number;
  signed: boolean;
}

export function segmentRow(
  row: TreeRow,
  state: TreeRowState,
  look: StripState,
  chosen: boolean,
): TemplateResult {
  const { index, active, open, onClick, onToggle } = state;
  const { strip, extent, stride } = look;
  const status = statusOf(row);
  const jump = (event: MouseEvent) => {
    if (!(event.currentTarget instanceof Element)) return;
    event.stopPropagation();
    const { left, width } = event.currentTarget.getBoundingClientRect();
    const share = Math.min(0.999, Math.max(0, (event.clientX - left) / width));
    onClick(positionAt(row, strip, extent, stride, share));
  };
  const marks = `${chosen ? 'selected' : ''} ${active ? 'active' : ''} ${row.trained ? '' : 'untrained'}`;
  return html`<div
    id="rollout-${index}"
    class="row segment ${marks}"
    role="treeitem"
    aria-level=${row.depth + 1}
    aria-posinset=${row.position}
    aria-setsize=${row.siblings}
    aria-expanded=${open ?? nothing}
    aria-selected=${chosen}
    .style=${rowStyle(index)}
    @click=${() => onClick(null)}
    @dblclick=${onToggle}
  >
    <span class="name" .style=${`padding-left: ${8 * Math.min(row.depth, 16)}px`}>
      ${row.kind === 'probe' && open === null ? probeGlyph() : twisty(state)}<span
        class="label"
        title=${row.origin === undefined ? nothing : probeNotes(row.origin).join('\n')}
        >${row.label}${forcedOf(row)}</span
      >
    </span>
    <span class="strip-cell" @click=${jump}
      >${stripDrawing(row, strip, extent, stride, look.signed)}</span
    >
    <span class="cell status ${status.kind}" title=${status.title}
      ><span class="glyph" aria-hidden="true">${status.glyph}</span
      >${spoken(', ')}${status.text}</span
    >
    <span class="cell number reward ${row.reward === null ? 'mean' : ''}" title=${rewardTitle(row)}
      >${spoken(row.reward === null ? t(', value ') : t(', reward '))}${short(
        row.reward ?? row.value,
      )}</span
    >
    <span class="cell number advantage"
      >${spoken(t(', advantage '))}${signed(strip?.advantage)}</span
    >
    <span class="cell number temperature"
      >${spoken(t(', temperature '))}${short(row.temperature)}</span
    >
    <span class="cell number attempt">${spoken(t(', attempt '))}${row.attempt}</span>
    <span class="cell number tokens"
      >${spoken(', ')}${row.length}${spoken(
        row.trained ? t(' tokens') : t(' tokens, not trained'),
      )}</span
    >
  </div>`;
}

/** Where others have nothing to unfold. */
function probeGlyph(): TemplateResult {
  return html`<span class="twisty probe">${icon('forked')}</span>`;
}

/** The token that a person put first. */
function forcedOf({ origin }: TreeRow): TemplateResult | typeof nothing {
  const forced = origin?.forced ?? null;
  if (forced === null) return nothing;
  return html` <bdi class="forced">${quoted(forced.text)}${spoken(t(', forced'))}</bdi>`;
}

function twisty({ open, onToggle }: TreeRowState): TemplateResult {
  if (open === null) return html`<span class="twisty"></span>`;
  const toggle = (event: Event) => {
    event.stopPropagation();
    onToggle();
  };
  return html`<span class="twisty" @click=${toggle}
    >${icon(open ? 'chevronDown' : 'chevronRight')}</span
  >`;
}

export function columnHeads(): TemplateResult {
  return html`<div class="row heads" aria-hidden="true">
    <span class="name"></span><span class="strip-cell">${t('first token → last')}</span>
    <span class="cell status">${t('outcome')}</span>
    <span
      class="cell number reward"
      title=${t('Reward; for a cut segment the mean of what grew from it')}
      >${t('reward')}</span
    >
    <span class="cell number advantage" title=${t('Mean advantage of its own tokens')}
      >${t('adv.')}</span
    >
    <span class="cell number temperature" title=${t('Sampling temperature')}>T</span>
    <span class="cell number attempt" title=${t('Resample attempt; 0 on roots')}>${t('try')}</span>
    <span class="cell number tokens" title=${t('Own tokens')}>${t('tokens')}</span>
  </div>`;
}

/** What the reward is made of. */
function rewardTitle({ kind, reward, rewards }: TreeRow): string {
  if (reward === null && kind === 'probe') return t('Not scored');
  if (reward === null) return t('Mean of what grew from it');
  return Object.entries(rewards ?? {})
    .map(([name, score]) => `${name} ${short(score)}`)
    .join(' · ');
}

interface Status {
  kind: 'right' | 'wrong' | 'cut' | 'length' | 'unknown';
  glyph: string;
  text: string;
  title: string;
}

/** Glyph and word: the colour only repeats them. */
export function statusOf(
  row: Pick<TreeRow, 'status' | 'right' | 'failure_point' | 'fork_at' | 'length'>,
): Status {
  if (row.status === 'truncated') {
    const at = row.failure_point ?? row.fork_at + row.length;
    return {
      kind: 'cut',
      glyph: '◆',
      text: t('cut {0}', at),
      title: t('Cut before token {0}', at),
    };
  }
  const length = row.status === 'length';
  const title = length ? t('Ran into max_completion_length') : t('Ended by itself');
  if (length && row.right !== true) return { kind: 'length', glyph: '⋯', text: t('length'), title };
  if (row.right === null) return { kind: 'unknown', glyph: '○', text: t('ended'), title };
  return row.right
    ? { kind: 'right', glyph: '✓', text: t('right'), title }
    : { kind: 'wrong', glyph: '✗', text: t('wrong'), title };
}
