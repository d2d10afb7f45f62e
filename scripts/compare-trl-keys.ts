/**
 * Says where the recipe's schema and a version of TRL differ, for whoever brings it up to date:
 *
 *     python scripts/trl-keys.py SITE_PACKAGES | node scripts/compare-trl-keys.ts
 */
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { infoOf, keyNamesOf, typeOf } from '../src/recipe/engines.ts';
import { obsoleteKey } from '../src/recipe/trl/obsolete.ts';

const listing = z.record(
  z.string(),
  z.object({ class: z.string(), type: z.string(), default: z.string().nullable() }),
);
const theirs = listing.parse(JSON.parse(await text(process.stdin)));
const ours = new Set(keyNamesOf('trl'));

for (const [key, { class: owner, type, default: initial }] of Object.entries(theirs)) {
  const schema = typeOf('trl', key);
  if (schema === null) {
    const known = obsoleteKey(key) === null ? 'unknown here' : 'obsolete here';
    console.log(`${key}: ${known}, ${owner} has it as ${type} = ${initial ?? 'nothing'}`);
    continue;
  }
  const own = python(schema.parse(undefined));
  const comparable = initial !== null && /^(None|True|False|-?[\d.e-]+|'.*')$/.test(initial);
  if (comparable && own !== number(initial)) {
    console.log(`${key}: its default is ${own} here, ${initial} in ${owner}`);
  }
  if (/\bNone\b/.test(type) && !schema.safeParse(null).success) {
    console.log(`${key}: may be empty in ${owner} (${type}), not here`);
  }
}
for (const key of ours) {
  const named = infoOf('trl', key)?.source;
  const isTheirs = named === 'TRL' || named === 'transformers';
  if (isTheirs && !(key in theirs)) console.log(`${key}: here, and gone from their sources`);
}

/** A value as Python writes it. */
function python(value: unknown): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return typeof value === 'string' ? `'${value}'` : JSON.stringify(value);
}

function number(source: string): string {
  return /^-?[\d.e-]+$/.test(source) ? String(Number(source)) : source;
}
