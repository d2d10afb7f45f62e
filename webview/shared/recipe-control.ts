import './recipe-control.css';
import { t } from '@vscode/l10n';
import { html, nothing, type TemplateResult } from 'lit-html';
import { live } from 'lit-html/directives/live.js';
import type { Control, Field } from '../../src/views/recipe-form/protocol.ts';

/** The control of one key of a recipe, in the form and beside a live run. */

export interface ControlActions {
  /** While a slider moves or somebody types: shown, not yet in effect. */
  preview: (key: string, text: string) => void;
  set: (key: string, text: string) => void;
}

type Slider = Extract<Control, { kind: 'slider' }>;

/**
 * @param id of the control, for its label
 * @param about id of what describes it; null where nothing does
 * @param shown the value in it, as YAML
 */
export function recipeControl(
  { key, control, problem }: Pick<Field, 'key' | 'control' | 'problem'>,
  id: string,
  about: string | null,
  shown: string,
  { preview, set }: ControlActions,
): TemplateResult {
  const invalid = problem === null ? nothing : 'true';
  const type = (event: Event) => preview(key, valueOf(event));
  const write = (event: Event) => set(key, valueOf(event));
  switch (control.kind) {
    case 'switch':
      return html`<input
        type="checkbox"
        id=${id}
        aria-describedby=${about ?? nothing}
        .checked=${live(shown === 'true')}
        @change=${(event: Event) => set(key, isChecked(event) ? 'true' : 'false')}
      />`;
    case 'choice':
      return html`<select
        id=${id}
        aria-describedby=${about ?? nothing}
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
          aria-describedby=${about ?? nothing}
          aria-invalid=${invalid}
          min=${control.min}
          max=${control.max}
          step=${control.step}
          .value=${live(shown)}
          .style=${`--share: ${shareOf(Number(shown), control)}%`}
          @input=${(event: Event) => preview(key, sliderText(event, control))}
          @change=${(event: Event) => set(key, sliderText(event, control))}
        /><input
          type="text"
          class="number"
          aria-label=${t('{0}, as a number', key)}
          aria-describedby=${about ?? nothing}
          aria-invalid=${invalid}
          .value=${live(shown)}
          @input=${type}
          @change=${write}
        />`;
    case 'text':
      return html`<input
        type="text"
        id=${id}
        aria-describedby=${about ?? nothing}
        aria-invalid=${invalid}
        placeholder=${t('empty')}
        .value=${live(shown)}
        @input=${type}
        @change=${write}
      />`;
  }
}

/** How much of the slider lies before its thumb, in percent. */
function shareOf(value: number, { min, max }: Slider): number {
  const share = (100 * (value - min)) / (max - min);
  return Number.isFinite(share) ? Math.min(100, Math.max(0, share)) : 0;
}

/** A slider's value without the noise of binary fractions. */
function sliderText(event: Event, { step }: Slider): string {
  const digits = (String(step).split('.')[1] ?? '').length;
  return String(Number(Number(valueOf(event)).toFixed(digits)));
}

function valueOf({ currentTarget }: Event): string {
  if (currentTarget === null || !('value' in currentTarget)) return '';
  return typeof currentTarget.value === 'string' ? currentTarget.value : '';
}

function isChecked({ currentTarget }: Event): boolean {
  return currentTarget !== null && 'checked' in currentTarget && currentTarget.checked === true;
}
