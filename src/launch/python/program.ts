import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { t } from '@vscode/l10n';
import { PlainError, messageOf } from '../../common/errors.ts';
import { CancelledError, killTree } from '../engine-process.ts';

export interface ProgramOptions {
  timeoutMs?: number;
  signal?: AbortSignal;
  cwd?: string;
  environment?: Readonly<Record<string, string>>;
  /** Told what it says on either stream, as it comes. */
  onText?: (text: string) => void;
}

/** What a program that ended had said; of each stream no more than its last million characters. */
export interface ProgramEnd {
  code: number | null;
  stdout: string;
  stderr: string;
}

const MOST = 1_000_000;

/**
 * Runs a program to its end.
 *
 * @throws PlainError where it can't be started or takes too long; CancelledError where it was
 *   cancelled. It is gone then, with all it started.
 */
export async function runProgram(
  file: string,
  args: readonly string[],
  { timeoutMs, signal, cwd, environment, onText }: ProgramOptions = {},
): Promise<ProgramEnd> {
  if (signal?.aborted === true) throw new CancelledError();
  const child = spawn(file, args, {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, ...environment },
    // A group of its own, so that what it starts ends with it.
    detached: process.platform !== 'win32',
    windowsHide: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] = (said[name] + text).slice(-MOST);
      onText?.(text);
    });
  }
  const over = new AbortController();
  try {
    const code = await Promise.race([
      ended(child, file),
      interruption(file, timeoutMs, signal, over.signal),
    ]);
    return { code, ...said };
  } catch (error) {
    end(child);
    throw error;
  } finally {
    over.abort();
  }
}

function ended(child: ChildProcess, file: string): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('close', (code) => resolve(code));
    child.once('error', (cause) => {
      const message = t('{0} can’t be started: {1}', file, messageOf(cause));
      reject(new PlainError(message, t('Check that it is there, and may be run.'), { cause }));
    });
  });
}

function interruption(
  file: string,
  timeoutMs: number | undefined,
  signal: AbortSignal | undefined,
  over: AbortSignal,
): Promise<never> {
  return new Promise((_, reject) => {
    const cancel = () => reject(new CancelledError());
    signal?.addEventListener('abort', cancel, { once: true, signal: over });
    if (timeoutMs === undefined) return;
    const timer = setTimeout(() => {
      const message = t('{0} did not answer within {1} s.', file, timeoutMs / 1000);
      reject(new PlainError(message, t('Try again, or choose another one.')));
    }, timeoutMs);
    over.addEventListener('abort', () => clearTimeout(timer), { once: true });
  });
}

function end(child: ChildProcess): void {
  if (child.pid !== undefined) killTree(child.pid, 'SIGKILL');
  // A grandchild that got away must not keep us waiting for the rest of its output.
  child.stdout?.destroy();
  child.stderr?.destroy();
}
