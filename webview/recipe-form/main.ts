import '../shared/l10n.ts';
import '../shared/zod.ts';
import './main.css';
import { t } from '@vscode/l10n';
import { html, nothing, render, type TemplateResult } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import { z } from 'zod';
import {
  events,
  results,
  type Field,
  type FormState,
  type Group,
  type Protocol,
} from '../../src/views/recipe-form/protocol.ts';
import { Channel, RequestError } from '../shared/channel.ts';
import { checkbox, registerControls, textButton, textField } from '../shared/controls.ts';
import { keepFocus } from '../shared/focus.ts';
import { vsCodeApi } from '../shared/vscode.ts';
import { fieldRow, type FieldActions } from './field.ts';
import { Previews } from '../shared/previews.ts';

/** The recipe form. The file is the truth: what is shown is what the host last said of it. */

const savedState = z.object({
  find: z.string().catch(''),
  /** Null: decided by how many keys there are. */
  all: z.boolean().nullable().catch(null),
});

registerControls();
keepFocus();
const api = vsCodeApi();
let options = savedState.parse(api.getState() ?? {});
let state: FormState | { kind: 'opening' } = { kind: 'opening' };
let failure: string | null = null;
const previews = new Previews();

const root = document.createElement('main');
document.body.append(root);
// A slider that ends where it began changes nothing, and says so to nobody else.
root.addEventListener('focusout', () => previews.release());

const channel = new Channel<Protocol>(api, results, events, {
  state: (next) => {
    state = next;
    previews.settle();
    show();
  },
});

function ask(request: Promise<null>): void {
  request.then(
    () => {
      failure = null;
      show();
    },
    (error: unknown) => {
      const next = error instanceof RequestError ? ` ${error.next}` : '';
      failure = `${error instanceof Error ? error.message : String(error)}${next}`;
      previews.clear();
      show();
    },
  );
}

const actions: FieldActions = {
  preview: (key, text) => {
    previews.move(key, text);
    show();
  },
  set: (key, text) => {
    previews.release();
    ask(channel.request('set', { key, text }));
  },
  reset: (key) => ask(channel.request('reset', { key })),
};

function setOptions(change: Partial<typeof options>): void {
  options = { ...options, ...change };
  api.setState(options);
  show();
}

function show(): void {
  render(page(), root);
}

function page(): TemplateResult {
  switch (state.kind) {
    case 'opening':
      return html``;
    case 'broken':
      return html`<h1>${state.name}</h1>
        <p class="problem" role="alert">${state.message}</p>
        <p>${t('The form comes back when the text can be read again.')}</p>
        ${showText()}`;
    case 'form':
      return form(state);
  }
}

const showText = () =>
  textButton({
    label: t('Show as Text'),
    onClick: () => ask(channel.request('show_text', {})),
  });

/** Where there are hundreds of keys, those that nobody set are out of the way at first. */
const showsAll = ({ engine }: { engine: string }) => options.all ?? engine === 'built-in';

function form(shown: Extract<FormState, { kind: 'form' }>): TemplateResult {
  const all = showsAll(shown);
  return html`<header>
      <h1>${shown.name}</h1>
      <div class="tools">
        ${textField({
          label: t('Find a key'),
          placeholder: t('Find a key'),
          value: options.find,
          onInput: (find) => setOptions({ find }),
        })}
        ${checkbox({
          label: t('Keys that are not set, too'),
          checked: all,
          onChange: (now) => setOptions({ all: now }),
        })}
        ${showText()}
      </div>
      ${
        shown.answer === null
          ? nothing
          : html`<p class="answer">
              ${t('Applied to what {0} recorded:', shown.run ?? '')}
              <strong>${shown.answer}</strong>.
            </p>`
      }
      ${failure === null ? nothing : html`<p class="problem" role="alert">${failure}</p>`}
      ${shown.problems.map((problem) => html`<p class="problem">${problem}</p>`)}
    </header>
    ${repeat(
      shown.groups.map((group) => ({ ...group, fields: group.fields.filter(isWanted(all)) })),
      ({ name }) => name,
      (group) => (group.fields.length === 0 ? nothing : groupSection(group)),
    )}`;
}

function isWanted(all: boolean): (field: Field) => boolean {
  const find = options.find.trim().toLowerCase();
  return ({ key, description, written, source }) => {
    if (find !== '') return `${key} ${description}`.toLowerCase().includes(find);
    // The strategy is why the form is there.
    return all || written || source === 'ours';
  };
}

function groupSection({ name, fields }: Group): TemplateResult {
  return html`<section aria-label=${name}>
    <h2>${name}</h2>
    ${repeat(
      fields,
      ({ key }) => key,
      (field) => fieldRow(field, previews.textOf(field.key, field.text), actions),
    )}
  </section>`;
}

ask(channel.request('open', {}));
