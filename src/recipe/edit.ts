import {
  isMap,
  isScalar,
  isSeq,
  parseDocument,
  stringify,
  type Pair,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import type { Change } from './findings.ts';

/** Replaces the text `[from, to)`; offsets count UTF-16 code units of the whole text. */
export interface TextEdit {
  from: number;
  to: number;
  text: string;
}

/**
 * The smallest edits of a recipe's text that make a change, so that comments, order and formatting
 * survive. Empty where there is nothing to do, or the text is no mapping in block style.
 */
export function editsFor(source: string, change: Change): TextEdit[] {
  const document = parseDocument(source);
  const map = document.contents;
  if (map === null) return change.kind === 'set' ? [append(source, change.key, change.value)] : [];
  if (!isMap(map) || map.flow === true) return [];
  const pair = find(map, change.key);
  switch (change.kind) {
    case 'set':
      if (pair !== null) return setValue(source, pair, change.value);
      return [add(source, map, change.key, change.value, change.after)];
    case 'remove':
      return pair === null ? [] : [removeLines(source, map, pair)];
    case 'rename': {
      if (pair === null) return [];
      // Two keys of one name would be worse than one old name.
      if (find(map, change.to) !== null) return [removeLines(source, map, pair)];
      const key: TextEdit = { from: start(pair.key), to: end(pair.key), text: change.to };
      return change.value === undefined ? [key] : [key, ...setValue(source, pair, change.value)];
    }
  }
}

/** The text with a change made. */
export function applyChange(source: string, change: Change): string {
  return applyEdits(source, editsFor(source, change));
}

export function applyEdits(source: string, edits: readonly TextEdit[]): string {
  return edits
    .toSorted((a, b) => b.from - a.from)
    .reduce((text, edit) => text.slice(0, edit.from) + edit.text + text.slice(edit.to), source);
}

function find(map: YAMLMap, key: string): Pair | null {
  return map.items.find((pair) => isScalar(pair.key) && pair.key.value === key) ?? null;
}

function range(node: unknown): [number, number] | null {
  if (!isScalar(node) && !isMap(node) && !isSeq(node)) return null;
  return node.range ? [node.range[0], node.range[1]] : null;
}
const start = (node: unknown): number => range(node)?.[0] ?? 0;
const end = (node: unknown): number => range(node)?.[1] ?? 0;

function setValue(source: string, pair: Pair, value: unknown): TextEdit[] {
  const { value: node } = pair;
  const same = (isMap(node) || isSeq(node)) && isDeepEqual(node.toJSON(), value);
  if (same) return [];
  // Entry by entry where a list keeps its length: its comments and its style stay as they are.
  if (isSeq(node) && Array.isArray(value) && value.length === node.items.length) {
    const all = node.items.map((item, index): TextEdit | null => {
      if (!isScalar(item) || item.value === value[index]) return null;
      const text = node.flow === true ? flowText(value[index]) : scalarText(value[index]);
      return { from: start(item), to: end(item), text };
    });
    if (node.items.every(isScalar)) return all.filter((edit) => edit !== null);
  }
  if (isScalar(node) && node.value === value && !isAmbiguous(node)) return [];
  const colon = source.indexOf(':', end(pair.key));
  const place = range(node);
  const text = valueText(value);
  // Nothing was written yet: right behind the colon, before a comment.
  if (place === null || place[0] === place[1]) {
    return [{ from: colon + 1, to: colon + 1, text: ` ${text}` }];
  }
  // A list or text over several lines becomes one line.
  const inline = !source.slice(colon, place[0]).includes('\n');
  const from = inline ? place[0] : colon + 1;
  const to = trimEnd(source, place[0], place[1]);
  const anchor = source.slice(colon + 1, from).trim() === '';
  return [{ from: anchor ? colon + 1 : from, to, text: ` ${text}` }];
}

const isDeepEqual = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** A plain word that YAML 1.1 takes for something else than YAML 1.2 does. */
function isAmbiguous({ type, value }: Scalar): boolean {
  return type === 'PLAIN' && typeof value === 'string' && scalarText(value) !== value;
}

/** Where a value really ends: the parser counts the line break of a block as part of it. */
function trimEnd(source: string, from: number, to: number): number {
  return from + source.slice(from, to).trimEnd().length;
}

/** All lines of a key and its value, with the comment at its end. */
function removeLines(source: string, map: YAMLMap, pair: Pair): TextEdit {
  const from = source.lastIndexOf('\n', start(pair.key) - 1) + 1;
  const last = Math.max(end(pair.key), trimEnd(source, start(pair.key), end(pair.value)));
  const lineEnd = source.indexOf('\n', last);
  const to = lineEnd < 0 ? source.length : lineEnd + 1;
  // A mapping without a key is no recipe any more, but what is left of the file stays as it is.
  return { from, to: map.items.length > 0 ? to : from, text: '' };
}

function add(
  source: string,
  map: YAMLMap,
  key: string,
  value: unknown,
  after: string | undefined,
): TextEdit {
  const previous = after === undefined ? null : find(map, after);
  if (previous === null) return append(source, key, value);
  const last = Math.max(
    end(previous.key),
    trimEnd(source, start(previous.key), end(previous.value)),
  );
  const lineEnd = source.indexOf('\n', last);
  if (lineEnd < 0) return append(source, key, value);
  const text = `${key}: ${valueText(value)}${lineBreak(source)}`;
  return { from: lineEnd + 1, to: lineEnd + 1, text };
}

function append(source: string, key: string, value: unknown): TextEdit {
  const newline = lineBreak(source);
  const separator = source === '' || source.endsWith('\n') ? '' : newline;
  const text = `${separator}${key}: ${valueText(value)}${newline}`;
  return { from: source.length, to: source.length, text };
}

const lineBreak = (source: string): string => (source.includes('\r\n') ? '\r\n' : '\n');

/** A value in one line of YAML that PyYAML (YAML 1.1) and YAML 1.2 read alike. */
export function valueText(value: unknown): string {
  return typeof value === 'object' && value !== null ? flowText(value) : scalarText(value);
}

/** A value inside of brackets, where commas and brackets mean something. */
function flowText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flowText).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value);
    return `{${entries.map(([key, each]) => `${flowText(key)}: ${flowText(each)}`).join(', ')}}`;
  }
  if (typeof value !== 'string' || value.includes('\n')) return scalarText(value);
  const list = stringify([value], { ...yaml11, collectionStyle: 'flow' }).trim();
  return list.replace(/^\[\s*([^]*?)\s*\]$/, '$1');
}

const yaml11 = { version: '1.1', lineWidth: 0 } as const;

function scalarText(value: unknown): string {
  if (typeof value === 'number') return numberText(value);
  if (typeof value === 'string') {
    return value.includes('\n') ? JSON.stringify(value) : stringify(value, yaml11).trim();
  }
  return value === null || value === undefined ? 'null' : stringify(value, yaml11).trim();
}

/** `1.0e-6`, not `1e-6`: PyYAML takes an exponent without a point for a text. */
function numberText(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? '.nan' : value > 0 ? '.inf' : '-.inf';
  const text = String(value);
  const [mantissa = '', exponent] = text.split('e');
  if (exponent === undefined) return text;
  const sign = exponent.startsWith('-') || exponent.startsWith('+') ? '' : '+';
  return `${mantissa.includes('.') ? mantissa : `${mantissa}.0`}e${sign}${exponent}`;
}
