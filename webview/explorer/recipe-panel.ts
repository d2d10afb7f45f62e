import { t } from '@vscode/l10n';
import { html, nothing, render, type TemplateResult } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import type { RunRecipe, RunRecipeField } from '../../src/views/explorer/protocol.ts';
import { checkbox, iconButton, progressRing, textButton, textField } from '../shared/controls.ts';
import { icon } from '../shared/icons.ts';
import { Previews } from '../shared/previews.ts';
import { recipeControl } from '../shared/recipe-control.ts';
import type { Explorer } from './explorer.ts';
import { inWords } from './requests.ts';

/** What became of a change that was asked for: on its way, or refused in these words. */
type Answer = { kind: 'waiting'; text: string } | { kind: 'refused'; message: string };

/**
 * The recipe the run trains by, in a strip below the header. What a live run can change is set
 * there, at the next safe point; what it can't is collected for the next run.
 */
export class RecipePanel {
  readonly element = document.createElement('section');
  readonly #explorer: Explorer;
  readonly #previews = new Previews();
  readonly #answers = new Map<string, Answer>();
  #recipe: RunRecipe | null = null;
  #failure: string | null = null;
  #asking = false;
  #stale = false;
  #open = false;

  constructor(explorer: Explorer) {
    this.#explorer = explorer;
    this.element.className = 'recipe-panel';
    this.element.id = 'recipe-panel';
    this.element.setAttribute('aria-label', t('Recipe of this run'));
    this.element.hidden = true;
    this.element.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      explorer.toggleRecipe();
      const button = document.querySelector('[aria-controls="recipe-panel"]');
      if (button instanceof HTMLElement) button.focus();
    });
    // A slider that ends where it began changes nothing, and says so to nobody else.
    this.element.addEventListener('focusout', () => this.#previews.release());
    explorer.onChange((changes) => {
      if (changes.has('layout')) this.#arrange();
      if (changes.has('header') && this.#open) void this.#refresh();
    });
  }

  #arrange(): void {
    const { recipe } = this.#explorer.state;
    if (recipe === this.#open) return;
    this.#open = recipe;
    this.element.hidden = !recipe;
    if (!recipe) return;
    // Whoever opens it goes on there; a view that comes back with its state leaves the focus alone.
    const byHand = this.#explorer.header !== null;
    void this.#refresh().then(() => {
      if (byHand) this.#focus();
    });
  }

  #focus(): void {
    const first =
      this.element.querySelector('.control input, .control select') ??
      this.element.querySelector('button');
    if (first instanceof HTMLElement) first.focus();
  }

  /** One question at a time; what changes meanwhile is asked for afterwards. */
  async #refresh(): Promise<void> {
    this.#stale = true;
    if (this.#asking) return;
    this.#asking = true;
    while (this.#stale && this.#open) {
      this.#stale = false;
      try {
        this.#recipe = await this.#explorer.channel.request('recipe', {});
        this.#failure = null;
      } catch (error) {
        this.#failure = inWords(error);
      }
      this.#previews.settle();
      this.#draw();
    }
    this.#asking = false;
  }

  #draw(): void {
    render(this.#page(), this.element);
  }

  #page(): TemplateResult {
    if (this.#failure !== null) return html`<p class="problem" role="alert">${this.#failure}</p>`;
    if (this.#recipe === null) return progressRing(t('Reading the recipe'));
    const { live, groups } = this.#recipe;
    return html`<div class="recipe-head">
        <span class="pane-name">${t('Recipe')}</span>
        <span class="dim"
          >${
            live.length > 0
              ? t('Takes effect at the next safe point, and is written into the run’s log.')
              : t('This run takes no commands; changes are for the next one.')
          }</span
        >
        <span class="gap"></span>
        ${this.#nextRun()}
        ${textField({
          label: t('Find a key'),
          placeholder: t('Find a key'),
          value: this.#explorer.state.recipe_find,
          onInput: (text) => this.#setOptions({ recipe_find: text }),
        })}
        ${checkbox({
          label: t('All keys'),
          checked: this.#explorer.state.recipe_all,
          onChange: (all) => this.#setOptions({ recipe_all: all }),
        })}
        ${iconButton({
          icon: 'close',
          label: t('Hide the recipe'),
          onClick: () => this.#explorer.toggleRecipe(),
        })}
      </div>
      ${
        live.length === 0
          ? nothing
          : html`<div class="knobs">
              ${repeat(
                live,
                ({ key }) => key,
                (field) => this.#knob(field),
              )}
            </div>`
      }
      ${groups.map(({ name, fields }) => this.#group(name, fields))}`;
  }

  #setOptions(options: { recipe_find?: string; recipe_all?: boolean }): void {
    Object.assign(this.#explorer.state, options);
    this.#explorer.save();
    this.#draw();
  }

  /** A key of the live run: changed where it stands. */
  #knob(field: RunRecipeField): TemplateResult {
    const { key, description, text } = field;
    const answer = this.#answers.get(key);
    const waiting = answer?.kind === 'waiting' ? answer.text : null;
    const shown = waiting ?? this.#previews.textOf(key, text);
    const id = `live-${key}`;
    return html`<div class="knob ${waiting === null ? '' : 'waiting'}">
      <div class="knob-name">
        <label for=${id} title=${withoutCode(description)}>${key}</label>
        <span class="knob-note" id="note-${key}" role="status">${note(field, answer)}</span>
      </div>
      <div class="control">
        ${recipeControl(field, id, `note-${key}`, shown, {
          preview: (_, moved) => {
            this.#previews.move(key, moved);
            this.#draw();
          },
          set: (_, chosen) => void this.#set(field, chosen),
        })}
      </div>
    </div>`;
  }

  async #set({ key, text: before }: RunRecipeField, text: string): Promise<void> {
    this.#previews.release();
    if (text.trim() === before) {
      this.#answers.delete(key);
      this.#previews.settle();
      this.#draw();
      return;
    }
    this.#answers.set(key, { kind: 'waiting', text });
    this.#draw();
    try {
      const { message } = await this.#explorer.channel.request('set', { key, text });
      this.#answers.delete(key);
      this.#explorer.say(t('Applied: {0}', message));
    } catch (error) {
      this.#answers.set(key, { kind: 'refused', message: inWords(error) });
    }
    await this.#refresh();
  }

  /** Keys that stay as they are in this run. */
  #group(name: string, fields: readonly RunRecipeField[]): TemplateResult | typeof nothing {
    const { recipe_find, recipe_all, recipe_changes } = this.#explorer.state;
    const find = recipe_find.trim().toLowerCase();
    const wanted = fields.filter(({ key, description }) => {
      if (find !== '') return `${key} ${description}`.toLowerCase().includes(find);
      return recipe_all || recipe_changes[key] !== undefined;
    });
    if (wanted.length === 0) return nothing;
    return html`<h3 class="knob-group">${name}</h3>
      <div class="knobs">
        ${repeat(
          wanted,
          ({ key }) => key,
          (field) => this.#nextField(field),
        )}
      </div>`;
  }

  #nextField(field: RunRecipeField): TemplateResult {
    const { key, description, text, control } = field;
    const change = this.#explorer.state.recipe_changes[key];
    const id = `next-${key}`;
    // Where nothing moves at once, a slider would only take room.
    const plain = { ...field, control: control.kind === 'slider' ? textControl : control };
    return html`<div class="knob ${change === undefined ? '' : 'changed'}">
      <div class="knob-name">
        <label for=${id} title=${withoutCode(description)}>${key}</label>
        <span class="knob-note" id="note-${key}"
          >${change === undefined ? '' : t('next run; now {0}', text)}</span
        >
      </div>
      <div class="control">
        ${recipeControl(plain, id, `note-${key}`, this.#previews.textOf(key, change ?? text), {
          preview: (_, typed) => this.#previews.move(key, typed),
          set: (_, chosen) => this.#propose(field, chosen),
        })}
      </div>
    </div>`;
  }

  #propose({ key, text }: RunRecipeField, chosen: string): void {
    this.#previews.clear();
    const { state } = this.#explorer;
    const others = Object.entries(state.recipe_changes).filter(([name]) => name !== key);
    if (chosen !== text) others.push([key, chosen]);
    this.#keepChanges(Object.fromEntries(others));
  }

  #keepChanges(changes: Record<string, string>): void {
    this.#explorer.state.recipe_changes = changes;
    this.#explorer.save();
    this.#draw();
  }

  #nextRun(): TemplateResult {
    const changes = Object.entries(this.#explorer.state.recipe_changes);
    const { length } = changes;
    return html`${
      length === 0
        ? nothing
        : html`<span
              >${length === 1 ? t('1 change for the next run') : t('{0} changes for the next run', length)}</span
            >
            ${textButton({ label: t('Discard'), onClick: () => this.#keepChanges({}) })}`
    }
    ${textButton({
      label: t('Open as a New Recipe'),
      primary: length > 0,
      onClick: () => void this.#openNext(changes),
    })}`;
  }

  async #openNext(changes: readonly (readonly [string, string])[]): Promise<void> {
    const wanted = changes.map(([key, text]) => ({ key, text }));
    try {
      await this.#explorer.channel.request('next_recipe', { changes: wanted });
      this.#keepChanges({});
    } catch (error) {
      this.#explorer.say(inWords(error));
    }
  }
}

const textControl = { kind: 'text' } as const;

/** Keys stand in backquotes; plain text would show them. */
const withoutCode = (sentence: string): string => sentence.replaceAll('`', '');

function note(
  { changed }: RunRecipeField,
  answer: Answer | undefined,
): TemplateResult | string | typeof nothing {
  if (answer?.kind === 'waiting') return t('waits for the safe point…');
  if (answer?.kind === 'refused') {
    return html`<span class="refused">${icon('error')}${withoutCode(answer.message)}</span>`;
  }
  return changed === null ? nothing : t('was {0} up to step {1}', changed.from, changed.step);
}
