import { spawn, spawnSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PlainError } from '../../src/common/errors.ts';
import { isAlive } from '../alone.mjs';
import { root } from '../vscode/install.ts';

const windows = process.platform === 'win32';

/** Whether a desktop VS Code can be opened here: `code` on the PATH, and a display to show it. */
export function hasDesktop(): boolean {
  const { DISPLAY, WAYLAND_DISPLAY, VSCODE_IPC_HOOK_CLI } = process.env;
  const display =
    process.platform !== 'linux' || [DISPLAY, WAYLAND_DISPLAY].some((name) => (name ?? '') !== '');
  // In a terminal of a remote VS Code, `code` opens windows elsewhere, without our options.
  if (!display || VSCODE_IPC_HOOK_CLI !== undefined) return false;
  return spawnSync('code', ['--version'], { shell: windows, stdio: 'ignore' }).status === 0;
}

export interface Desktop {
  /** Resolves when the person has closed the window. */
  readonly closed: Promise<void>;
  close(): Promise<void>;
}

export interface DesktopOptions {
  workspace: string;
  data: string;
  env: NodeJS.ProcessEnv;
}

/**
 * Opens the desktop VS Code with the extension from this folder. It is an instance of its own, with
 * its own settings, so that it can be closed without touching another window.
 */
export async function openDesktop(options: DesktopOptions): Promise<Desktop> {
  const userData = join(options.data, 'desktop');
  await mkdir(join(userData, 'User'), { recursive: true });
  const settings = {
    'workbench.startupEditor': 'none',
    'security.workspace.trust.enabled': false,
    'telemetry.telemetryLevel': 'off',
    'extensions.autoUpdate': false,
    'update.mode': 'none',
  };
  await writeFile(join(userData, 'User', 'settings.json'), JSON.stringify(settings, null, 2));
  const child = spawn(
    'code',
    [
      ...['--wait', '--new-window', '--user-data-dir', quoted(userData)],
      ...['--extensions-dir', quoted(join(options.data, 'desktop-extensions'))],
      quoted(`--extensionDevelopmentPath=${root}`),
      quoted(options.workspace),
    ],
    { stdio: 'ignore', shell: windows, env: { ...process.env, ...options.env } },
  );
  let closing = false;
  const ended = new Promise<void>((resolve) => {
    child.on('error', () => resolve());
    child.on('exit', () => resolve());
  });
  const closed = ended.then(() => {
    if (closing || child.exitCode === 0) return;
    throw new PlainError(
      'VS Code could not be opened.',
      'Try `code --version` in this terminal, or `npm start -- --served`.',
    );
  });
  closed.catch(() => undefined);
  return {
    closed,
    close: async () => {
      closing = true;
      // `code` only asks for a window; VS Code itself writes its number here.
      const pid = Number(await readFile(join(userData, 'code.lock'), 'utf8').catch(() => '0'));
      if (pid > 0 && isAlive(pid)) process.kill(pid);
      child.kill();
      await Promise.race([ended, delay(5000)]);
    },
  };
}

/** Windows needs a shell to start `code.cmd`, and a shell needs quotes around blanks. */
function quoted(argument: string): string {
  return windows ? `"${argument}"` : argument;
}
