import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive } from '../alone.mjs';
import { cache } from '../vscode/install.ts';
import { prepareWorkspace } from './workspace.ts';

/** One `npm start` at work. Two at once get a folder each; the next one finds the runs of the last. */
export interface Session {
  /** The folder VS Code opens. */
  readonly workspace: string;
  /** VS Code's own data, and the logs. */
  readonly data: string;
  release(): Promise<void>;
}

export async function claimSession(kind: 'start' | 'smoke'): Promise<Session> {
  for (let number = 1; ; number += 1) {
    const folder = join(cache, kind, String(number));
    await mkdir(join(folder, 'vscode'), { recursive: true });
    const owner = join(folder, 'owner');
    if (!(await claim(owner))) continue;
    const workspace = join(folder, 'playground');
    // A smoke test begins with nothing.
    if (kind === 'smoke') await rm(workspace, { recursive: true, force: true });
    await prepareWorkspace(workspace);
    return {
      workspace,
      data: join(folder, 'vscode'),
      release: () => rm(owner, { force: true }),
    };
  }
}

/** Whether the folder is ours now: it had no owner, or a dead one. */
async function claim(owner: string): Promise<boolean> {
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const free = await writeFile(owner, String(process.pid), { flag: 'wx' })
      .then(() => true)
      .catch(() => false);
    if (free) return true;
    const pid = Number(await readFile(owner, 'utf8').catch(() => '0'));
    if (pid > 0 && isAlive(pid)) return false;
    await rm(owner, { force: true });
  }
  return false;
}
