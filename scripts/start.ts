/**
 * Opens VS Code with the extension and a live run of recipes/adaptive_grpo.yaml:
 *
 *     npm start                     the desktop VS Code, or else one served on 127.0.0.1
 *     npm start -- --served         the served one in any case
 *     npm start -- --port 8443      served, on this port
 *     npm start -- --smoke          no person: a headless browser drives it, and takes a picture
 *                                   after a dozen steps (--steps 30: after thirty)
 *
 * It works in a folder of its own (.cache/start/1/playground). Ctrl-C ends everything, the run
 * included.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PlainError } from '../src/common/errors.ts';
import { BuiltInTarget } from '../src/launch/built-in.ts';
import { packageExtension } from './package.ts';
import { hasDesktop, openDesktop } from './start/desktop.ts';
import { aborted, interruption } from './start/interruption.ts';
import { showProgress } from './start/progress.ts';
import { endRuns } from './start/runs.ts';
import { claimSession } from './start/session.ts';
import type { Session } from './start/session.ts';
import { smoke } from './start/smoke.ts';
import { root } from './vscode/install.ts';
import { serveVsCode } from './vscode/serve.ts';

/** Read by the extension: show the newest live run in the explorer as soon as a window opens. */
const reveal = { ADAPTIVE_GRPO_REVEAL: '1' };

/** A live run is there before anybody has opened the page: no window is needed to start it. */
async function startRun(session: Session, signal: AbortSignal): Promise<void> {
  const time = new Date()
    .toISOString()
    .replaceAll(/[-:]|\..*/g, '')
    .replace('T', '-');
  const target = new BuiltInTarget(join(root, 'dist', 'engine.js'));
  const run = await target.launch({
    recipe: join(session.workspace, 'recipes', 'adaptive_grpo.yaml'),
    runDirectory: join(session.workspace, 'runs', `adaptive_grpo-${time}`),
    signal,
  });
  await run.ready;
}

interface Options {
  served: boolean;
  port: number;
}

async function start(options: Options, signal: AbortSignal): Promise<void> {
  const session = await claimSession('start');
  try {
    // A start that was killed could not end its run.
    for (const name of await endRuns(session.workspace)) {
      console.log(`Ended the run ${name}, which an earlier start left behind.`);
    }
    console.log('Building …');
    const vsix = join(session.data, 'extension.vsix');
    await packageExtension(vsix);
    if (signal.aborted) return;
    await startRun(session, signal);
    if (!options.served && hasDesktop()) await onDesktop(session, signal);
    else await served(session, vsix, options.port, signal);
  } finally {
    if (signal.aborted) console.log('Ending the run and VS Code …');
    await endRuns(session.workspace);
    await session.release();
  }
}

async function onDesktop(session: Session, signal: AbortSignal): Promise<void> {
  const desktop = await openDesktop({ ...session, env: reveal });
  console.log('VS Code is opening. Ctrl-C, or closing its window, ends it and the run.');
  const shown = new AbortController();
  const progress = showProgress(session.workspace, AbortSignal.any([signal, shown.signal]));
  try {
    await Promise.race([desktop.closed, aborted(signal)]);
  } finally {
    shown.abort();
    await progress;
    await desktop.close();
  }
}

async function served(
  session: Session,
  vsix: string,
  port: number,
  signal: AbortSignal,
): Promise<void> {
  const vscode = await serveVsCode({ ...session, vsix, port, env: reveal, say: console.log });
  const over = new AbortController();
  try {
    console.log(`\nOpen this in a browser on this machine (Ctrl-C ends it and the run):\n`);
    console.log(`    ${vscode.url}\n`);
    const progress = showProgress(session.workspace, AbortSignal.any([signal, over.signal]));
    const died = vscode.stopped.then(() => true);
    const ended = await Promise.race([died, aborted(signal).then(() => false)]);
    over.abort();
    await progress;
    if (ended) {
      const log = join(session.data, 'server.log');
      throw new PlainError('VS Code has ended.', `Its log is ${log}. Run \`npm start\` again.`);
    }
  } finally {
    await vscode.stop();
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      smoke: { type: 'boolean', default: false },
      served: { type: 'boolean', default: false },
      port: { type: 'string' },
      steps: { type: 'string', default: '12' },
    },
  });
  const signal = interruption();
  const port = Number(values.port ?? 0);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new PlainError(`"${values.port ?? ''}" is no port.`, 'Give a number from 1 to 65535.');
  }
  const steps = Number(values.steps);
  if (!Number.isInteger(steps) || steps < 1) {
    throw new PlainError(
      `"${values.steps}" is no number of steps.`,
      'Give a whole number above 0.',
    );
  }
  if (values.smoke) console.log(await smoke(steps, signal));
  else await start({ served: values.served || values.port !== undefined, port }, signal);
  return signal.aborted ? 130 : 0;
}

try {
  process.exit(await main());
} catch (error) {
  if (error instanceof PlainError) console.error(`${error.message}\n${error.next}`);
  else console.error(error);
  process.exit(1);
}
