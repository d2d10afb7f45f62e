import { engineOf, keyNamesOf, type Engine } from './engines.ts';

/**
 * What can be said of a recipe while somebody types in it: line by line, so that it holds where
 * the text is no YAML for the moment. A recipe is flat; only its lists and mappings are indented.
 */

/** A key at the beginning of a line. Offsets count UTF-16 code units of the whole text. */
export interface KeyLine {
  key: string;
  from: number;
  to: number;
  /** Where what is written for it begins, blanks left out, and ends, a comment left out. */
  valueFrom: number;
  valueTo: number;
  value: string;
}

export function keyLines(source: string): KeyLine[] {
  const found: KeyLine[] = [];
  for (const match of source.matchAll(/^([A-Za-z_][\w-]*)[ \t]*:(?=\s|$)([^\n\r]*)/gm)) {
    const [whole, key = '', rest = ''] = match;
    const from = match.index;
    const value = withoutComment(rest);
    const valueFrom = from + whole.length - rest.trimStart().length;
    const text = value.trim();
    found.push({
      key,
      from,
      to: from + key.length,
      valueFrom,
      valueTo: valueFrom + text.length,
      value: text,
    });
  }
  return found;
}

function withoutComment(text: string): string {
  const comment = /(^|\s)#/.exec(text);
  const quoted = /^\s*["']/.test(text);
  return comment === null || quoted ? text : text.slice(0, comment.index);
}

/** Who runs the recipe, as far as its lines tell. */
export function engineOfText(source: string): Engine {
  return engineOf(
    keyLines(source).map(({ key, value }) => ({
      key,
      value: value.replace(/^(["'])(.*)\1$/, '$2'),
    })),
  );
}

/** Keys that hardly anything but a recipe for GRPO has. */
const telltale = new Set([
  'use_token_adaptive',
  'uncertainty_threshold',
  'entropy_threshold',
  'max_resamples_per_prefix',
  'fork_policy',
  'num_generations',
  'reward_funcs',
  'reward_weights',
  'max_completion_length',
]);
const known = new Set([...keyNamesOf('built-in'), ...keyNamesOf('trl')]);

/**
 * Whether a YAML file is a recipe: it has keys that only recipes have, or it lies in `recipes/` and
 * most of its keys are known (so that a new one is helped from its first line).
 *
 * @param path with `/` between its folders
 */
export function looksLikeRecipe(path: string, source: string): boolean {
  const keys = keyLines(source).map(({ key }) => key);
  if (keys.some((key) => telltale.has(key))) return true;
  if (!/(^|\/)recipes\/[^/]+\.ya?ml$/i.test(path)) return false;
  return keys.filter((key) => known.has(key)).length * 2 >= keys.length;
}

/** What stands at a place of the text. */
export type Spot =
  | { kind: 'key'; from: number; to: number; word: string }
  | { kind: 'value'; key: string; from: number; to: number; word: string; inList: boolean };

/** What is being written at `offset`; null in comments and in between. */
export function spotAt(source: string, offset: number): Spot | null {
  const lineFrom = source.lastIndexOf('\n', offset - 1) + 1;
  const newline = source.indexOf('\n', offset);
  const line = source.slice(lineFrom, newline < 0 ? source.length : newline).replace(/\r$/, '');
  const before = source.slice(lineFrom, offset);
  if (/(^|\s)#/.test(before)) return null;
  const key = /^[A-Za-z_][\w-]*/.exec(line)?.[0] ?? '';
  if (before.length <= key.length && /^[\w-]*$/.test(before)) {
    return { kind: 'key', from: lineFrom, to: lineFrom + key.length, word: key };
  }
  const value = /^([A-Za-z_][\w-]*)[ \t]*:[ \t]*/.exec(line);
  if (value !== null && before.length >= value[0].trimEnd().length) {
    const start = Math.min(value[0].length, before.length);
    const written = before.slice(start);
    const open = Math.max(written.lastIndexOf('['), written.lastIndexOf(','));
    const inList = written.startsWith('[') && !written.includes(']');
    const skip = inList ? open + 1 + (/^\s*/.exec(written.slice(open + 1))?.[0].length ?? 0) : 0;
    const from = lineFrom + start + skip;
    return { kind: 'value', key: value[1] ?? '', inList, ...wordAt(source, from) };
  }
  const item = /^[ \t]*-[ \t]+/.exec(before) ?? /^[ \t]*-$/.exec(before);
  if (item === null) return null;
  const owner = keyLines(source.slice(0, lineFrom)).at(-1);
  if (owner?.value !== '') return null;
  return {
    kind: 'value',
    key: owner.key,
    inList: true,
    ...wordAt(source, lineFrom + item[0].length),
  };
}

function wordAt(source: string, from: number): { from: number; to: number; word: string } {
  const word = /^[^\s,[\]#]*/.exec(source.slice(from))?.[0] ?? '';
  return { from, to: from + word.length, word };
}
