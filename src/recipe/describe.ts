import { z } from 'zod';
import { keyInfo, recipeSchema, recipeShape, type KeyInfo, type RecipeKeyName } from './keys.ts';

/** What a person needs to know about a key; made from the schema, for hovers, forms and pages. */
export interface KeyDescription extends KeyInfo {
  name: RecipeKeyName;
  /** What it takes, in words: `a whole number of at least 1`. */
  expects: string;
  /** The words to choose from, where it takes one of a few. */
  choices: readonly string[];
  default: unknown;
}

type Json = z.core.JSONSchema._JSONSchema;

/** The JSON schema of what one may write for a key. */
export function jsonSchemaOf(name: RecipeKeyName): Exclude<Json, boolean> {
  return z.toJSONSchema(recipeShape[name], { io: 'input' });
}

const defaults = recipeSchema.parse({});

export function describeKey(name: RecipeKeyName): KeyDescription {
  const info = keyInfo.get(recipeShape[name]);
  if (!info) throw new Error(`recipe key without a description: ${name}`);
  const schema = jsonSchemaOf(name);
  return {
    ...info,
    name,
    expects: expectation(schema),
    choices: choicesOf(schema),
    default: defaults[name],
  };
}

function choicesOf(schema: Json): string[] {
  if (typeof schema === 'boolean') return [];
  const own = (schema.enum ?? []).filter((choice) => typeof choice === 'string');
  return [...own, ...(schema.anyOf ?? []).flatMap(choicesOf)];
}

/** A JSON schema in words that follow "must be". */
function expectation(schema: Json): string {
  if (typeof schema === 'boolean') return 'anything';
  if (schema.anyOf) return oneOf(schema.anyOf.flatMap(alternatives));
  if (schema.enum) return oneOf(schema.enum.map(String));
  switch (schema.type) {
    case 'boolean':
      return 'true or false';
    case 'null':
      return 'empty';
    case 'integer':
      return `a whole number${range(schema)}`;
    case 'number':
      return `a number${range(schema)}`;
    case 'string':
      return 'a text';
    case 'array': {
      const items = Array.isArray(schema.items) ? schema.items[0] : schema.items;
      const what = items === undefined ? 'values' : plural(expectation(items));
      return schema.minItems === undefined ? `a list of ${what}` : `a list of one or more ${what}`;
    }
    default:
      return 'a value';
  }
}

function alternatives(schema: Json): string[] {
  if (typeof schema !== 'boolean' && schema.enum) return schema.enum.map(String);
  if (typeof schema !== 'boolean' && schema.type === 'boolean') return ['true', 'false'];
  return [expectation(schema)];
}

function oneOf(options: readonly string[]): string {
  const last = options.at(-1) ?? '';
  return options.length < 2 ? last : `${options.slice(0, -1).join(', ')} or ${last}`;
}

function plural(what: string): string {
  return what.replace(/^a (\w+ )?(text|number)/, (_, adjective: string | undefined, noun: string) =>
    [adjective?.trim(), `${noun}s`].filter(Boolean).join(' '),
  );
}

function range(schema: Exclude<Json, boolean>): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  const most = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  const bounds = [
    minimum === undefined ? '' : `of at least ${minimum}`,
    typeof exclusiveMinimum === 'number' ? `above ${exclusiveMinimum}` : '',
    most === undefined ? '' : `at most ${most}`,
    typeof exclusiveMaximum === 'number' ? `below ${exclusiveMaximum}` : '',
  ].filter(Boolean);
  return bounds.length === 0 ? '' : ` ${bounds.join(' and ')}`;
}
