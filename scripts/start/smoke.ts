import { cp, mkdir, rm } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PlainError } from '../../src/common/errors.ts';
import { RunStore } from '../../src/run/store.ts';
import { packageExtension } from '../package.ts';
import { launchChromium } from '../vscode/chromium.ts';
import { ExplorerPage } from '../vscode/explorer-page.ts';
import { extensionErrors } from '../vscode/extension-log.ts';
import { root } from '../vscode/install.ts';
import type { ServedVsCode } from '../vscode/serve.ts';
import { serveVsCode } from '../vscode/serve.ts';
import { Workbench } from '../vscode/workbench.ts';
import { aborted } from './interruption.ts';
import { endRuns, runDirectories } from './runs.ts';
import type { Session } from './session.ts';
import { claimSession } from './session.ts';

const results = join(root, 'test-results');
const picture = join(results, 'smoke.png');
/** From the first key to resamples of two steps; a machine with two busy cores needs a third. */
const patienceMs = 180_000;
/** The picture is taken when the charts have something to show, or after this long. */
const chartsMs = 240_000;
const wholeMs = 600_000;

/**
 * Plays a person's first minute without a person; returns the line that says it went well. The
 * picture is taken when `steps` are done.
 */
export async function smoke(steps: number, interrupted: AbortSignal): Promise<string> {
  const session = await claimSession('smoke');
  const cleanUp: (() => Promise<unknown>)[] = [];
  try {
    return await Promise.race([
      play(session, steps, cleanUp),
      delay(wholeMs, undefined, { ref: false }).then(() => {
        throw new PlainError('The smoke test took more than ten minutes.', 'Is the machine busy?');
      }),
      aborted(interrupted).then(() => {
        throw new PlainError('The smoke test was interrupted.', 'Run it again.');
      }),
    ]);
  } finally {
    await Promise.all(cleanUp.map((each) => each()));
    await endRuns(session.workspace);
    await session.release();
  }
}

async function play(
  session: Session,
  steps: number,
  cleanUp: (() => Promise<unknown>)[],
): Promise<string> {
  await rm(picture, { force: true });
  await mkdir(results, { recursive: true });
  const vsix = join(session.data, 'extension.vsix');
  await packageExtension(vsix);
  const browser = await launchChromium(console.log);
  cleanUp.push(() => browser.close());
  const vscode = await serveVsCode({ ...session, vsix, say: console.log });
  cleanUp.push(() => vscode.stop());
  const workbench = await Workbench.open(browser, vscode.url, { scale: 2 });
  try {
    return await drive(workbench, session, steps, vscode);
  } catch (error) {
    await keepEvidence(workbench, session);
    throw error;
  }
}

async function drive(
  workbench: Workbench,
  session: Session,
  steps: number,
  vscode: ServedVsCode,
): Promise<string> {
  await workbench.runCommand('Start Adaptive GRPO Run');
  await workbench.pick('adaptive_grpo');
  const explorer = await Promise.race([
    ExplorerPage.find(workbench, patienceMs),
    failureOf(workbench),
  ]);
  await resamplesOfTwoSteps(explorer);
  const store = await openNewest(session.workspace);
  try {
    await workbench.showContainer('Adaptive GRPO');
    const end = Date.now() + chartsMs;
    while (Date.now() < end && store.steps.length < steps) await delay(500);
    await workbench.closeNotifications();
    await workbench.webviewWith('canvas', patienceMs);
    await explorer.resamples.first().waitFor();
    await workbench.screenshot(picture);
    const errors = extensionErrors(await vscode.logs());
    if (errors.length > 0) {
      throw new PlainError(
        `The extension logged an error: ${errors[0] ?? ''}`,
        'See test-results/.',
      );
    }
    const last = store.steps.at(-1);
    const reward = last?.metrics.reward?.toFixed(3) ?? 'none';
    const rollouts = last?.metrics['adaptive/total_rollouts'] ?? 0;
    console.log(`The picture is ${relative(root, picture)}.`);
    return `smoke: ok step=${last?.step ?? 0} reward=${reward} rollouts=${rollouts}`;
  } finally {
    store.dispose();
  }
}

/** Rejects with what VS Code says when the start fails. */
async function failureOf(workbench: Workbench): Promise<never> {
  const error = workbench.page.locator('.notification-list-item', {
    has: workbench.page.locator('.codicon-error'),
  });
  await error.first().waitFor({ timeout: patienceMs });
  const message = await error.first().locator('.notification-list-item-message').innerText();
  throw new PlainError(`The run did not start. VS Code says: ${message}`, 'See test-results/.');
}

/** The explorer follows the run by itself: what it shows must be resamples, of one step and another. */
async function resamplesOfTwoSteps(explorer: ExplorerPage): Promise<void> {
  const seen = new Set<number>();
  const end = Date.now() + patienceMs;
  while (seen.size < 2) {
    if (Date.now() > end) {
      const steps = seen.size === 0 ? 'no step' : `step ${[...seen].join(', ')} only`;
      throw new PlainError(
        `The explorer showed resamples of ${steps} within ${patienceMs / 1000} s.`,
        'See test-results/smoke-failed.png and the logs beside it.',
      );
    }
    const step = await explorer.step();
    const resampled = (await explorer.resamples.count()) > 0;
    if (step !== null && resampled) seen.add(step);
    await delay(100);
  }
}

async function openNewest(workspace: string): Promise<RunStore> {
  const newest = (await runDirectories(workspace)).at(-1);
  if (newest !== undefined) return RunStore.open(newest);
  throw new PlainError('No run directory was written.', 'See the logs in test-results/.');
}

/** What one needs to find out why: the screen, VS Code's logs, the run's log. */
async function keepEvidence(workbench: Workbench, session: Session): Promise<void> {
  await workbench.screenshot(join(results, 'smoke-failed.png')).catch(() => undefined);
  const logs = join(results, 'smoke-logs');
  await rm(logs, { recursive: true, force: true });
  await mkdir(logs, { recursive: true });
  const copy = (from: string, to: string): Promise<void> =>
    cp(from, join(logs, to), { recursive: true }).catch(() => undefined);
  await copy(join(session.data, 'server.log'), 'server.log');
  await copy(join(session.data, 'data', 'logs'), 'vscode');
  for (const directory of await runDirectories(session.workspace)) {
    for (const file of ['trainer.log', 'events.jsonl']) {
      await mkdir(join(logs, basename(directory)), { recursive: true });
      await copy(join(directory, file), join(basename(directory), file));
    }
  }
}
