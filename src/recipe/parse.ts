import { t } from '@vscode/l10n';
import {
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Node,
  type YAMLError,
} from 'yaml';
import { checkSettings, type CheckedRecipe, type Setting } from './check.ts';
import type { Finding, Place } from './findings.ts';
import { quote } from './quote.ts';

/** Reads a recipe file, then lets `overrides` (of the command line) have the last word. */
export function parseRecipe(source: string, overrides: readonly Setting[] = []): CheckedRecipe {
  const read = readSettings(source);
  if (read.findings.length > 0) {
    return { engine: 'built-in', recipe: null, findings: read.findings };
  }
  return checkSettings([...read.settings, ...overrides]);
}

/** The settings of a recipe file with their places; findings where it isn't a recipe at all. */
export function readSettings(source: string): { settings: Setting[]; findings: Finding[] } {
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false });
  const place = (from: number, to: number): Place => {
    const { line, col } = lines.linePos(Math.min(from, source.length));
    const lineEnd = source.indexOf('\n', from);
    const end = Math.min(to, lineEnd < 0 ? source.length : lineEnd);
    return { kind: 'file', line, column: Math.max(1, col), length: Math.max(1, end - from) };
  };
  const whole = (code: Finding['code'], message: string, suggestion: string): Finding => ({
    severity: 'error',
    code,
    place: place(0, 1),
    key: null,
    message,
    suggestion,
    fixes: [],
  });

  if (document.errors.length > 0) {
    const findings = document.errors.map((error): Finding => {
      const duplicate = error.code === 'DUPLICATE_KEY';
      const key = duplicate
        ? (/^[^:\n]*/.exec(source.slice(error.pos[0]))?.[0].trim() ?? '')
        : null;
      return {
        severity: 'error',
        code: duplicate ? 'duplicate_key' : 'syntax',
        place: place(...error.pos),
        key,
        message: duplicate ? t('The key {0} is there twice.', quote(key)) : syntaxSentence(error),
        suggestion: duplicate ? t('Keep one of them.') : null,
        fixes: [],
      };
    });
    return { settings: [], findings };
  }
  if (
    document.contents === null ||
    (isScalar(document.contents) && document.contents.value === null)
  ) {
    return {
      settings: [],
      findings: [
        whole('empty', t('The recipe is empty.'), t('Start from `recipes/adaptive_grpo.yaml`.')),
      ],
    };
  }
  if (!isMap(document.contents)) {
    return {
      settings: [],
      findings: [
        whole(
          'not_a_mapping',
          t('A recipe is a list of `key: value` lines.'),
          t('See `recipes/`.'),
        ),
      ],
    };
  }

  const settings: Setting[] = [];
  const findings: Finding[] = [];
  const placeOf = (node: unknown): Place => {
    const range = nodeRange(node);
    return place(range[0], range[1]);
  };
  for (const { key, value } of document.contents.items) {
    if (!isScalar(key) || typeof key.value !== 'string') {
      findings.push({
        severity: 'error',
        code: 'unknown_key',
        place: placeOf(key),
        key: null,
        message: t('A key must be a plain word.'),
        suggestion: null,
        fixes: [],
      });
      continue;
    }
    const keyPlace = placeOf(key);
    try {
      settings.push({
        key: key.value,
        value: isNode(value) ? value.toJS(document, { maxAliasCount: 100 }) : null,
        keyPlace,
        valuePlace: isNode(value) ? placeOf(value) : keyPlace,
        ...(isSeq(value) ? { itemPlaces: value.items.map(placeOf) } : {}),
        ...(isScalar(value) && value.type === 'PLAIN' && typeof value.source === 'string'
          ? { plain: value.source }
          : {}),
      });
    } catch {
      findings.push({
        severity: 'error',
        code: 'syntax',
        place: keyPlace,
        key: key.value,
        message: t('The value of {0} cannot be read.', quote(key.value)),
        suggestion: t('Write it out without `*` references.'),
        fixes: [],
      });
    }
  }
  return { settings, findings };
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'toJS' in value;
}

function nodeRange(node: unknown): [number, number] {
  if (!isNode(node) || !node.range) return [0, 1];
  return [node.range[0], node.range[1]];
}

/** The parser's own message without its jargon where a plainer one is known. */
function syntaxSentence(error: YAMLError): string {
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return t('Lines are indented with spaces here, not with tabs.');
    case 'MISSING_CHAR':
      if (/implicit map key/i.test(error.message)) return t('A `:` is missing after this key.');
      return t('Something is missing here: {0}.', lowerFirst(error.message));
    case 'MULTIPLE_DOCS':
      return t('A recipe is one document; there is a second one after `---`.');
    default:
      return t('This is not valid YAML: {0}.', lowerFirst(error.message));
  }
}

function lowerFirst(sentence: string): string {
  const line = (sentence.split('\n')[0] ?? '').replace(/\.$/, '');
  return line.slice(0, 1).toLowerCase() + line.slice(1);
}
