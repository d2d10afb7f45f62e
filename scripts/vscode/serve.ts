import { randomBytes } from 'node:crypto';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PlainError } from '../../src/common/errors.ts';
import { installServer } from './install.ts';
import { startTree, tailOf } from './processes.ts';
import type { Exit, ProcessTree } from './processes.ts';

export interface ServeOptions {
  vsix: string;
  /** Extensions beside it, packed. */
  others?: readonly string[];
  /** The folder that VS Code opens. */
  workspace: string;
  /** Where this VS Code keeps its own data; emptied of extensions and settings first. */
  data: string;
  /** Default off: every folder is trusted. On: a folder starts untrusted, without asking. */
  workspaceTrust?: boolean;
  settings?: Record<string, unknown>;
  /** 0 or absent: any free port. */
  port?: number;
  env?: NodeJS.ProcessEnv;
  say?: (line: string) => void;
}

/** A real VS Code with the extension in it, reachable by a browser on this machine. */
export interface ServedVsCode {
  /** Opens the workspace; holds the token without which the server answers nothing. */
  readonly url: string;
  readonly stopped: Promise<Exit>;
  stop(): Promise<Exit>;
  /** Everything the extension hosts of this server have logged so far, by log file name. */
  logs(): Promise<Map<string, string>>;
}

const startUpMs = 60_000;

/** A quiet, tidy workbench: no welcome pages, no chat, no questions. */
const calmSettings = {
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.editor.empty.hint': 'hidden',
  'workbench.colorTheme': 'Default Dark Modern',
  'workbench.reduceMotion': 'on',
  'window.commandCenter': false,
  'window.menuBarVisibility': 'compact',
  'chat.commandCenter.enabled': false,
  'chat.disableAIFeatures': true,
  'extensions.ignoreRecommendations': true,
  'extensions.autoUpdate': false,
  'extensions.autoCheckUpdates': false,
  'update.mode': 'none',
  'telemetry.telemetryLevel': 'off',
  'git.enabled': false,
  'remote.autoForwardPorts': false,
  'security.workspace.trust.startupPrompt': 'never',
  'security.workspace.trust.banner': 'always',
};

export async function serveVsCode(options: ServeOptions): Promise<ServedVsCode> {
  const say = options.say ?? (() => undefined);
  const main = await installServer(say);
  const extensions = join(options.data, 'extensions');
  const settings = {
    ...calmSettings,
    'security.workspace.trust.enabled': options.workspaceTrust === true,
    ...options.settings,
  };
  await rm(extensions, { recursive: true, force: true });
  await rm(join(options.data, 'data', 'logs'), { recursive: true, force: true });
  for (const folder of ['User', 'Machine']) {
    await mkdir(join(options.data, 'data', folder), { recursive: true });
    const file = join(options.data, 'data', folder, 'settings.json');
    await writeFile(file, JSON.stringify(settings, null, 2));
  }
  const token = randomBytes(16).toString('hex');
  const tokenFile = join(options.data, 'token');
  // In a file, because a command line can be read by everybody on the machine.
  await writeFile(tokenFile, token, { mode: 0o600 });
  const log = join(options.data, 'server.log');
  await writeFile(log, '');
  const server = startTree(
    process.execPath,
    [
      main,
      ...['--host', '127.0.0.1', '--port', String(options.port ?? 0)],
      ...['--connection-token-file', tokenFile, '--accept-server-license-terms'],
      ...['--telemetry-level', 'off', '--server-data-dir', options.data],
      ...['--extensions-dir', extensions],
      ...[...(options.others ?? []), options.vsix].flatMap((each) => ['--install-extension', each]),
      '--start-server',
      ...(options.workspaceTrust === true ? [] : ['--disable-workspace-trust']),
    ],
    { log, env: { ...process.env, ...options.env } },
  );
  try {
    const port = await listeningPort(server, log);
    await healthy(port, server, log);
    const folder = encodeURI(options.workspace.replaceAll('\\', '/')).replace(/^(?!\/)/, '/');
    return {
      url: `http://127.0.0.1:${port}/?tkn=${token}&folder=${folder}`,
      stopped: server.stopped,
      stop: () => server.stop(),
      logs: () => readLogs(join(options.data, 'data', 'logs')),
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function diedAtStart(log: string): Promise<PlainError> {
  const text = await readFile(log, 'utf8').catch(() => '');
  if (text.includes('EADDRINUSE')) {
    return new PlainError(
      'VS Code could not start: the port is in use.',
      'Choose another one with --port, or leave it away.',
    );
  }
  return new PlainError(
    `VS Code ended while it was starting. Its last lines:\n${await tailOf(log)}`,
    `The whole log is ${log}.`,
  );
}

async function listeningPort(server: ProcessTree, log: string): Promise<number> {
  const end = Date.now() + startUpMs;
  while (Date.now() < end) {
    const text = await readFile(log, 'utf8');
    const port = /Extension host agent listening on (\d+)/.exec(text)?.[1];
    if (port !== undefined) return Number(port);
    if (server.exit() !== null) throw await diedAtStart(log);
    await delay(100);
  }
  throw new PlainError(
    `VS Code did not start within ${startUpMs / 1000} s.`,
    `Its log is ${log}; run this again when the machine is less busy.`,
  );
}

async function healthy(port: number, server: ProcessTree, log: string): Promise<void> {
  const end = Date.now() + startUpMs;
  while (Date.now() < end) {
    if (server.exit() !== null) throw await diedAtStart(log);
    const text = await readFile(log, 'utf8');
    const answer = await fetch(`http://127.0.0.1:${port}/version`).catch(() => null);
    if (answer?.ok === true && /successfully installed|already installed/.test(text)) return;
    if (/Failed Installing|Error while installing/i.test(text)) {
      throw new PlainError(
        `VS Code refused the extension:\n${await tailOf(log)}`,
        'Check package.json and what .vscodeignore leaves in.',
      );
    }
    await delay(100);
  }
  throw new PlainError(
    `VS Code did not take the extension within ${startUpMs / 1000} s.`,
    `Its log is ${log}.`,
  );
}

async function readLogs(folder: string): Promise<Map<string, string>> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const found = new Map<string, string>();
  for (const name of names.filter((each) => each.endsWith('.log')).sort()) {
    if (name.includes('exthost')) found.set(name, await readFile(join(folder, name), 'utf8'));
  }
  return found;
}
