import { t } from '@vscode/l10n';
import type { ZodError } from 'zod';
import { PlainError } from './errors.ts';

/**
 * The JSON of a file.
 *
 * @param path only for the sentence
 * @param next what to do where it is none
 * @throws PlainError where it is not JSON
 */
export function parseJson(text: string, path: string, next: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PlainError(t('{0} is not valid JSON.', path), next, { cause });
  }
}

/** The first thing that is wrong, and where: `recipe.seed: expected a number`. */
export function firstIssue(error: ZodError): string {
  const issue = error.issues[0];
  const where = issue?.path.join('.') ?? '';
  return `${where === '' ? '' : `${where}: `}${issue?.message ?? ''}`;
}
