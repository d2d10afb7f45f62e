import './nonce.ts';
import {
  provideVSCodeDesignSystem,
  vsCodeButton,
  vsCodeCheckbox,
  vsCodeDropdown,
  vsCodeOption,
  vsCodeTextField,
} from '@vscode/webview-ui-toolkit';
import './controls.css';
import { html, nothing, type TemplateResult } from 'lit-html';
import { live } from 'lit-html/directives/live.js';
import { icon, type IconName } from './icons.ts';

/**
 * The controls of all webviews. Nothing else knows which library they come from, so that the
 * toolkit's successor can take its place here.
 */
export function registerControls(): void {
  provideVSCodeDesignSystem().register(
    vsCodeButton(),
    vsCodeCheckbox(),
    vsCodeDropdown(),
    vsCodeOption(),
    vsCodeTextField(),
  );
}

interface IconButton {
  icon: IconName;
  label: string;
  onClick: () => void;
  disabled?: boolean;
  /** For a button that is on or off. */
  pressed?: boolean;
  /** For a button that shows and hides something: its id. */
  controls?: { id: string; expanded: boolean };
}

/**
 * A plain element: the toolkit's icon button can't say that it is pressed, and keeps what it shows
 * in a shadow tree of another size than VS Code's toolbars.
 */
export function iconButton(button: IconButton): TemplateResult {
  return html`<button
    class="icon-button"
    type="button"
    title=${button.label}
    aria-label=${button.label}
    aria-pressed=${button.pressed ?? nothing}
    aria-expanded=${button.controls?.expanded ?? nothing}
    aria-controls=${button.controls?.id ?? nothing}
    ?disabled=${button.disabled ?? false}
    @click=${button.onClick}
  >
    ${icon(button.icon)}
  </button>`;
}

interface TextButton {
  label: string;
  onClick: () => void;
  primary?: boolean;
}

export function textButton({ label, onClick, primary = false }: TextButton): TemplateResult {
  return html`<vscode-button appearance=${primary ? 'primary' : 'secondary'} @click=${onClick}
    >${label}</vscode-button
  >`;
}

interface Choice<T extends string> {
  label: string;
  value: T;
  options: readonly { value: T; label: string }[];
  onChange: (value: T) => void;
}

export function dropdown<T extends string>(choice: Choice<T>): TemplateResult {
  const changed = (event: Event) => {
    const chosen = valueOf(event);
    const option = choice.options.find(({ value }) => value === chosen);
    if (option !== undefined && option.value !== choice.value) choice.onChange(option.value);
  };
  return html`<vscode-dropdown
    aria-label=${choice.label}
    title=${choice.label}
    .value=${live(choice.value)}
    @change=${changed}
  >
    ${choice.options.map(
      ({ value, label }) => html`<vscode-option value=${value}>${label}</vscode-option>`,
    )}
  </vscode-dropdown>`;
}

interface TextInput {
  label: string;
  placeholder: string;
  value: string;
  onInput: (value: string) => void;
}

export function textField({ label, placeholder, value, onInput }: TextInput): TemplateResult {
  // The toolkit names its input by the label inside, which `controls.css` hides.
  return html`<vscode-text-field
    type="text"
    placeholder=${placeholder}
    .value=${live(value)}
    @input=${(event: Event) => onInput(valueOf(event))}
    >${label}</vscode-text-field
  >`;
}

interface Check {
  label: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
}

export function checkbox({ label, checked, onChange }: Check): TemplateResult {
  const changed = ({ currentTarget }: Event) => {
    if (currentTarget !== null && 'checked' in currentTarget) {
      const now = currentTarget.checked === true;
      if (now !== checked) onChange(now);
    }
  };
  return html`<vscode-checkbox .checked=${live(checked)} @change=${changed}
    >${label}</vscode-checkbox
  >`;
}

/** The toolkit's own sets a `style` attribute, which the content security policy refuses. */
export function progressRing(label: string): TemplateResult {
  return html`<div class="progress" role="progressbar" aria-label=${label}></div>`;
}

/** The value of the control an event came from. */
function valueOf({ currentTarget }: Event): string {
  if (currentTarget === null || !('value' in currentTarget)) return '';
  return typeof currentTarget.value === 'string' ? currentTarget.value : '';
}
