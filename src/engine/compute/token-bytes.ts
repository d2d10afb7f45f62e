import type { TokenTexts } from './tokenizer.ts';

/**
 * Byte-level BPE spells each byte as one printable character (GPT-2's table): printable Latin-1
 * stands for itself, the other bytes follow from U+0100 on.
 */
const byteOf = new Map<string, number>();
for (let byte = 0, next = 0x100; byte < 256; byte++) {
  const printable =
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  byteOf.set(String.fromCodePoint(printable ? byte : next++), byte);
}

/** The bytes a token of a byte-level vocabulary stands for. */
export function tokenBytes(token: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of token) {
    const byte = byteOf.get(character);
    if (byte === undefined) bytes.push(...new TextEncoder().encode(character));
    else bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

export function codePoints(text: string): number {
  return Array.from(text).length;
}

/** Decodes tokens whose boundaries may lie within characters; see `Tokenizer.decodeWithEnds`. */
export function decodeBytes(tokens: readonly Uint8Array[]): TokenTexts {
  const bytes = new Uint8Array(tokens.reduce((sum, token) => sum + token.length, 0));
  let at = 0;
  for (const token of tokens) {
    bytes.set(token, at);
    at += token.length;
  }
  const { text, ends } = decodeUtf8(bytes);
  let offset = 0;
  let count = 0;
  const token_ends = Int32Array.from(tokens, (token) => {
    offset += token.length;
    while (count < ends.length && (ends[count] ?? Infinity) <= offset) count++;
    return count;
  });
  return { text, token_ends };
}

/**
 * UTF-8 as the WHATWG standard decodes it, with the byte at which each code point ends. What is
 * not UTF-8 becomes one U+FFFD for each maximal part of a character.
 */
function decodeUtf8(bytes: Uint8Array): { text: string; ends: number[] } {
  const points: string[] = [];
  const ends: number[] = [];
  const emit = (point: number, end: number) => {
    points.push(String.fromCodePoint(point));
    ends.push(end);
  };
  let i = 0;
  while (i < bytes.length) {
    const lead = bytes[i++] ?? 0;
    if (lead < 0x80) {
      emit(lead, i);
      continue;
    }
    const needed = lead < 0xc2 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf5 ? 3 : 0;
    // The second byte's range leaves out overlong forms, surrogates and what is beyond U+10FFFF.
    let lower = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    let upper = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    let point = lead & (0x3f >> needed);
    let left = needed;
    while (left > 0) {
      const next = bytes[i] ?? -1;
      if (next < lower || next > upper) break;
      point = (point << 6) | (next & 0x3f);
      [lower, upper] = [0x80, 0xbf];
      left--;
      i++;
    }
    emit(needed === 0 || left > 0 ? 0xfffd : point, i);
  }
  return { text: points.join(''), ends };
}
