import { describeFor, jsonSchemaOf } from './describe.ts';
import { engines, keyNamesOf } from './engines.ts';
import { obsoleteKey, obsoleteKeyNames } from './trl/obsolete.ts';

/**
 * The JSON schema of recipes, for editors that check YAML by schemas. It takes what either engine
 * takes; the finer rules are in `check.ts`, which speaks up in VS Code by itself.
 */
export function recipeJsonSchema(): Record<string, unknown> {
  const names = [...new Set(engines.flatMap(keyNamesOf))].toSorted();
  const properties = names.map((name) => [name, propertyOf(name)] as const);
  const old = obsoleteKeyNames.toSorted().map((name) => [name, obsoleteProperty(name)] as const);
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Adaptive GRPO recipe',
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries([...properties, ...old]),
  };
}

function propertyOf(name: string): Record<string, unknown> {
  const known = engines.flatMap((engine) => {
    const described = describeFor(engine, name);
    return described === null ? [] : [{ engine, described, schema: plainSchema(engine, name) }];
  });
  const kinds = new Map(known.map(({ schema }) => [JSON.stringify(schema), schema]));
  const first = known[0];
  const schemas = [...kinds.values()];
  return {
    description: first === undefined ? '' : first.described.description,
    ...(known.length === 1 || kinds.size === 1 ? { default: first?.described.default } : {}),
    ...(schemas.length === 1 ? schemas[0] : { anyOf: schemas }),
  };
}

function plainSchema(engine: (typeof engines)[number], name: string): Record<string, unknown> {
  const dropped: readonly string[] = ['$schema', 'default'];
  const all = Object.entries(jsonSchemaOf(engine, name));
  return Object.fromEntries(all.filter(([word]) => !dropped.includes(word)));
}

function obsoleteProperty(name: string): Record<string, unknown> {
  const obsolete = obsoleteKey(name);
  const message = obsolete === null ? '' : `${obsolete.message} ${obsolete.suggestion}`;
  return { description: message, deprecationMessage: message, doNotSuggest: true };
}
