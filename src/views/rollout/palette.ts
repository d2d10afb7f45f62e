import * as vscode from 'vscode';
import type { ColourMode } from '../model/shapes.ts';
import { LEVELS, scales } from '../model/scale.ts';
import { colours } from '../ids.ts';

/** How tokens of one level look, and line breaks, which have no ink of their own. */
interface LevelTypes {
  token: vscode.TextEditorDecorationType;
  lineBreak: vscode.TextEditorDecorationType;
}

type Side = 'uncertainty' | 'positiveAdvantage' | 'negativeAdvantage';

/** By level, the same as in the explorer: how strong the tint is, in percent, and the bar, in px. */
const TINTS = [0, 8, 12, 18, 24, 31, 39, 48];
const BARS = [0, 1, 1, 2, 2, 3, 3, 4];

/** All decoration types of rollout documents, for one kind of theme. */
export class Palette implements vscode.Disposable {
  readonly #highContrast: boolean;
  readonly #levels = new Map<string, LevelTypes>();
  /** The text before the completion. */
  readonly prompt = vscode.window.createTextEditorDecorationType({
    color: new vscode.ThemeColor('descriptionForeground'),
    fontStyle: 'italic',
  });
  /** Before the token that was never sampled. */
  readonly failure: vscode.TextEditorDecorationType;
  /** Where branches leave the path, without a failure. */
  readonly forks: vscode.TextEditorDecorationType;
  readonly ruler: vscode.TextEditorDecorationType;
  /** How the path ends: an answer, or the length limit. */
  readonly endings: ReadonlyMap<string, vscode.TextEditorDecorationType>;

  constructor(kind: vscode.ColorThemeKind) {
    this.#highContrast =
      kind === vscode.ColorThemeKind.HighContrast ||
      kind === vscode.ColorThemeKind.HighContrastLight;
    const failurePoint = new vscode.ThemeColor(colours.failurePoint);
    const faint = new vscode.ThemeColor('descriptionForeground');
    this.failure = vscode.window.createTextEditorDecorationType({
      before: { contentText: '◆', color: failurePoint },
      gutterIconPath: diamond(),
      gutterIconSize: '70%',
      overviewRulerColor: failurePoint,
      overviewRulerLane: vscode.OverviewRulerLane.Full,
      rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
    });
    this.forks = vscode.window.createTextEditorDecorationType({
      before: { contentText: '◇', color: faint },
    });
    this.ruler = vscode.window.createTextEditorDecorationType({
      overviewRulerColor: new vscode.ThemeColor(colours.uncertainty),
      overviewRulerLane: vscode.OverviewRulerLane.Right,
    });
    const ending = (contentText: string) =>
      vscode.window.createTextEditorDecorationType({
        after: { contentText, color: faint, margin: '0 0 0 0.5ch' },
      });
    this.endings = new Map([
      ['complete', ending('■')],
      ['length', ending('⋯')],
    ]);
  }

  /** @param level −7…7, not 0 */
  level(measure: ColourMode, level: number): LevelTypes {
    const side = sideOf(measure, level);
    const key = `${side} ${level}`;
    let types = this.#levels.get(key);
    if (types === undefined) {
      types = this.#make(side, level);
      this.#levels.set(key, types);
    }
    return types;
  }

  /** Types made for other measures: an editor may still show them. */
  othersThan(measure: ColourMode): vscode.TextEditorDecorationType[] {
    const used = new Set(levelsOf(measure).map((level) => this.level(measure, level)));
    return [...this.#levels.values()]
      .filter((types) => !used.has(types))
      .flatMap(({ token, lineBreak }) => [token, lineBreak]);
  }

  dispose(): void {
    for (const { token, lineBreak } of this.#levels.values()) {
      token.dispose();
      lineBreak.dispose();
    }
    for (const type of [this.prompt, this.failure, this.forks, this.ruler]) type.dispose();
    for (const type of this.endings.values()) type.dispose();
  }

  /** A tint tells the level by colour, a bar by its height; high contrast has bars only. */
  #make(side: Side, level: number): LevelTypes {
    const strength = Math.min(LEVELS, Math.abs(level));
    const heat = `var(--vscode-${colours[side].replaceAll('.', '-')})`;
    const tint = `color-mix(in srgb, ${heat} ${TINTS[strength] ?? 0}%, transparent)`;
    const bar = `${BARS[strength] ?? 0}px`;
    const look: vscode.ThemableDecorationRenderOptions = {
      ...(this.#highContrast ? {} : { backgroundColor: tint }),
      borderColor: heat,
      borderStyle: 'solid',
      borderWidth: level < 0 ? `${bar} 0 0 0` : `0 0 ${bar} 0`,
    };
    return {
      token: vscode.window.createTextEditorDecorationType(look),
      lineBreak: vscode.window.createTextEditorDecorationType({
        after: {
          contentText: '↵',
          ...(this.#highContrast ? { color: heat } : { backgroundColor: tint }),
        },
      }),
    };
  }
}

/** The levels that look like anything. */
export function levelsOf(measure: ColourMode): number[] {
  const rising = Array.from({ length: LEVELS }, (_, i) => i + 1);
  return scales[measure].direction === 'signed'
    ? [...rising.map((level) => -level), ...rising]
    : rising;
}

function sideOf(measure: ColourMode, level: number): Side {
  if (scales[measure].direction !== 'signed') return 'uncertainty';
  return level < 0 ? 'negativeAdvantage' : 'positiveAdvantage';
}

/** The gutter knows no theme colours: one that is seen on both light and dark. */
function diamond(): vscode.Uri {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">' +
    '<path fill="#e5484d" d="M8 2l6 6-6 6-6-6z"/></svg>';
  return vscode.Uri.parse(`data:image/svg+xml;utf8,${encodeURIComponent(svg)}`);
}
