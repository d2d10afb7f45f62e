import { t } from '@vscode/l10n';
import { z } from 'zod';
import { PlainError } from '../common/errors.ts';
import { firstIssue, parseJson } from '../common/json.ts';
import { COMPARISON_VERSION, comparisonSchema, type Comparison } from './model.ts';

/** `comparison.json` as text. */

export const COMPARISON = 'comparison.json';

const versioned = z.object({ version: z.number() });

/**
 * Reads a `comparison.json`.
 *
 * @param path only for the sentences
 * @throws PlainError where it is torn, of a newer version, or something else altogether
 */
export function parseComparison(text: string, path: string): Comparison {
  const json = parseJson(
    text,
    path,
    t('It may be cut off: make it again with compare_strategies.sh, or compare its runs again.'),
  );
  const version = versioned.safeParse(json);
  if (version.success && version.data.version > COMPARISON_VERSION) {
    throw new PlainError(
      t(
        '{0} was written by a newer Adaptive GRPO (version {1}; this one reads up to {2}).',
        path,
        version.data.version,
        COMPARISON_VERSION,
      ),
      t('Update the extension to open this comparison.'),
    );
  }
  const comparison = comparisonSchema.safeParse(json);
  if (comparison.success) return comparison.data;
  throw new PlainError(
    t('{0} is not a comparison: {1}.', path, firstIssue(comparison.error)),
    t('Choose a comparison.json that Adaptive GRPO wrote.'),
    { cause: comparison.error },
  );
}

/** The text of `comparison.json`. Numbers are written in full, so that what is read is the same. */
export function comparisonText(comparison: Comparison): string {
  return `${JSON.stringify(comparison, null, 1)}\n`;
}
