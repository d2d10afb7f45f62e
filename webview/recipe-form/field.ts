import { html, nothing, svg, type TemplateResult } from 'lit-html';
import { live } from 'lit-html/directives/live.js';
import type { Control, Field, Shares } from '../../src/views/recipe-form/protocol.ts';

/** One key of the recipe: its name, its control, what it does, what is wrong with it. */

export interface FieldActions {
  /** While a slider moves: shown, not yet written. */
  preview: (key: string, text: string) => void;
  set: (key: string, text: string) => void;
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
              title="Remove it from the file, so that its default counts"
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
      ${controlOf(field, id, about, shown, actions)}
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
  const takes = expects === 'a text' ? [] : [expects];
  const words = [...takes, ...(unit === null ? [] : [unit])].join(', ');
  return words === '' ? nothing : html`<span class="expects">${words}</span>`;
}

/** A sentence whose words in backquotes are code. */
function withCode(sentence: string): (string | TemplateResult)[] {
  return sentence.split('`').map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : part));
}

const resetText = ({ default: initial }: Field): string =>
  initial === '' ? 'reset' : `reset to ${initial}`;

function controlOf(
  { key, control, problem }: Field,
  id: string,
  about: string,
  shown: string,
  { preview, set }: FieldActions,
): TemplateResult {
  const invalid = problem === null ? nothing : 'true';
  const write = (event: Event) => set(key, valueOf(event));
  switch (control.kind) {
    case 'switch':
      return html`<input
        type="checkbox"
        id=${id}
        aria-describedby=${about}
        .checked=${live(shown === 'true')}
        @change=${(event: Event) => set(key, isChecked(event) ? 'true' : 'false')}
      />`;
    case 'choice':
      return html`<select
        id=${id}
        aria-describedby=${about}
        aria-invalid=${invalid}
        @change=${write}
      >
        ${control.options.map(
          (option) =>
            html`<option value=${option} .selected=${live(option === shown)}>${option}</option>`,
        )}
      </select>`;
    case 'slider':
      return html`<input
          type="range"
          id=${id}
          aria-describedby=${about}
          aria-invalid=${invalid}
          min=${control.min}
          max=${control.max}
          step=${control.step}
          .value=${live(shown)}
          @input=${(event: Event) => preview(key, sliderText(event, control))}
          @change=${(event: Event) => set(key, sliderText(event, control))}
        /><input
          type="text"
          class="number"
          aria-label="${key}, as a number"
          aria-describedby=${about}
          aria-invalid=${invalid}
          .value=${live(shown)}
          @change=${write}
        />`;
    case 'text':
      return html`<input
        type="text"
        id=${id}
        aria-describedby=${about}
        aria-invalid=${invalid}
        placeholder="empty"
        .value=${live(shown)}
        @change=${write}
      />`;
  }
}

/** A slider's value without the noise of binary fractions. */
function sliderText(event: Event, { step }: Extract<Control, { kind: 'slider' }>): string {
  const digits = (String(step).split('.')[1] ?? '').length;
  return String(Number(Number(valueOf(event)).toFixed(digits)));
}

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
  const label = `About ${percent.toFixed(percent < 10 ? 1 : 0)} % of the last run’s tokens lie ${triggers}.`;
  return html`<div class="histogram" title="${label} Heights are logarithmic.">
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
    <span class="share">${percent.toFixed(percent < 10 ? 1 : 0)} %</span>
  </div>`;
}

function valueOf({ currentTarget }: Event): string {
  if (currentTarget === null || !('value' in currentTarget)) return '';
  return typeof currentTarget.value === 'string' ? currentTarget.value : '';
}

function isChecked({ currentTarget }: Event): boolean {
  return currentTarget !== null && 'checked' in currentTarget && currentTarget.checked === true;
}
