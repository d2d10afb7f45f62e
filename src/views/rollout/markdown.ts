import { pieces } from '../model/text.ts';

/** Longest text of one token, and of a line, that is shown whole. */
const LONGEST = 80;
const LONGEST_LINE = 400;

const SHOWN = { space: '␠', tab: '⇥', newline: '↵', unsafe: '', text: '' } as const;

/** A token's text with nothing in it invisible: `␠the`, `↵↵`, `U+202E`. */
export function visible(text: string, longest = LONGEST): string {
  const cut = text.length > longest ? text.slice(0, longest) : text;
  const shown = pieces(cut).map((piece) => SHOWN[piece.kind] || piece.text);
  return shown.join('') + (cut === text ? '' : `… (${text.length})`);
}

/** Text for one line of VS Code's own, where `$(name)` would become an icon. */
export const oneLine = (text: string): string =>
  visible(text, LONGEST_LINE).replaceAll('␠', ' ').replaceAll('$(', '$ (');

/**
 * Text as Markdown that shows it as it stands. All punctuation becomes character references, so
 * that nothing of it can be a link, a command, an emphasis, a table's cell or HTML; whatever can't
 * be seen is shown by its name.
 */
export function literal(text: string): string {
  const shown = pieces(text)
    .map((piece) => (piece.kind === 'newline' || piece.kind === 'tab' ? ' ' : piece.text))
    .join('');
  return shown.replaceAll(/[!-/:-@[-`{-~]/g, (mark) => `&#${mark.charCodeAt(0)};`);
}

/** A link that runs a command with these arguments. `label` is Markdown. */
export function commandLink(label: string, command: string, ...args: readonly unknown[]): string {
  const encoded = encodeURIComponent(JSON.stringify(args)).replaceAll(
    /[!'()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16)}`,
  );
  return `[${label}](command:${command}?${encoded})`;
}

/** A bar of up to ten characters' width, in eighths. */
export function bar(share: number): string {
  const eighths = Math.round(Math.max(0, Math.min(1, share)) * 80);
  const rest = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths % 8] ?? '';
  return '█'.repeat(Math.floor(eighths / 8)) + rest;
}
