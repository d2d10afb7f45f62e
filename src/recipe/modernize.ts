import { applyChange } from './edit.ts';
import { parseRecipe } from './parse.ts';

/**
 * The recipe with everything put right that newer versions of TRL changed; each fix is made from
 * what the ones before left behind. A typo may be a key somebody needs, so nothing else is changed.
 * Defaults go first: they are known to be old by the old keys beside them.
 */
export function modernize(source: string): string {
  let text = source;
  for (const code of ['obsolete_default', 'obsolete_key']) {
    for (let last = ''; last !== text;) {
      last = text;
      const finding = parseRecipe(text).findings.find((each) => each.code === code);
      for (const change of finding?.fixes[0]?.changes ?? []) text = applyChange(text, change);
    }
  }
  return text;
}
