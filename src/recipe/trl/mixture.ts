import { t } from '@vscode/l10n';
import { z } from 'zod';
import type { Contradiction } from '../check.ts';
import { remove, set, type Written } from './values.ts';

/**
 * Several data sets as one: TRL's `datasets`, and open-r1's `dataset_mixture`. The twin of
 * `trainer/adaptive_grpo/app/mixture.py`, in the same words.
 */

const ofTrl = ['path', 'name', 'data_dir', 'data_files', 'split', 'columns', 'fraction'];
const ofOpenR1 = ['id', 'config', 'split', 'columns', 'weight'];

const mapping = z.record(z.string(), z.unknown());
const list = z.array(z.unknown());

/** @param written all keys that are in the recipe, known or not */
export function mixtures(written: Written): Contradiction[] {
  const found: Contradiction[] = ['dataset_streaming', 'streaming'].flatMap((key) =>
    written[key] === true
      ? [
          {
            keys: [key],
            message: t('`{0}` is not supported: prompts are counted before a run begins.', key),
            suggestion: t('Set `{0}: false`.', key),
            fixes: [set(key, false)],
          },
        ]
      : [],
  );
  const trls = list.safeParse(written.datasets);
  const mixed = mapping.safeParse(written.dataset_mixture);
  const given = trls.success && trls.data.length > 0;
  if (given && mixed.success) {
    found.push({
      keys: ['datasets', 'dataset_mixture'],
      message: t('`datasets` and `dataset_mixture` say the same in two ways.'),
      suggestion: t('Keep one of them.'),
      fixes: [remove('dataset_mixture'), remove('datasets')],
    });
    return found;
  }
  if (given) found.push(...entries('datasets', trls.data, ofTrl));
  if (mixed.success) found.push(...openR1(mixed.data));
  const key = given ? 'datasets' : 'dataset_mixture';
  if ((given || mixed.success) && typeof written.dataset_name === 'string') {
    found.push({
      severity: 'warning',
      code: 'unused_key',
      keys: ['dataset_name'],
      message: t('`dataset_name` is not used, because `{0}` is there.', key),
      fixes: [remove('dataset_name'), remove(key)],
    });
  }
  return found;
}

function openR1(mixture: Written): Contradiction[] {
  const { datasets } = mixture;
  const key = 'dataset_mixture';
  if (
    datasets === undefined ||
    datasets === null ||
    (Array.isArray(datasets) && !datasets.length)
  ) {
    return [
      {
        keys: [key],
        message: t('`dataset_mixture` has no list `datasets`.'),
        suggestion: t('Name the data sets to mix there, each with its `id`.'),
      },
    ];
  }
  const other = foreign(key, '`dataset_mixture`', mixture, ['datasets', 'seed', 'test_split_size']);
  if (other !== null) return [other];
  const those = list.safeParse(datasets);
  if (those.success) return entries(key, those.data, ofOpenR1);
  return [
    {
      keys: [key],
      message: t('`dataset_mixture` must be a list of data sets.'),
      suggestion: t('Each has a `{0}`.', 'id'),
    },
  ];
}

/** The first that makes no sense. */
function entries(
  key: string,
  those: readonly unknown[],
  known: readonly string[],
): Contradiction[] {
  const [name = ''] = known;
  for (const [i, each] of those.entries()) {
    const which = t('Data set {0} of `{1}`', i + 1, key);
    const entry = mapping.safeParse(each);
    if (!entry.success || typeof entry.data[name] !== 'string') {
      const message = t('{0} has no `{1}`.', which, name);
      return [{ keys: [key], item: i, message, suggestion: t('Say which data set it is.') }];
    }
    const other = foreign(key, which, entry.data, known);
    if (other !== null) return [{ ...other, item: i }];
  }
  return [];
}

function foreign(
  key: string,
  where: string,
  given: Written,
  known: readonly string[],
): Contradiction | null {
  const other = Object.keys(given).find((each) => !known.includes(each));
  if (other === undefined) return null;
  const said = known.map((each) => `\`${each}\``).join(', ');
  return {
    keys: [key],
    message: t('{0} has `{1}`, which means nothing there.', where, other),
    suggestion: t('It takes {0}.', said),
  };
}
