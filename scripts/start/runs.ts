import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive } from '../alone.mjs';
import { engineLives, isActive } from '../../src/run/alive.ts';
import { manifestPath } from '../../src/run/files.ts';
import { readManifest } from '../../src/run/manifest-file.ts';
import type { Manifest } from '../../src/run/model/manifest.ts';

/** Run directories of a workspace, the newest last. */
export async function runDirectories(workspace: string): Promise<string[]> {
  const runs = join(workspace, 'runs');
  const names = await readdir(runs).catch(() => []);
  const found: { directory: string; born: number }[] = [];
  for (const name of names) {
    const directory = join(runs, name);
    const manifest = await stat(manifestPath(directory)).catch(() => null);
    if (manifest !== null) found.push({ directory, born: manifest.birthtimeMs });
  }
  return found.sort((a, b) => a.born - b.born).map((each) => each.directory);
}

/**
 * Ends every run of a workspace that still goes on: asks its process, then insists. Resolves to the
 * names of their folders.
 */
export async function endRuns(workspace: string): Promise<string[]> {
  const ended: string[] = [];
  for (const directory of await runDirectories(workspace)) {
    const manifest = await readManifest(directory).catch(() => null);
    if (manifest === null || !isActive(manifest)) continue;
    const { mtimeMs } = await stat(manifestPath(directory));
    const lives = await engineLives(manifest, mtimeMs);
    if (lives !== 'yes' && lives !== 'silent') continue;
    await endProcess(manifest);
    ended.push(basename(directory));
  }
  return ended;
}

async function endProcess({ pid }: Manifest): Promise<void> {
  for (const [signal, patience] of [
    ['SIGTERM', 8000],
    ['SIGKILL', 2000],
  ] as const) {
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    for (const end = Date.now() + patience; Date.now() < end && isAlive(pid);) await delay(100);
    if (!isAlive(pid)) return;
  }
}
