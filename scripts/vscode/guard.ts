/**
 * Runs one command in a process group of its own and ends all of it when its parent says so, dies,
 * or is killed: the channel to the parent closes in every case.
 *
 *     node guard.ts COMMAND [ARGUMENT…]      (started by processes.ts, with an IPC channel)
 */
import { spawn, spawnSync } from 'node:child_process';

const graceMs = 5000;
const [command, ...args] = process.argv.slice(2);
if (command === undefined) throw new Error('guard.ts needs a command');

const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'], windowsHide: true });

function endGroup(signal: 'SIGTERM' | 'SIGKILL'): void {
  if (process.platform === 'win32') {
    if (child.pid !== undefined) spawnSync('taskkill', ['/pid', String(child.pid), '/T', '/F']);
  } else {
    // This process leads the group (it was started detached), so the group has its number.
    process.kill(-process.pid, signal);
  }
}

let ending = false;
function end(): void {
  if (ending) return;
  ending = true;
  endGroup('SIGTERM');
  setTimeout(() => endGroup('SIGKILL'), graceMs);
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, end);
process.on('disconnect', end);
process.on('message', end);

child.on('error', (error) => {
  process.send?.({ error: error.message });
  process.exit(127);
});
child.on('exit', (code, signal) => {
  const finish = (): void => endGroup('SIGKILL');
  // What the command left behind in its group goes too, this process last.
  if (process.connected) process.send?.({ code, signal }, finish);
  else finish();
  if (process.platform === 'win32') setTimeout(() => process.exit(code ?? 1), 200);
});
