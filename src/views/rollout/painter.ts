import * as vscode from 'vscode';
import type { ColourChoice } from '../colour.ts';
import type { PathMark } from '../model/shapes.ts';
import { rolloutScheme } from './address.ts';
import type { Place } from './document-text.ts';
import type { RolloutDocuments } from './documents.ts';
import { heatOf, ruledPlaces } from './heat.ts';
import { levelsOf, Palette } from './palette.ts';
import { rolloutIn, toPosition, toRange } from './providers.ts';
import { offsetOf, type Rollout } from './rollout.ts';

/** Characters before and behind what can be seen that are coloured too, so that scrolling is calm. */
const MARGIN = 6000;

/** What an editor was painted with last. */
interface Painted {
  rollout: Rollout;
  measure: string;
  palette: Palette;
  from: number;
  to: number;
}

/** Colours the tokens of rollout documents in all editors that show one, diffs included. */
export class Painter implements vscode.Disposable {
  readonly #documents: RolloutDocuments;
  readonly #colour: ColourChoice;
  readonly #painted = new WeakMap<vscode.TextEditor, Painted>();
  readonly #subscriptions: { dispose(): void }[];
  #palette = new Palette(vscode.window.activeColorTheme.kind);

  constructor(documents: RolloutDocuments, colour: ColourChoice) {
    this.#documents = documents;
    this.#colour = colour;
    this.#subscriptions = [
      documents.onDidChange(() => this.#paintAll()),
      colour.onDidChange(() => this.#paintAll()),
      vscode.window.onDidChangeVisibleTextEditors(() => this.#paintAll()),
      vscode.window.onDidChangeTextEditorVisibleRanges(({ textEditor }) => this.#paint(textEditor)),
      vscode.window.onDidChangeActiveColorTheme(({ kind }) => this.#changeTheme(kind)),
    ];
    this.#paintAll();
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#palette.dispose();
  }

  #changeTheme(kind: vscode.ColorThemeKind): void {
    this.#palette.dispose();
    this.#palette = new Palette(kind);
    this.#paintAll();
  }

  #paintAll(): void {
    for (const editor of vscode.window.visibleTextEditors) this.#paint(editor);
  }

  #paint(editor: vscode.TextEditor): void {
    if (editor.document.uri.scheme !== rolloutScheme) return;
    const rollout = rolloutIn(this.#documents, editor.document.uri);
    if (rollout === null) return;
    const measure = this.#colour.value;
    const seen = visibleIn(editor, rollout);
    const before = this.#painted.get(editor);
    const same =
      before?.rollout === rollout && before.measure === measure && before.palette === this.#palette;
    if (same && seen.from >= before.from && seen.to <= before.to) return;
    const length = rollout.document.text.length;
    const from = Math.max(0, seen.from - MARGIN);
    const to = Math.min(length, seen.to + MARGIN);
    if (!same) this.#paintMarks(editor, rollout);
    this.#paintHeat(editor, rollout, from, to);
    // Reaching the ends of the text must not paint again and again.
    this.#painted.set(editor, {
      rollout,
      measure,
      palette: this.#palette,
      from: from === 0 ? -Infinity : from + MARGIN / 2,
      to: to === length ? Infinity : to - MARGIN / 2,
    });
  }

  #paintHeat(editor: vscode.TextEditor, rollout: Rollout, from: number, to: number): void {
    const heat = heatOf(rollout, this.#colour.value, from, to);
    for (const level of levelsOf(this.#colour.value)) {
      const types = this.#palette.level(this.#colour.value, level);
      const { spans, breaks } = heat.get(level) ?? { spans: [], breaks: [] };
      editor.setDecorations(types.token, spans.map(toRange));
      editor.setDecorations(types.lineBreak, breaks.map(toPoint));
    }
  }

  /** What doesn't depend on what can be seen: few things, in the whole document. */
  #paintMarks(editor: vscode.TextEditor, rollout: Rollout): void {
    const { document, start, view } = rollout;
    const { prompt, failure, forks, ruler, endings } = this.#palette;
    for (const stale of this.#palette.othersThan(this.#colour.value)) {
      editor.setDecorations(stale, []);
    }
    editor.setDecorations(prompt, [toRange(document.span(0, start - 1))]);
    const before = (mark: PathMark): vscode.Range =>
      toPoint(document.placeAt(offsetOf(rollout, mark.at)));
    const [cuts, others] = [
      view.marks.filter((mark) => mark.failure !== null),
      view.marks.filter((mark) => mark.failure === null),
    ];
    editor.setDecorations(failure, cuts.map(before));
    editor.setDecorations(forks, others.map(before));
    const places = ruledPlaces(rollout, this.#colour.value);
    editor.setDecorations(ruler, places.map(toPoint));
    for (const [status, type] of endings) {
      const end = toPoint(document.placeAt(document.text.length));
      editor.setDecorations(type, status === view.status ? [end] : []);
    }
  }
}

const toPoint = (place: Place): vscode.Range =>
  new vscode.Range(toPosition(place), toPosition(place));

/** What can be seen, in offsets of our own text. */
function visibleIn(editor: vscode.TextEditor, { document }: Rollout): { from: number; to: number } {
  const { visibleRanges } = editor;
  const first = visibleRanges[0]?.start ?? new vscode.Position(0, 0);
  const last = visibleRanges.at(-1)?.end ?? first;
  return { from: document.offsetAt(first), to: document.offsetAt(last) };
}
