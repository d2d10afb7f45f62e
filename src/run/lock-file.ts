import { randomBytes } from 'node:crypto';
import { link, open, readFile, rename, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { t } from '@vscode/l10n';
import { PlainError } from '../common/errors.ts';
import { codeOf } from './files.ts';

/** How long somebody waits for the lock, and how old it is when whoever took it must be gone. */
export interface Patience {
  waitMs: number;
  staleMs: number;
}
const PATIENCE: Patience = { waitMs: 10_000, staleMs: 30_000 };
const POLL_MS = 25;

/**
 * Does `work` while no other process that asks for the same lock file does. Work under the lock
 * takes milliseconds; a lock that is left behind (the window was killed) is taken away after a
 * while. `mine` says whether the lock still is ours: look before what must not happen twice.
 *
 * @throws PlainError where others hold the lock for too long; what can't be written rejects as it is
 */
export async function withLock<T>(
  path: string,
  work: (mine: () => Promise<boolean>) => Promise<T>,
  { waitMs, staleMs }: Patience = PATIENCE,
): Promise<T> {
  const secret = `${process.pid} ${randomBytes(12).toString('hex')}`;
  const end = Date.now() + waitMs;
  while (!(await take(path, secret))) {
    await removeStale(path, staleMs);
    if (Date.now() >= end) {
      const next = t('If no other window is at work on this run, remove that file.');
      throw new PlainError(t('Another window holds {0}.', path), next);
    }
    await sleep(POLL_MS * (0.5 + Math.random()));
  }
  const mine = async () => (await contentOf(path)) === secret;
  try {
    return await work(mine);
  } finally {
    if (await mine()) await rm(path, { force: true });
  }
}

async function take(path: string, secret: string): Promise<boolean> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'wx', 0o600);
  } catch (error) {
    // On Windows a file that is just being removed can't be made anew, for a moment.
    const code = codeOf(error);
    if (code === 'EEXIST' || (code === 'EPERM' && process.platform === 'win32')) return false;
    // No handle is left, say: the file, if there is one, is another's.
    throw error;
  }
  try {
    await handle.writeFile(secret);
    return true;
  } catch (error) {
    await rm(path, { force: true }).catch(() => undefined);
    throw error;
  } finally {
    await handle.close();
  }
}

/**
 * Takes away a lock that is too old. Two may try at once: moving the file is what only one of them
 * can do, and who moved a fresh lock, taken meanwhile, puts it back.
 */
async function removeStale(path: string, staleMs: number): Promise<void> {
  const before = await contentOf(path);
  const age = await stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
  if (before === null || age < staleMs) return;
  const aside = `${path}.${randomBytes(6).toString('hex')}.stale`;
  try {
    await rename(path, aside);
    if ((await contentOf(aside)) !== before) await link(aside, path);
  } catch (error) {
    // Somebody else was faster, either way.
    if (!['ENOENT', 'EEXIST', 'EPERM', 'EACCES'].includes(codeOf(error) ?? '')) throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

const contentOf = (path: string): Promise<string | null> =>
  readFile(path, 'utf8').catch(() => null);
