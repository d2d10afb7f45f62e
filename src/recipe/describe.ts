import { t } from '@vscode/l10n';
import { z } from 'zod';
import { infoOf, typeOf, type Engine } from './engines.ts';
import type { KeyInfo } from './key-info.ts';
import type { RecipeKeyName } from './keys.ts';

/** What a person needs to know about a key; made from the schema, for hovers, forms and pages. */
export interface KeyDescription extends KeyInfo {
  name: string;
  /** What it takes, in words: `a whole number of at least 1`. */
  expects: string;
  /** The words to choose from, where it takes one of a few. */
  choices: readonly string[];
  default: unknown;
}

type Json = z.core.JSONSchema._JSONSchema;

/** The JSON schema of what one may write for a key. */
export function jsonSchemaOf(engine: Engine, name: string): Exclude<Json, boolean> {
  const type = typeOf(engine, name);
  if (type === null) throw new Error(`no recipe key of the ${engine} engine: ${name}`);
  return z.toJSONSchema(type, { io: 'input' });
}

/** A key as an engine understands it; null when the engine does not know it. */
export function describeFor(engine: Engine, name: string): KeyDescription | null {
  const info = infoOf(engine, name);
  if (info === null) return null;
  const schema = jsonSchemaOf(engine, name);
  return {
    ...info,
    name,
    expects: expectation(schema),
    choices: choicesOf(schema),
    default: typeOf(engine, name)?.parse(undefined),
  };
}

/** A key as the built-in engine understands it. */
export function describeKey(name: RecipeKeyName): KeyDescription {
  const described = describeFor('built-in', name);
  if (!described) throw new Error(`recipe key without a description: ${name}`);
  return described;
}

function choicesOf(schema: Json): string[] {
  return branches(schema).flatMap((branch) =>
    (branch.enum ?? []).filter((choice) => typeof choice === 'string'),
  );
}

/** A JSON schema in words that follow "must be". */
function expectation(schema: Json): string {
  return oneOf(branches(schema).flatMap(alternatives));
}

/** What a schema allows, one kind at a time. */
function branches(schema: Json): Exclude<Json, boolean>[] {
  if (typeof schema === 'boolean') return [];
  if (schema.anyOf) return schema.anyOf.flatMap(branches);
  // Not in zod's types, but in its output: `type: ['boolean', 'null']`.
  const types = z.array(z.enum(['boolean', 'string', 'number', 'null'])).safeParse(schema.type);
  return types.success ? types.data.map((type) => ({ ...schema, type })) : [schema];
}

/** One kind in words; a choice or a boolean among others is told word by word. */
function alternatives(schema: Exclude<Json, boolean>): string[] {
  if (schema.const !== undefined) return [JSON.stringify(schema.const)];
  if (schema.enum) return schema.enum.map(String);
  switch (schema.type) {
    case 'boolean':
      return ['true', 'false'];
    case 'null':
      return [t('empty')];
    case 'integer':
      return [bounded(t('a whole number'), schema)];
    case 'number':
      return [bounded(t('a number'), schema)];
    case 'string':
      return [t('a text')];
    case 'object':
      return [t('a mapping')];
    case 'array': {
      const items = Array.isArray(schema.items) ? schema.items[0] : schema.items;
      const what = items === undefined ? t('values') : plural(expectation(items));
      return [
        schema.minItems === undefined
          ? t('a list of {0}', what)
          : t('a list of one or more {0}', what),
      ];
    }
    default:
      return [t('a value')];
  }
}

function oneOf(options: readonly string[]): string {
  const last = options.at(-1) ?? '';
  return options.length < 2 ? last : t('{0} or {1}', options.slice(0, -1).join(', '), last);
}

/** Of the English words above; other languages have the singular here. */
function plural(what: string): string {
  return what.replace(
    /^a (\w+ )?(text|number|mapping)/,
    (_, adjective: string | undefined, noun: string) =>
      [adjective?.trim(), `${noun}s`].filter(Boolean).join(' '),
  );
}

function bounded(what: string, schema: Exclude<Json, boolean>): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  const least = minimum === Number.MIN_SAFE_INTEGER ? undefined : minimum;
  const most = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  const bounds = [
    least === undefined ? '' : t('of at least {0}', least),
    typeof exclusiveMinimum === 'number' ? t('above {0}', exclusiveMinimum) : '',
    most === undefined
      ? ''
      : least === undefined && exclusiveMinimum === undefined
        ? t('of at most {0}', most)
        : t('at most {0}', most),
    typeof exclusiveMaximum === 'number' ? t('below {0}', exclusiveMaximum) : '',
  ].filter(Boolean);
  return [what, bounds.join(t(' and '))].filter(Boolean).join(' ');
}
