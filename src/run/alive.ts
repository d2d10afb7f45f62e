import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { createConnection } from 'node:net';
import { codeOf } from './files.ts';
import type { Manifest } from './model/manifest.ts';

/** Whether the process that writes a run directory is still there. */

/** The states in which a process should be behind the run. */
export const isActive = (manifest: Manifest): boolean =>
  ['starting', 'running', 'paused'].includes(manifest.state);

function processExists(pid: number): boolean {
  try {
    // Signal 0 tests for existence only, on Windows too.
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/** When a process started, in ms since 1970; undefined where the system doesn't say cheaply. */
async function startOf(pid: number): Promise<number | undefined> {
  if (process.platform !== 'linux') return undefined;
  try {
    const [stat, system] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile('/proc/stat', 'utf8'),
    ]);
    // Field 22, counted after the command's name, which may hold anything but the last ")".
    const ticks = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
    const boot = Number(/^btime (\d+)$/m.exec(system)?.[1]);
    const start = boot * 1000 + ticks * 10;
    return Number.isFinite(start) ? start : undefined;
  } catch {
    return undefined;
  }
}

/** Whether anything listens at `url` (TCP only). A busy engine still accepts: its kernel does. */
function listens(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const { hostname: host, port } = new URL(url);
    const socket = createConnection({ host, port: Number(port) });
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(2000, () => settle(true));
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}

/** A process may start this much later than the clock says it wrote: clocks are coarse. */
const CLOCK_SLACK = 2000;

/**
 * Whether the engine named in the manifest still lives.
 * `unknown`: it runs on another host. `silent`: there is a process of that number, but nothing
 * listens at its endpoint: it is about to end, or the number belongs to another process by now.
 * `written`: when `run.json` was last written (ms since 1970);
 * a process that started after that isn't the one that wrote it, only its number came back.
 * `knock`: whether to try the endpoint; asking for the process alone costs nothing.
 */
export async function engineLives(
  manifest: Manifest,
  written: number,
  knock = true,
): Promise<'yes' | 'no' | 'silent' | 'unknown'> {
  if (manifest.host !== hostname()) return 'unknown';
  if (!processExists(manifest.pid)) return 'no';
  const started = await startOf(manifest.pid);
  if (started !== undefined && started > written + CLOCK_SLACK) return 'no';
  if (knock && manifest.endpoint && URL.canParse(manifest.endpoint.url)) {
    return (await listens(manifest.endpoint.url)) ? 'yes' : 'silent';
  }
  return 'yes';
}
