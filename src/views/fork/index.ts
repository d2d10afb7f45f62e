import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { PlainError } from '../../common/errors.ts';
import { Policies } from '../../launch/policies.ts';
import { commands } from '../ids.ts';
import { showError } from '../notify.ts';
import type { Services } from '../services.ts';
import { forkFrom, forkTarget, type ForkParts, type ForkTarget } from './command.ts';
import { serverCommands } from './servers.ts';

/** Ways of knowing which token the command is about when nobody says. */
export interface ForkPlaces {
  /** Of the active rollout document. */
  tokenAtCursor(): ForkTarget | null;
  /** Has the active explorer fork at its chosen token; false where no explorer is active. */
  forkInExplorer(): boolean;
}

/** "Fork from Here": other continuations of any token, kept with the run as probes. */
export function registerFork(
  context: vscode.ExtensionContext,
  services: Services,
  engine: string,
  places: ForkPlaces,
): void {
  const { globalState: memory, secrets } = context;
  const policies = new Policies(engine, { log: (line) => services.log.info(`policy: ${line}`) });
  const parts: ForkParts = { services, policies, memory, secrets };
  const handlers: Record<string, (argument: unknown) => unknown> = {
    [commands.forkFromToken]: (argument) => {
      const given = forkTarget.safeParse(argument);
      const target = given.success ? given.data : places.tokenAtCursor();
      if (target !== null) return forkFrom(parts, target);
      if (!places.forkInExplorer()) throw noToken();
      return undefined;
    },
    ...serverCommands(secrets, memory),
  };
  context.subscriptions.push(
    policies,
    ...Object.entries(handlers).map(([id, handler]) =>
      vscode.commands.registerCommand(id, async (argument: unknown) => {
        try {
          await handler(argument);
        } catch (error) {
          void showError(error, services.log);
        }
      }),
    ),
  );
}

const noToken = (): PlainError =>
  new PlainError(
    t('No token is chosen to fork at.'),
    t('Choose one in the Rollout Explorer, or put the cursor on one in a rollout document.'),
  );
