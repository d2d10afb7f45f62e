import { t } from '@vscode/l10n';
import { html, nothing, type TemplateResult } from 'lit-html';
import { live } from 'lit-html/directives/live.js';
import { promptOrders, type PromptOrder } from '../../src/compare/align.ts';
import {
  promptFilters,
  type PairRow,
  type PairWindow,
  type PromptFilter,
  type SideIndex,
} from '../../src/views/compare/protocol.ts';
import { colourModes } from '../../src/views/model/shapes.ts';
import { scales } from '../../src/views/model/scale.ts';
import { checkbox, dropdown, iconButton, textField } from '../shared/controls.ts';
import { icon } from '../shared/icons.ts';
import { placeText } from './format.ts';
import { swatch } from './sides.ts';
import type { CompareView } from './view.ts';

type Head = Omit<PairWindow, 'rows' | 'from'>;

/** What can be done with the row that has the cursor. */
export interface RowActions {
  active: PairRow | null;
  open: (part: 'both' | SideIndex) => void;
  explore: (side: SideIndex) => void;
}

/** Above the prompts: which pair of runs, at which point of training, which of them, in which order. */
export function promptsToolbar(
  view: CompareView,
  head: Head | null,
  actions: RowActions,
): TemplateResult {
  const { query } = view.state;
  const pairs = view.summary?.pairs ?? [];
  return html`<div class="bar" role="toolbar" aria-label=${t('Which prompts')}>
      ${
        pairs.length > 1
          ? dropdown({
              label: t('Which two runs'),
              value: String(query.pair),
              options: pairs.map(({ label }, i) => ({ value: String(i), label })),
              onChange: (pair) => view.setQuery({ pair: Number(pair), unfolded: [] }),
            })
          : nothing
      }
      ${head === null ? nothing : pointOfTraining(view, head)}
      <span class="gap"></span>
      ${dropdown({
        label: t('Colour tokens by'),
        value: view.colour,
        options: colourModes.map((value) => ({ value, label: scales[value].label })),
        onChange: (colour) => view.ask(view.channel.request('set_colour', { colour })),
      })}
      ${textField({
        label: t('Filter prompts'),
        placeholder: t('Filter prompts'),
        value: query.text,
        onInput: (text) => view.setQuery({ text }),
      })}
    </div>
    <div class="bar" role="toolbar" aria-label=${t('Outcome, order, and the chosen row')}>
      <span class="filters" role="group" aria-label=${t('Outcome')}>
        ${promptFilters.map((filter) => {
          const chosen = query.filter === filter;
          return html`<button
            type="button"
            class="filter ${chosen ? 'chosen' : ''}"
            aria-pressed=${chosen}
            title=${filterTitle(filter, view.names)}
            @click=${() => view.setQuery({ filter })}
          >
            ${filterLabel(filter)}<span class="count">${head?.counts[filter] ?? 0}</span>
          </button>`;
        })}
      </span>
      ${dropdown<PromptOrder>({
        label: t('Order of the prompts'),
        value: query.sort,
        options: promptOrders.map((value) => ({ value, label: orderLabel(value, view.names) })),
        onChange: (sort) => view.setQuery({ sort }),
      })}
      <span class="gap"></span>
      ${rowButtons(actions, view.names)}
    </div>`;
}

function pointOfTraining(view: CompareView, { steps, step }: Head): TemplateResult {
  const { query } = view.state;
  const index = steps.findIndex((each) => each.step === step);
  const here = steps[index];
  const all = query.step === 'all';
  const words = (at: (typeof steps)[number] | undefined): string => {
    if (at === undefined) return all ? t('all steps') : '';
    const tokens =
      at.generated_tokens === null
        ? ''
        : ` · ${placeText(at.generated_tokens, 'generated_tokens', noPrice)}`;
    return `${t('step {0}', at.step)}${tokens}`;
  };
  const moved = (event: Event) => {
    if (!(event.currentTarget instanceof HTMLInputElement)) return;
    const chosen = steps[Number(event.currentTarget.value)];
    if (chosen !== undefined) view.setQuery({ step: chosen.step });
  };
  return html`<span class="point">
    <span class="point-label">${t('At')}</span>
    <input
      type="range"
      min="0"
      max=${Math.max(0, steps.length - 1)}
      step="1"
      .value=${live(String(Math.max(0, index)))}
      ?disabled=${all || steps.length < 2}
      aria-label=${t('Point of training')}
      aria-valuetext=${words(here)}
      @input=${moved}
    />
    <span class="where">${words(here)}</span>
    ${iconButton({
      icon: 'target',
      label: t('Follow the newest step'),
      pressed: query.step === 'newest',
      onClick: () =>
        view.setQuery({ step: query.step === 'newest' ? (step ?? 'newest') : 'newest' }),
    })}
    ${checkbox({
      label: t('All steps'),
      checked: all,
      onChange: (checked) => view.setQuery({ step: checked ? 'all' : 'newest' }),
    })}
  </span>`;
}

const noPrice = { per_hour: null, per_million_tokens: null, currency: '' };

function filterLabel(filter: PromptFilter): string {
  switch (filter) {
    case 'any':
      return t('All');
    case 'won':
      return t('Won');
    case 'lost':
      return t('Lost');
    case 'both_right':
      return t('Both right');
    case 'both_wrong':
      return t('Both wrong');
  }
}

function filterTitle(filter: PromptFilter, [first, second]: readonly [string, string]): string {
  switch (filter) {
    case 'any':
      return t('All prompts that both runs saw');
    case 'won':
      return t('{0} is right where {1} is wrong', second, first);
    case 'lost':
      return t('{0} is wrong where {1} is right', second, first);
    case 'both_right':
      return t('At least half of the completions are right on both sides');
    case 'both_wrong':
      return t('Less than half of the completions are right on both sides');
  }
}

function orderLabel(order: PromptOrder, [first, second]: readonly [string, string]): string {
  switch (order) {
    case 'training':
      return t('in the order of training');
    case 'difference':
      return t('largest difference first');
    case 'gain':
      return t('best for {0} first', second);
    case 'loss':
      return t('best for {0} first', first);
  }
}

/** Also reached by double-click and by keys; here a person finds that they are there. */
function rowButtons(
  { active, open, explore }: RowActions,
  names: readonly [string, string],
): TemplateResult {
  const leaves = active?.kind === 'completions' ? active.sides : null;
  const button = (
    label: string,
    title: string,
    glyph: TemplateResult,
    enabled: boolean,
    act: () => void,
  ) =>
    html`<button
      type="button"
      class="row-button"
      title=${title}
      ?disabled=${!enabled}
      @click=${act}
    >
      ${glyph}${label}
    </button>`;
  return html`<span class="row-buttons" role="group" aria-label=${t('The chosen row')}>
    ${button(
      t('Diff'),
      t('Both rollouts in the diff editor, at the first token that differs (Enter)'),
      icon('diff'),
      leaves !== null && !leaves.includes(null),
      () => open('both'),
    )}
    ${names.map((name, side) => {
      const at = side === 0 ? 0 : 1;
      return html`${button(
        t('Read'),
        t('The rollout of {0} as a document ({1})', name, side + 1),
        swatch(side),
        (leaves?.[at] ?? null) !== null,
        () => open(at),
      )}${button(
        t('Explore'),
        t('The rollout explorer of {0}, at this prompt', name),
        html`${swatch(side)}`,
        active !== null,
        () => explore(at),
      )}`;
    })}
  </span>`;
}
