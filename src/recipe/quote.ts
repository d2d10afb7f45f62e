/** A value as a sentence shows it: short, on one line, without control characters. */
export function quote(value: unknown): string {
  const plain =
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : JSON.stringify(value);
  const line = plain.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '·');
  return line.length > 60 ? `${line.slice(0, 57)}…` : line;
}
