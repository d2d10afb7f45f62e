import { describeFor, jsonSchemaOf } from './describe.ts';
import { infoOf, keyNamesOf, typeOf } from './engines.ts';
import { obsoleteKey, obsoleteKeyNames } from './trl/obsolete.ts';

/** What the schema of a value says beside its limits. */
const dropped: readonly string[] = ['$schema', 'default', 'propertyNames', 'additionalProperties'];

/**
 * The keys of a TRL recipe as a Python module, so that the trainer, where no extension is at hand,
 * refuses what is wrong in the same words.
 */
export function trainerKeys(): string {
  const keys = keyNamesOf('trl').map((name) => [
    name,
    { expects: describeFor('trl', name)?.expects ?? '', ...limitsOf(name) },
  ]);
  const obsolete = obsoleteKeyNames.map((name) => {
    const { message, suggestion, deprecated } = obsoleteKey(name) ?? {};
    return [name, { message, suggestion, ...(deprecated === true ? { deprecated } : {}) }];
  });
  const others = keyNamesOf('built-in').filter((name) => typeOf('trl', name) === null);
  return `"""The keys of a recipe, made from \`src/recipe\` by \`npm run recipe-docs\`; not to be edited."""

# fmt: off
# ruff: noqa: E501
from __future__ import annotations

import json
from typing import Any

KEYS: dict[str, dict[str, Any]] = json.loads(r"""
${lines(keys)}
""")
"""What each takes: in words, and as a JSON schema."""

OBSOLETE: dict[str, dict[str, Any]] = json.loads(r"""
${lines(obsolete)}
""")
"""Keys that older recipes have."""

BUILT_IN = ${JSON.stringify(others).replaceAll(',', ', ')}
"""Keys that only the built-in engine has."""
`;
}

function limitsOf(name: string): Record<string, unknown> {
  // What transformers has to choose from grows with its releases, and it looks at that itself.
  const grows = infoOf('trl', name)?.source === 'transformers';
  const all = Object.entries(jsonSchemaOf('trl', name));
  return Object.fromEntries(
    all.filter(([word]) => !dropped.includes(word) && !(grows && word === 'enum')),
  );
}

/** One key a line, so that a change of one is a change of one line. */
function lines(entries: readonly (readonly unknown[])[]): string {
  const each = entries.map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  return `{\n${each.join(',\n')}\n}`;
}
