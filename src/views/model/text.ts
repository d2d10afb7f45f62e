/**
 * Text of tokens. Token ends are stored in code points; the DOM counts UTF-16 units.
 */

/**
 * Code-point ends to UTF-16 ends. Ends that run backwards or past the text (a broken file) are
 * brought back in order, so that every later slice is sound.
 */
export function utf16Ends(text: string, ends: ArrayLike<number>): Uint32Array {
  const result = new Uint32Array(ends.length);
  let points = 0;
  let units = 0;
  for (let i = 0; i < ends.length; i++) {
    const end = ends[i] ?? 0;
    while (points < end && units < text.length) {
      units += unitsAt(text, units);
      points += 1;
    }
    result[i] = units;
  }
  return result;
}

function unitsAt(text: string, index: number): 1 | 2 {
  const code = text.codePointAt(index) ?? 0;
  return code > 0xffff ? 2 : 1;
}

/**
 * Tokens that hold only part of a character end before it and have no text of their own; they
 * belong to the token that completes it, and are shown and coloured with it as one.
 *
 * Returns the index of the first token of each group. A token without text that no character
 * follows (an end-of-text token, say) is a group of its own.
 *
 * @param ends UTF-16 end of each token in `text`
 */
export function tokenGroups(text: string, ends: ArrayLike<number>): Uint32Array {
  const starts: number[] = [];
  let pending = -1;
  for (let i = 0; i < ends.length; i++) {
    const from = i === 0 ? 0 : (ends[i - 1] ?? 0);
    const empty = (ends[i] ?? 0) <= from;
    if (empty) {
      if (pending < 0) pending = i;
      continue;
    }
    const completes = pending >= 0 && (text.codePointAt(from) ?? 0) > 0x7f;
    if (pending >= 0 && !completes) for (let j = pending; j < i; j++) starts.push(j);
    starts.push(completes ? pending : i);
    pending = -1;
  }
  if (pending >= 0) for (let j = pending; j < ends.length; j++) starts.push(j);
  return Uint32Array.from(starts);
}

/** Control and format characters, halves of characters, private and unassigned ones. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u;
/** Letters and marks without any ink. */
const INVISIBLE = new Set(
  [0x34f, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x180b, 0x180c, 0x180d, 0x3164, 0xffa0].map((code) =>
    String.fromCodePoint(code),
  ),
);
/** An emoji may be several characters joined by an invisible one: those stay together. */
const CHARACTERS = /\p{RGI_Emoji}|[\s\S]/gv;

/** Would move, hide or break the text around it; always shown by name. */
const isUnsafe = (character: string): boolean => UNSAFE.test(character) || INVISIBLE.has(character);

/** A piece of a token: text to show, or one character shown by its name instead. */
export interface Piece {
  text: string;
  kind: 'text' | 'space' | 'tab' | 'newline' | 'unsafe';
}

const NAMES: Record<string, string> = { '\u007f': '␡', '\r': '␍' };

/** What to show for a character that is unsafe to show itself. */
export function nameOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const known = NAMES[character];
  if (known !== undefined) return known;
  // Unicode has a picture for each of the first 32 control characters.
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}

/** Nearly every token: nothing in it needs a closer look. */
const PLAIN = /^[!-~]+$/;
const PLAIN_WORD = /^ [!-~]+$/;
const SPACE: Piece = { text: ' ', kind: 'space' };

/** Splits text into pieces that are safe to show each as it is. */
export function pieces(text: string): Piece[] {
  if (PLAIN.test(text)) return [{ text, kind: 'text' }];
  if (PLAIN_WORD.test(text)) return [SPACE, { text: text.slice(1), kind: 'text' }];
  const result: Piece[] = [];
  let plain = '';
  const flush = () => {
    if (plain !== '') result.push({ text: plain, kind: 'text' });
    plain = '';
  };
  for (const [character] of text.matchAll(CHARACTERS)) {
    const kind = kindOf(character);
    if (kind === 'text') {
      plain += character;
      continue;
    }
    flush();
    result.push({ text: kind === 'unsafe' ? nameOf(character) : character, kind });
  }
  flush();
  return result;
}

/** Text that is safe to show in one line: what would move or hide the text around it, by name. */
export function plain(text: string): string {
  return pieces(text)
    .map(({ text: shown, kind }) => (kind === 'text' || kind === 'unsafe' ? shown : ' '))
    .join('');
}

function kindOf(character: string): Piece['kind'] {
  if (character === ' ') return 'space';
  if (character === '\n') return 'newline';
  if (character === '\t') return 'tab';
  if (character.length > 2) return 'text';
  return isUnsafe(character) ? 'unsafe' : 'text';
}

const ESCAPES: Record<string, string> = { '\n': '\\n', '\t': '\\t', [NAMES['\r'] ?? '']: '\\r' };

/** A token's text as one quotes it: `"\n"`, `" the"`, `"U+202E"`; nothing invisible is left. */
export function quoted(text: string): string {
  let inner = '';
  for (const piece of pieces(text)) {
    inner +=
      piece.kind === 'text'
        ? piece.text.replaceAll('"', '\\"')
        : (ESCAPES[piece.text] ?? piece.text);
  }
  return `"${inner}"`;
}
