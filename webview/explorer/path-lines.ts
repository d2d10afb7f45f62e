import { t } from '@vscode/l10n';
import type { ColourMode, PathView } from '../../src/views/model/shapes.ts';
import { levelOf, scales, short, signed } from '../../src/views/model/scale.ts';
import { quoted, type Piece } from '../../src/views/model/text.ts';
import { iconElement } from '../shared/icons.ts';
import { levelClass } from './header.ts';
import { FORK_WIDTH, shown, type Fragment } from './path-layout.ts';

export const LINE_HEIGHT = 22;

/**
 * Makes the lines of a path, plain DOM because thousands of tokens pass by while somebody scrolls.
 * Whatever a model wrote only ever becomes a text node.
 */
export class LineMaker {
  /** Left and right of every line, in pixels. */
  readonly padding = 12;
  readonly #scroller: HTMLElement;
  readonly #context = document.createElement('canvas').getContext('2d');
  readonly #widths = new Map<string, number>();
  #font = '';

  constructor(scroller: HTMLElement) {
    this.#scroller = scroller;
  }

  /** The font lines are written in; measuring starts anew when it changes. */
  get font(): string {
    const { fontStyle, fontWeight, fontSize, fontFamily } = getComputedStyle(this.#scroller);
    const font = `${fontStyle} ${fontWeight} ${fontSize} ${fontFamily}`;
    if (font !== this.#font) {
      this.#font = font;
      this.#widths.clear();
      if (this.#context !== null) this.#context.font = font;
    }
    return font;
  }

  measure(text: string): number {
    if (text === '') return FORK_WIDTH;
    let width = this.#widths.get(text);
    if (width === undefined) {
      width = this.#context?.measureText(text).width ?? 8 * text.length;
      // Most tokens come again; what a model invents once must not pile up.
      if (this.#widths.size < 50_000) this.#widths.set(text, width);
    }
    return width;
  }

  make(
    index: number,
    fragments: readonly Fragment[],
    view: PathView,
    colour: ColourMode,
    whitespace: boolean,
  ): HTMLElement {
    const line = document.createElement('div');
    line.className = 'line';
    line.setAttribute('role', 'presentation');
    line.style.transform = `translateY(${index * LINE_HEIGHT}px)`;
    for (const fragment of fragments) line.append(this.#part(fragment, view, colour, whitespace));
    return line;
  }

  #part(fragment: Fragment, view: PathView, colour: ColourMode, whitespace: boolean): HTMLElement {
    const { kind, stop } = fragment;
    const part = document.createElement('span');
    if (kind === 'prompt' || kind === 'end') {
      part.className = kind;
      part.setAttribute('role', 'presentation');
      if (kind === 'end') part.setAttribute('aria-hidden', 'true');
      this.#write(part, fragment, whitespace);
      return part;
    }
    part.setAttribute('data-stop', String(stop));
    part.setAttribute('role', 'option');
    if (kind === 'token') {
      part.className = `token ${levelClass(levelOf(colour, view[colour][stop] ?? NaN))}`;
      // White space alone is no name; any other text is its own.
      if (fragment.pieces.every(isBlank)) part.setAttribute('aria-label', blankName(fragment));
      this.#write(part, fragment, whitespace);
      return part;
    }
    part.className = `mark ${kind}`;
    part.setAttribute('aria-label', kind === 'failure' ? t('failure point') : t('branches'));
    if (kind === 'fork') part.append(iconElement('forked'));
    else this.#write(part, fragment, whitespace);
    return part;
  }

  #write(part: HTMLElement, { pieces }: Fragment, whitespace: boolean): void {
    const [first] = pieces;
    if (first !== undefined && pieces.length === 1 && first.kind === 'text') {
      part.textContent = first.text;
      return;
    }
    for (const piece of pieces) {
      const text = shown(piece, whitespace);
      if (piece.kind === 'text' || !(whitespace || piece.kind === 'unsafe')) part.append(text);
      else {
        const sign = document.createElement('span');
        sign.className = piece.kind === 'unsafe' ? 'unsafe' : 'blank';
        sign.textContent = text;
        part.append(sign);
      }
    }
  }
}

const isBlank = ({ kind }: Piece): boolean => kind !== 'text' && kind !== 'unsafe';

const blankNames: Record<Piece['kind'], string> = {
  space: t('space'),
  tab: t('tab'),
  newline: t('newline'),
  text: '',
  unsafe: '',
};

const blankName = ({ pieces }: Fragment): string =>
  pieces.map(({ kind }) => blankNames[kind]).join(' ') || t('nothing');

/** What a screen reader says of a stop, a token or a mark. */
export function spokenStop(view: PathView, stop: number, colour: ColourMode): string {
  if (!Number.isInteger(stop)) {
    const at = stop + 0.5;
    const mark = view.marks.find((one) => one.at === at);
    if ((mark?.failure ?? null) !== null) return t('failure point before token {0}', at);
    return t('{0} branches at token {1}', mark?.branches.length ?? 0, at);
  }
  const position = stop;
  const from = position === 0 ? 0 : (view.ends[position - 1] ?? 0);
  const text = quoted(view.text.slice(from, view.ends[position] ?? from));
  const value = view[colour][position] ?? NaN;
  const number = colour === 'advantage' ? signed(value) : short(value);
  return `${text}, ${scales[colour].label} ${number}`;
}
