import * as vscode from 'vscode';
import type { Services } from '../services.ts';
import { queryOf } from './address.ts';
import { registerRolloutCommands } from './commands.ts';
import { RolloutDocuments } from './documents.ts';
import { RolloutFiles, addressOf } from './files.ts';
import { Painter } from './painter.ts';
import { registerProviders } from './providers.ts';
import { RolloutRuns } from './runs.ts';

/** A rollout that was read is about to be opened, for this long. */
const LINGER_MS = 60_000;

/**
 * Rollouts as documents: any path of a run as a text that can only be read, with its tokens
 * coloured, all about each in a hover, and its segments as lenses and outline.
 */
export function registerRollouts(
  context: vscode.ExtensionContext,
  services: Services,
): RolloutDocuments {
  const { extensionUri, stores, colour } = services;
  const base = vscode.Uri.joinPath(extensionUri, 'media', 'base').fsPath;
  const runs: RolloutRuns = new RolloutRuns(stores, base, (directory, change) =>
    documents.runChanged(directory, change),
  );
  const documents = new RolloutDocuments(runs);
  // Where extensions were started anew, VS Code still has the texts and doesn't ask for them.
  const look = ({ uri }: vscode.TextDocument): void => {
    const address = addressOf(uri);
    if (address !== null && documents.get(address) === null) void documents.open(address);
  };
  context.subscriptions.push(
    runs,
    documents,
    RolloutFiles.register(documents),
    ...registerProviders(documents, colour),
    new Painter(documents, colour),
    ...registerRolloutCommands({ services, documents, runs, colour }),
    vscode.workspace.onDidOpenTextDocument(look),
    vscode.workspace.onDidCloseTextDocument(({ uri }) => {
      const address = addressOf(uri);
      if (address !== null) documents.close(address);
      closeUnused(documents);
    }),
  );
  vscode.workspace.textDocuments.forEach(look);
  return documents;
}

/** VS Code also looks at files that it doesn't open, in its history for one. */
function closeUnused(documents: RolloutDocuments): void {
  const shown = new Set<string>();
  for (const { uri } of vscode.workspace.textDocuments) {
    const address = addressOf(uri);
    if (address !== null) shown.add(queryOf(address));
  }
  for (const address of documents.addresses) {
    const read = documents.get(address)?.read ?? Infinity;
    const old = read < Date.now() - LINGER_MS;
    if (old && !shown.has(queryOf(address))) documents.close(address);
  }
}
