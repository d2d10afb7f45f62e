import { t } from '@vscode/l10n';
import { html, nothing, svg, type TemplateResult } from 'lit-html';
import type { Field, Shares } from '../../src/views/recipe-form/protocol.ts';
import { recipeControl, type ControlActions } from '../shared/recipe-control.ts';

/** One key of the recipe: its name, its control, what it does, what is wrong with it. */

export interface FieldActions extends ControlActions {
  reset: (key: string) => void;
}

export function fieldRow(field: Field, shown: string, actions: FieldActions): TemplateResult {
  const { key, description, written, problem } = field;
  const id = `field-${key}`;
  const about = `about-${key}`;
  return html`<div class="field ${written ? 'written' : ''}">
    <div class="name">
      <label for=${id}>${key}</label>
      ${
        written
          ? html`<button
              class="reset"
              type="button"
              title=${t('Remove it from the file, so that its default counts')}
              aria-label="${resetText(field)}: ${key}"
              @click=${() => actions.reset(key)}
            >
              ${resetText(field)}
            </button>`
          : nothing
      }
    </div>
    <div class="control">
      ${field.shares === null ? nothing : histogram(field.shares, Number(shown))}
      ${recipeControl(field, id, about, shown, actions)}
    </div>
    <div class="about" id=${about}>
      ${withCode(description)} ${expectation(field)}
      ${problem === null ? nothing : html`<div class="problem" role="alert">${withCode(problem)}</div>`}
    </div>
  </div>`;
}

/** What it takes, where the control does not show it. */
function expectation({ control, expects, unit }: Field): TemplateResult | typeof nothing {
  if (control.kind === 'switch' || control.kind === 'choice') return nothing;
  const takes = expects === t('a text') ? [] : [expects];
  const words = [...takes, ...(unit === null ? [] : [unit])].join(', ');
  return words === '' ? nothing : html`<span class="expects">${words}</span>`;
}

/** A sentence whose words in backquotes are code. */
function withCode(sentence: string): (string | TemplateResult)[] {
  return sentence.split('`').map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : part));
}

const resetText = ({ default: initial }: Field): string =>
  initial === '' ? t('reset') : t('reset to {0}', initial);

const HEIGHT = 28;

/** What the last run thought, behind the threshold; the part that triggers stands out. */
function histogram({ counts, most, triggers }: Shares, threshold: number): TemplateResult {
  const top = Math.log1p(Math.max(1, ...counts));
  const total = counts.reduce((sum, count) => sum + count, 0);
  const width = most / counts.length;
  const unsure = (bin: number) => {
    const middle = (bin + 0.5) * width;
    return triggers === 'below' ? middle < threshold : middle > threshold;
  };
  const hit = counts.reduce((sum, count, bin) => (unsure(bin) ? sum + count : sum), 0);
  const percent = total === 0 ? 0 : (100 * hit) / total;
  const share = percent.toFixed(percent < 10 ? 1 : 0);
  const label =
    triggers === 'below'
      ? t('About {0} % of the last run’s tokens lie below.', share)
      : t('About {0} % of the last run’s tokens lie above.', share);
  return html`<div class="histogram" title=${`${label} ${t('Heights are logarithmic.')}`}>
    <svg
      viewBox="0 0 ${counts.length} ${HEIGHT}"
      preserveAspectRatio="none"
      role="img"
      aria-label=${label}
    >
      ${counts.map((count, bin) => {
        const height = (HEIGHT * Math.log1p(count)) / top;
        return svg`<rect class=${unsure(bin) ? 'unsure' : 'sure'} x=${bin + 0.08}
          y=${HEIGHT - height} width="0.84" height=${height}></rect>`;
      })}
    </svg>
    <span class="share">${t('{0} %', share)}</span>
  </div>`;
}
