import { t } from '@vscode/l10n';
import { html, nothing, type TemplateResult } from 'lit-html';
import { oneLine } from '../../src/views/model/prompt.ts';
import type { PromptRow } from '../../src/views/explorer/protocol.ts';
import { short } from '../../src/views/model/scale.ts';
import { icon } from '../shared/icons.ts';
import { rowStyle, spoken } from './pane.ts';

/** The rows of the prompts pane. */

export interface RowState {
  index: number;
  /** Has the cursor. */
  active: boolean;
  onClick: () => void;
}

export function stepRow(
  row: PromptRow & { kind: 'step' },
  { index, active, onClick }: RowState,
): TemplateResult {
  return html`<div
    id="prompt-${index}"
    class="row step ${active ? 'active' : ''}"
    role="treeitem"
    aria-level="1"
    aria-posinset=${row.position}
    aria-setsize=${row.size}
    aria-expanded=${!row.folded}
    aria-selected="false"
    .style=${rowStyle(index)}
    @click=${onClick}
  >
    ${icon(row.folded ? 'chevronRight' : 'chevronDown')}
    <span class="label">${t('step {0}', row.step)}</span>
    <span class="gap"></span>
    <span class="cell dim">${row.prompts}${spoken(t(' prompts, mean reward '))}</span>
    <span class="cell number">${short(row.reward)}</span>
  </div>`;
}

/** Below its step, or in one list over the whole run, where the row itself names the step. */
export function promptRow(
  row: PromptRow & { kind: 'prompt' },
  { index, active, onClick }: RowState,
  selected: boolean,
  byStep: boolean,
): TemplateResult {
  const facts = t(
    '{0} of {1} right, reward {2} ± {3}, {4} truncated, {5} resamples',
    row.correct ?? '–',
    row.completions,
    short(row.reward_mean),
    short(row.reward_std),
    row.truncated,
    row.resamples,
  );
  const outcome = outcomeOf(row);
  return html`<div
    id="prompt-${index}"
    class="row prompt ${selected ? 'selected' : ''} ${active ? 'active' : ''}"
    role=${byStep ? 'treeitem' : 'option'}
    aria-level=${byStep ? 2 : nothing}
    aria-posinset=${row.position}
    aria-setsize=${row.size}
    aria-selected=${selected}
    title=${`${row.title}\n${facts}`}
    .style=${rowStyle(index)}
    @click=${onClick}
  >
    ${
      byStep
        ? nothing
        : html`<span class="cell dim step-number">${spoken(t('step '))}${row.step}</span>`
    }
    <bdi class="label">${oneLine(row.title)}</bdi>
    <span class="cell dim resamples"
      >${row.resamples === 0 ? spoken(', ') : html`+${row.resamples}${spoken(t(' resamples, '))}`}</span
    >
    <span class="cell outcome ${outcome}"
      ><span class="glyph" aria-hidden="true">${outcomeGlyphs[outcome]}</span
      >${row.correct ?? '–'}/${row.completions}${spoken(t(' right, reward '))}</span
    >
    <span class="cell number">${short(row.reward_mean)}</span>
  </div>`;
}

/** What type-ahead looks at. */
export function titleOf(row: PromptRow): string {
  return row.kind === 'step' ? t('step {0}', row.step) : row.title;
}

const outcomeGlyphs = { right: '✓', wrong: '✗', mixed: '' };

function outcomeOf({
  correct,
  completions,
}: PromptRow & { kind: 'prompt' }): keyof typeof outcomeGlyphs {
  if (correct === null) return 'mixed';
  if (completions > 0 && correct === completions) return 'right';
  return correct === 0 ? 'wrong' : 'mixed';
}
