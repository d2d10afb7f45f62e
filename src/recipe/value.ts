import { t } from '@vscode/l10n';
import { z } from 'zod';
import type { Setting } from './check.ts';
import { describeFor } from './describe.ts';
import { typeOf, type Engine } from './engines.ts';
import type { Finding, Fix } from './findings.ts';
import { nearest } from './nearest.ts';
import { quote } from './quote.ts';

/** What is wrong with one value by itself; null when it is fine, or the key is unknown. */
export function checkValue(engine: Engine, setting: Setting): Finding | null {
  const { key, value, valuePlace } = setting;
  const type = typeOf(engine, key);
  const described = describeFor(engine, key);
  if (type === null || described === null) return null;
  const truth = engine === 'trl' ? pythonTruth(setting.plain) : null;
  if (truth !== null) {
    // TRL reads the file with PyYAML, to which these words are true and false.
    if (type.safeParse(truth).success) return null;
    const word = setting.plain ?? '';
    return {
      severity: 'error',
      code: 'wrong_value',
      place: valuePlace,
      key,
      message: t(
        '`{0}` must be {1}, but Python reads {2} as {3}.',
        key,
        described.expects,
        word,
        String(truth),
      ),
      suggestion: t('Write it in quotes: `"{0}"`.', word),
      fixes: [{ title: t('Write "{0}"', word), changes: [{ kind: 'set', key, value: word }] }],
    };
  }
  if (type.safeParse(value).success) return null;
  const given = value === null ? 'it is empty' : `it is ${quote(value)}`;
  const better = suggestValue(type, value, described.choices);
  const fix: Fix[] =
    better?.value === undefined
      ? []
      : [{ title: better.title, changes: [{ kind: 'set', key, value: better.value }] }];
  return {
    severity: 'error',
    code: 'wrong_value',
    place: valuePlace,
    key,
    message: t('`{0}` must be {1}, but {2}.', key, described.expects, given),
    suggestion: better?.sentence ?? null,
    fixes: [
      ...fix,
      { title: t('Remove `{0}` (its default counts)', key), changes: [{ kind: 'remove', key }] },
    ],
  };
}

/** What YAML 1.1 makes of a word without quotes. */
function pythonTruth(plain: string | undefined): boolean | null {
  if (plain === undefined) return null;
  if (/^(yes|Yes|YES|on|On|ON)$/.test(plain)) return true;
  return /^(no|No|NO|off|Off|OFF)$/.test(plain) ? false : null;
}

interface Better {
  sentence: string;
  title: string;
  value?: unknown;
}

function suggestValue(type: z.ZodType, value: unknown, choices: readonly string[]): Better | null {
  const fits = (other: unknown) => type.safeParse(other).success;
  const write = (other: unknown, sentence: string): Better => ({
    sentence,
    title: t('Change it to {0}', quote(other)),
    value: other,
  });
  if (typeof value === 'string') {
    const truth = { yes: 'true', on: 'true', no: 'false', off: 'false' };
    const word = z.enum(['yes', 'on', 'no', 'off']).safeParse(value.toLowerCase());
    if (word.success && fits(truth[word.data] === 'true')) {
      return write(truth[word.data] === 'true', t('Write `{0}`.', truth[word.data]));
    }
    const number = Number(value);
    if (value.trim() !== '' && fits(number)) {
      return write(number, t('Write `{0}`, without quotes.', number));
    }
    const choice = nearest(value, choices);
    if (choice !== null) return write(choice, t('Did you mean `{0}`?', choice));
  }
  if (fits([value])) return write([value], t('Write it as a list: `[{0}]`.', String(value)));
  if (value === null) {
    const sentence = t('Give it a value, or leave the key out.');
    return { sentence, title: sentence };
  }
  return null;
}
