import { t } from '@vscode/l10n';
import { parseDocument } from 'yaml';
import type { Setting } from './check.ts';
import { jsonSchemaOf } from './describe.ts';
import type { Finding } from './findings.ts';
import { isRecipeKey, type RecipeKeyName } from './keys.ts';

/**
 * Recipe keys on the command line, as TRL's parser takes them: `--learning_rate 1e-4`,
 * `--learning-rate=1e-4`, `--reward_funcs accuracy format`, `--use_token_adaptive`,
 * `--no_use_token_adaptive`. Values are read as YAML, so that they mean what they mean in a recipe.
 */
export function parseOverrides(args: readonly string[]): {
  settings: Setting[];
  findings: Finding[];
} {
  const settings: Setting[] = [];
  const findings: Finding[] = [];
  const wrong = (argument: string, message: string, suggestion: string | null = null) =>
    findings.push({
      severity: 'error',
      code: 'argument',
      place: { kind: 'argument', argument },
      key: null,
      message,
      suggestion,
      fixes: [],
    });

  for (let i = 0; i < args.length;) {
    const argument = args[i++] ?? '';
    if (!argument.startsWith('--') || argument === '--') {
      wrong(argument, t('This is neither a recipe nor a `--key value`.'));
      continue;
    }
    const equals = argument.indexOf('=');
    const name = equals < 0 ? argument.slice(2) : argument.slice(2, equals);
    const words: string[] = equals < 0 ? [] : [argument.slice(equals + 1)];
    // A negative number is a value, not an option.
    while (equals < 0 && i < args.length && !/^--(?!\d|\.\d)/.test(args[i] ?? '')) {
      words.push(args[i++] ?? '');
    }
    const place = { kind: 'argument', argument: `--${name}` } as const;
    const key = name.replaceAll('-', '_');
    const negated = key.startsWith('no_') ? key.slice(3) : null;
    if (negated !== null && words.length === 0 && isRecipeKey(negated)) {
      settings.push({ key: negated, value: false, keyPlace: place, valuePlace: place });
      continue;
    }
    const list = isRecipeKey(key) && takes(key, 'array');
    if (words.length === 0 && !(isRecipeKey(key) && takes(key, 'boolean'))) {
      wrong(argument, t('A value is missing after it.'));
      continue;
    }
    if (words.length > 1 && !list) {
      wrong(argument, t('It takes one value, but {0} follow it.', words.length));
      continue;
    }
    const values = words.map(yamlValue);
    const value = values.length === 0 ? true : values.length > 1 ? values : values[0];
    settings.push({
      key,
      value: list && value !== null && !Array.isArray(value) ? [value] : value,
      keyPlace: place,
      valuePlace: place,
    });
  }
  return { settings, findings };
}

function takes(key: RecipeKeyName, type: 'array' | 'boolean'): boolean {
  const schema = jsonSchemaOf('built-in', key);
  return [schema, ...(schema.anyOf ?? [])].some(
    (kind) => typeof kind !== 'boolean' && kind.type === type,
  );
}

/** One word as YAML; what isn't YAML is a text. */
function yamlValue(word: string): unknown {
  const document = parseDocument(word);
  if (document.errors.length > 0) return word;
  const value: unknown = document.toJS();
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? word : value;
}
