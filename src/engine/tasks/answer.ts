/**
 * The final answer of a text: after its last `\boxed{…}`, else after its last `#`, else its last
 * number. Made comparable: commas, `$`, spaces and a trailing full stop go, and a number is written
 * in one way only (`+018.50` → `18.5`), as text, so that no digit is lost however many there are.
 */
export function answerOf(text: string): string | null {
  const raw = lastBoxed(text) ?? afterHash(text) ?? lastNumber(text);
  const answer = raw === null ? '' : comparable(raw);
  return answer === '' ? null : answer;
}

/** What a reference answer compares as: the answer marked in it, else all of it. */
export function referenceOf(text: string): string | null {
  const answer = comparable(lastBoxed(text) ?? afterHash(text) ?? text);
  return answer === '' ? null : answer;
}

function lastBoxed(text: string): string | null {
  const marker = '\\boxed{';
  const start = text.lastIndexOf(marker);
  if (start < 0) return null;
  let depth = 1;
  for (let at = start + marker.length; at < text.length; at += 1) {
    if (text[at] === '{') depth += 1;
    if (text[at] === '}') depth -= 1;
    if (depth === 0) return text.slice(start + marker.length, at);
  }
  return null;
}

function afterHash(text: string): string | null {
  const start = text.lastIndexOf('#');
  if (start < 0) return null;
  const [line] = text
    .slice(start + 1)
    .trimStart()
    .split('\n', 1);
  return line ?? null;
}

function lastNumber(text: string): string | null {
  // Digits only where a number can start, so that a long run of them is scanned once.
  let last: string | null = null;
  for (const [match] of text.matchAll(/-?\d[\d,]*(?:\.\d+)?/g)) last = match;
  return last;
}

function comparable(raw: string): string {
  const text = raw.replaceAll(/[\s,$]/g, '').replace(/\.$/, '');
  const number = /^([+-]?)(\d+)(?:\.(\d+))?$/.exec(text);
  if (number === null) return text;
  const whole = (number[2] ?? '').replace(/^0+(?=\d)/, '');
  const fraction = (number[3] ?? '').replace(/0+$/, '');
  const value = fraction === '' ? whole : `${whole}.${fraction}`;
  return number[1] === '-' && value !== '0' ? `-${value}` : value;
}
