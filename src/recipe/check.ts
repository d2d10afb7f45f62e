import { t } from '@vscode/l10n';
import { checkBuiltIn } from './built-in.ts';
import { describeFor } from './describe.ts';
import { engineOf, keyNamesOf, typeOf, type Engine } from './engines.ts';
import { hasErrors, type Finding, type Fix, type Place } from './findings.ts';
import { recipeSchema, type Recipe } from './keys.ts';
import { nearest } from './nearest.ts';
import { quote } from './quote.ts';
import { checkTrl } from './trl/check.ts';
import { obsoleteKey } from './trl/obsolete.ts';
import { checkValue } from './value.ts';

export { generationBatchSize } from './built-in.ts';

/** What was written for one key, wherever it was written. */
export interface Setting {
  key: string;
  value: unknown;
  /** Where the key stands. */
  keyPlace: Place;
  /** Where the value stands. */
  valuePlace: Place;
  /** Where the entries of a list stand. */
  itemPlaces?: readonly Place[];
  /** The value as it is written, where it is a plain word without quotes. */
  plain?: string;
}

/** What two or more keys say together that makes no sense. */
export interface Contradiction {
  code?: 'obsolete_default' | 'unused_key';
  severity?: 'warning';
  /** The keys to blame: the one that was written last gets the mark. */
  keys: readonly string[];
  /** Which entry of a list is to blame. */
  item?: number;
  message: string;
  suggestion?: string;
  fixes?: readonly Fix[];
}

export type CheckedRecipe =
  | {
      engine: 'built-in';
      /** Null when there is an error among the findings. */
      recipe: Recipe | null;
      findings: Finding[];
    }
  /** TRL resolves its own recipes; here they are only checked. */
  | { engine: 'trl'; recipe: null; findings: Finding[] };

/** Checks settings one by one and together; the later of two settings of a key counts. */
export function checkSettings(settings: readonly Setting[]): CheckedRecipe {
  const engine = engineOf(settings);
  const findings: Finding[] = [];
  const values = new Map<string, Setting>();
  for (const setting of settings) {
    const finding = checkSetting(engine, setting);
    if (finding !== null) findings.push(finding);
    if (typeOf(engine, setting.key) !== null) values.set(setting.key, setting);
  }
  const written = Object.fromEntries([...values].map(([key, { value }]) => [key, value]));
  if (engine === 'trl') {
    const all = Object.fromEntries(settings.map(({ key, value }) => [key, value]));
    const found = checkTrl(resolve(engine, written), all);
    findings.push(...found.map((each) => blame(each, settings)));
    return { engine, recipe: null, findings };
  }
  if (findings.some(({ severity }) => severity === 'error')) {
    return { engine, recipe: null, findings };
  }
  const recipe = recipeSchema.parse(written);
  const contradictions = checkBuiltIn(recipe).map((each) => blame(each, settings));
  findings.push(...contradictions);
  return { engine, recipe: hasErrors(contradictions) ? null : recipe, findings };
}

/** The recipe with some values changed, checked as a whole; null when they are refused. */
export function changeRecipe(
  recipe: Recipe,
  changes: Readonly<Record<string, unknown>>,
): { recipe: Recipe | null; findings: Finding[] } {
  return checkSettings(settingsOf({ ...recipe, ...changes }));
}

/** Values that stand in no file, as settings. */
export function settingsOf(values: Readonly<Record<string, unknown>>): Setting[] {
  return Object.entries(values).map(([key, value]) => {
    const place: Place = { kind: 'argument', argument: key };
    return { key, value, keyPlace: place, valuePlace: place };
  });
}

/** Every key the engine knows with what is written, or its default where that can't be used. */
export function resolve(
  engine: Engine,
  written: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    keyNamesOf(engine).map((key) => {
      const type = typeOf(engine, key);
      const value = type?.safeParse(written[key]);
      return [key, value?.success === true ? value.data : type?.parse(undefined)];
    }),
  );
}

function checkSetting(engine: Engine, setting: Setting): Finding | null {
  const { key } = setting;
  if (typeOf(engine, key) !== null) return checkValue(engine, setting);
  if (engine === 'trl') return obsoleteFinding(setting) ?? unusedOrUnknown(engine, setting);
  return unusedOrUnknown(engine, setting);
}

function obsoleteFinding({ key, keyPlace, value }: Setting): Finding | null {
  const obsolete = obsoleteKey(key);
  if (obsolete === null) return null;
  const change = obsolete.change(value);
  const title =
    change.kind === 'rename' ? `Change it to \`${change.to}\`` : `Remove \`${change.key}\``;
  return {
    severity: obsolete.deprecated === true ? 'warning' : 'error',
    code: 'obsolete_key',
    place: keyPlace,
    key,
    message: obsolete.message,
    suggestion: obsolete.suggestion,
    fixes: [{ title, changes: [change] }],
  };
}

function unusedOrUnknown(engine: Engine, { key, keyPlace }: Setting): Finding {
  const other: Engine = engine === 'trl' ? 'built-in' : 'trl';
  const obsolete = obsoleteKey(key);
  if (describeFor(other, key) !== null || obsolete !== null) {
    return {
      severity: 'warning',
      code: 'unused_key',
      place: keyPlace,
      key,
      message:
        engine === 'trl'
          ? t('The TRL engine does not use {0}.', quote(key))
          : t('The built-in engine does not use {0}.', quote(key)),
      suggestion: key === 'warmup_ratio' ? t('Use `warmup_steps`.') : null,
      fixes: [{ title: t('Remove `{0}`', key), changes: [{ kind: 'remove', key }] }],
    };
  }
  const guess = nearest(key, keyNamesOf(engine));
  const fixes: Fix[] = [{ title: t('Remove {0}', quote(key)), changes: [{ kind: 'remove', key }] }];
  if (guess !== null) {
    fixes.unshift({
      title: t('Change it to `{0}`', guess),
      changes: [{ kind: 'rename', key, to: guess }],
    });
  }
  return {
    severity: 'error',
    code: 'unknown_key',
    place: keyPlace,
    key,
    message: t('There is no key {0}.', quote(key)),
    suggestion: guess === null ? null : t('Did you mean `{0}`?', guess),
    fixes,
  };
}

/** Blames the key that was written last: that is the one a person has just touched. */
function blame(contradiction: Contradiction, settings: readonly Setting[]): Finding {
  const { keys, item, message, suggestion, fixes, severity, code } = contradiction;
  const blamed = settings.findLast(({ key }) => keys.includes(key));
  const itemPlace = item === undefined ? undefined : blamed?.itemPlaces?.[item];
  return {
    severity: severity ?? 'error',
    code: code ?? 'contradiction',
    place: itemPlace ?? blamed?.valuePlace ?? { kind: 'file', line: 1, column: 1, length: 1 },
    key: blamed?.key ?? keys[0] ?? null,
    message,
    suggestion: suggestion ?? null,
    fixes: fixes ?? [],
  };
}
