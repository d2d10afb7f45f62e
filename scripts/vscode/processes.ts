import { spawn } from 'node:child_process';
import { openSync, closeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

export interface Exit {
  code: number | null;
  signal: string | null;
}

/** A process with everything it started. */
export interface ProcessTree {
  /** Settles when all of it is gone, whoever ended it. Never rejects. */
  readonly stopped: Promise<Exit>;
  /** How it ended; null while it runs. */
  exit(): Exit | null;
  /** Ends all of it: politely, and after five seconds by force. */
  stop(): Promise<Exit>;
}

export interface ProcessOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Where stdout and stderr go (appended). */
  log: string;
}

/**
 * Starts a command that must not outlive this process. Even when this process is killed, guard.ts
 * notices and ends the command with all its children.
 */
export function startTree(command: string, args: string[], options: ProcessOptions): ProcessTree {
  const log = openSync(options.log, 'a');
  const guard = spawn(
    process.execPath,
    [fileURLToPath(new URL('guard.ts', import.meta.url)), command, ...args],
    {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['ignore', log, log, 'ipc'],
      // A group of its own: Ctrl-C in the terminal reaches this script only, which decides.
      detached: true,
      windowsHide: true,
    },
  );
  closeSync(log);
  let said: Exit | null = null;
  guard.on('message', (message: unknown) => {
    if (typeof message !== 'object' || message === null) return;
    const code = 'code' in message && typeof message.code === 'number' ? message.code : null;
    const signal =
      'signal' in message && typeof message.signal === 'string' ? message.signal : null;
    said = { code, signal };
  });
  const stopped = new Promise<Exit>((resolve) => {
    guard.on('error', () => resolve({ code: 127, signal: null }));
    guard.on('exit', (code, signal) => {
      // What the guard said last may still be on its way.
      const settle = (): void => resolve(said ?? { code, signal });
      if (guard.connected) guard.on('disconnect', settle);
      else settle();
    });
  });
  let ended: Exit | null = null;
  void stopped.then((exit) => (ended = exit));
  return {
    stopped,
    exit: () => ended,
    stop: () => {
      if (guard.connected) guard.disconnect();
      return stopped;
    },
  };
}

/** The last lines of a log, for a message. */
export async function tailOf(log: string, lines = 15): Promise<string> {
  const text = await readFile(log, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}
