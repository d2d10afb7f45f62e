import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

// Plain JavaScript, because bootstrap.mjs needs it before anything is installed. Types and
// descriptions are in alone.d.mts.

export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function isStale(lockFolder) {
  const owner = join(lockFolder, 'pid');
  const pid = existsSync(owner) ? Number(readFileSync(owner, 'utf8')) : 0;
  if (pid > 0) return !isAlive(pid);
  // Between taking the lock and writing the number there is a moment without one.
  const since = statSync(lockFolder, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
  return Date.now() - since > 5000;
}

export async function alone(lockFolder, work, waiting = () => {}) {
  mkdirSync(dirname(lockFolder), { recursive: true });
  for (let told = false; ;) {
    try {
      mkdirSync(lockFolder);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (isStale(lockFolder)) {
      rmSync(lockFolder, { recursive: true, force: true });
      continue;
    }
    if (!told) waiting();
    told = true;
    await setTimeout(200);
  }
  try {
    writeFileSync(join(lockFolder, 'pid'), String(process.pid));
    return await work();
  } finally {
    rmSync(lockFolder, { recursive: true, force: true });
  }
}
