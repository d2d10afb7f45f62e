import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { PlainError, messageOf } from '../common/errors.ts';
import { CancelledError } from '../launch/engine-process.ts';
import { plainText } from './plain-text.ts';

/** What a person is told outside of views: a plain sentence, what to do next, and ways to do it. */

export interface Action {
  title: string;
  run: () => unknown;
}

/**
 * Shows an error with its next step and the actions that help; the log gets the detail. Says
 * nothing about a start that the person took back.
 */
export async function showError(
  error: unknown,
  log: vscode.LogOutputChannel,
  actions: readonly Action[] = [],
): Promise<void> {
  if (error instanceof CancelledError) return;
  log.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  if (error instanceof Error && error.cause !== undefined) log.error(messageOf(error.cause));
  const next = error instanceof PlainError && error.next !== '' ? ` ${error.next}` : '';
  const offered =
    actions.length > 0
      ? actions
      : [{ title: t('Show Log'), run: () => log.show() } satisfies Action];
  await offer(vscode.window.showErrorMessage, `${messageOf(error)}${next}`, offered);
}

type Show = (message: string, ...items: string[]) => Thenable<string | undefined>;

/** Never rejects: an action that fails says so. */
export async function offer(
  show: Show,
  message: string,
  actions: readonly Action[],
): Promise<void> {
  const chosen = await show(plainText(message), ...actions.map(({ title }) => title));
  try {
    await actions.find(({ title }) => title === chosen)?.run();
  } catch (error) {
    const next = error instanceof PlainError ? ` ${error.next}` : '';
    void vscode.window.showErrorMessage(plainText(`${messageOf(error)}${next}`.trim()));
  }
}
