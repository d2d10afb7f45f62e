import { t } from '@vscode/l10n';
import * as vscode from 'vscode';
import { z } from 'zod';
import { commands, section, settings } from '../ids.ts';

/** The servers of the settings, and their keys, which lie in VS Code's own store of secrets. */

const completionServer = z.object({
  name: z.string().min(1).max(200),
  baseUrl: z.url({ protocol: /^https?$/ }),
  model: z.string().default(''),
});
export type CompletionServer = z.infer<typeof completionServer>;

const DEFAULT_SECONDS = 120;

/** What of the setting can be used, and sentences about the rest. */
export function completionServers(): { servers: CompletionServer[]; problems: string[] } {
  const value = vscode.workspace
    .getConfiguration(section)
    .get<unknown>(settings.completionServers, []);
  const servers: CompletionServer[] = [];
  const problems: string[] = [];
  (Array.isArray(value) ? value : []).forEach((entry: unknown, i) => {
    const parsed = completionServer.safeParse(entry);
    if (parsed.success) servers.push(parsed.data);
    else {
      const where = parsed.error.issues[0]?.path.join('.') ?? '';
      problems.push(t('Entry {0} of the setting: `{1}` is missing or wrong.', i + 1, where));
    }
  });
  return { servers, problems };
}

export function completionTimeoutMs(): number {
  const seconds = vscode.workspace
    .getConfiguration(section)
    .get<unknown>(settings.completionTimeout);
  return (typeof seconds === 'number' && seconds >= 1 ? seconds : DEFAULT_SECONDS) * 1000;
}

export const openServerSettings = (): Thenable<unknown> =>
  vscode.commands.executeCommand(
    'workbench.action.openSettings',
    `${section}.${settings.completionServers}`,
  );

/**
 * By address, never by name: whoever changes a workspace's settings must not get the key of a
 * server by giving its name to another one.
 */
const secretOf = ({ baseUrl }: CompletionServer): string => `completionServer:${baseUrl}`;

export const apiKeyOf = (
  secrets: vscode.SecretStorage,
  server: CompletionServer,
): Promise<string | null> =>
  Promise.resolve(secrets.get(secretOf(server))).then((key) => key ?? null);

/** Addresses that have a key: a server may be gone from the settings, and its key still be there. */
const WITH_KEY = 'completionServersWithKey';
const addresses = z.array(z.string()).catch([]);
const withKeyIn = (memory: vscode.Memento): string[] =>
  addresses.parse(memory.get<unknown>(WITH_KEY));

/** Those of the settings, and those that are only remembered. */
function allServers(memory: vscode.Memento): CompletionServer[] {
  const { servers } = completionServers();
  const known = new Set(servers.map(({ baseUrl }) => baseUrl));
  const gone = withKeyIn(memory).filter((baseUrl) => !known.has(baseUrl));
  return [...servers, ...gone.map((baseUrl) => ({ name: baseUrl, baseUrl, model: '' }))];
}

async function setApiKey(secrets: vscode.SecretStorage, memory: vscode.Memento): Promise<void> {
  const title = t('Set API Key of Completion Server');
  const server = await pickServer(title, () => true);
  if (server === undefined) return;
  const key = await vscode.window.showInputBox({
    title,
    prompt: t(
      'The key for {0} ({1}). It is kept by VS Code, not in the settings.',
      server.name,
      server.baseUrl,
    ),
    password: true,
    ignoreFocusOut: true,
  });
  if (key === undefined || key.trim() === '') return;
  await secrets.store(secretOf(server), key.trim());
  await memory.update(WITH_KEY, [...new Set([...withKeyIn(memory), server.baseUrl])]);
  vscode.window.setStatusBarMessage(t('The key for {0} is set.', server.name), 5000);
}

async function removeApiKey(secrets: vscode.SecretStorage, memory: vscode.Memento): Promise<void> {
  const servers = allServers(memory);
  const keys = await Promise.all(servers.map((server) => apiKeyOf(secrets, server)));
  const withKey = servers.filter((_, i) => keys[i] !== null);
  const title = t('Remove API Key of Completion Server');
  if (withKey.length === 0) {
    void vscode.window.showInformationMessage(t('No completion server has a key.'));
    return;
  }
  const server = await pickServer(title, (each) => withKey.includes(each), servers);
  if (server === undefined) return;
  await secrets.delete(secretOf(server));
  const others = withKeyIn(memory).filter((baseUrl) => baseUrl !== server.baseUrl);
  await memory.update(WITH_KEY, others);
  vscode.window.setStatusBarMessage(t('The key for {0} is removed.', server.name), 5000);
}

async function pickServer(
  title: string,
  qualifies: (server: CompletionServer) => boolean,
  servers = completionServers().servers,
): Promise<CompletionServer | undefined> {
  const candidates = servers.filter(qualifies);
  if (candidates.length === 0) {
    const open = t('Open Settings');
    const message = t('There is no completion server in the settings yet.');
    const chosen = await vscode.window.showInformationMessage(message, open);
    if (chosen === open) await openServerSettings();
    return undefined;
  }
  const picked = await vscode.window.showQuickPick(
    candidates.map((server) => ({ label: server.name, description: server.baseUrl, server })),
    { title, placeHolder: t('Which server?') },
  );
  return picked?.server;
}

/** "Set API Key of Completion Server…" and "Remove API Key of Completion Server…". */
export const serverCommands = (
  secrets: vscode.SecretStorage,
  memory: vscode.Memento,
): Record<string, () => Promise<void>> => ({
  [commands.setCompletionServerKey]: () => setApiKey(secrets, memory),
  [commands.removeCompletionServerKey]: () => removeApiKey(secrets, memory),
});
