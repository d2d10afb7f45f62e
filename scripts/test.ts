/**
 * Everything that must hold, in this order:
 *
 *     npm test                 lint, types, unit, trainer, integration, e2e
 *     npm test -- unit e2e     these parts only
 *
 * Ends with one line `N passed, N failed, N skipped`; exits non-zero when anything failed. Lint and
 * types count as one test a tool.
 */
import { spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../src/common/errors.ts';
import { packageExtension } from './package.ts';
import { interruption } from './start/interruption.ts';
import { launchChromium } from './vscode/chromium.ts';
import { cache, installServer, root } from './vscode/install.ts';

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

interface Part {
  name: string;
  run(): Promise<Counts>;
}

const minute = 60_000;
const interrupted = interruption();

/** Runs a program; one test, passed when it exits with 0. */
function program(file: string, args: string[], environment = process.env): Promise<Counts> {
  return new Promise((resolve) => {
    const child = spawn(file, args, { stdio: 'inherit', signal: interrupted, env: environment });
    const settle = (ok: boolean): void =>
      resolve({ passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 });
    child.on('error', (error) => {
      if (!interrupted.aborted) console.error(`${file} can't be started: ${error.message}`);
      settle(false);
    });
    child.on('exit', (code) => settle(code === 0));
  });
}

/** A tool of node_modules. */
const tool = (file: string, ...args: string[]): Promise<Counts> =>
  program(process.execPath, [join(root, 'node_modules', file), ...args]);

/** One of the Python trainer's own checks; the first makes its virtual environment. */
const trainer = (part: string, environment = process.env): Promise<Counts> =>
  program(
    process.platform === 'win32' ? 'python' : 'python3',
    [join('trainer', 'check.py'), part],
    environment,
  );

/** At once: there are two cores at least, and each tool keeps one busy. */
const together = async (...tools: Promise<Counts>[]): Promise<Counts> =>
  (await Promise.all(tools)).reduce(sum);

/** The trainer's tests, counted from pytest's own report. */
async function trainerTests(): Promise<Counts> {
  const report = join(root, 'test-results', 'trainer.xml');
  await rm(report, { force: true });
  const options = `${process.env.PYTEST_ADDOPTS ?? ''} --junit-xml=${report}`;
  const whole = await trainer('test', { ...process.env, PYTEST_ADDOPTS: options });
  const suite = /<testsuite [^>]*>/.exec(await readFile(report, 'utf8').catch(() => ''))?.[0];
  if (suite === undefined) return whole;
  const count = (name: string): number =>
    Number(new RegExp(` ${name}="(\\d+)"`).exec(suite)?.[1] ?? 0);
  const skipped = count('skipped');
  // What failed outside of any test is a failure too.
  const failed = Math.max(count('failures') + count('errors'), whole.failed);
  return { passed: Math.max(count('tests') - skipped - failed, 0), failed, skipped };
}

interface SuiteOptions {
  /** Files at once. */
  concurrency: number;
  /** Milliseconds for one file. */
  timeout: number;
}

/** Runs all test files below `test/<folder>`, each in a process of its own. */
async function suite(folder: string, options: SuiteOptions): Promise<Counts> {
  const stream = run({
    globPatterns: [`test/${folder}/**/*.test.ts`],
    concurrency: options.concurrency,
    timeout: options.timeout,
    signal: interrupted,
  });
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  stream.on('test:summary', (summary) => {
    // One a file, then one of all of them.
    if (summary.file !== undefined) return;
    counts.passed = summary.counts.passed;
    counts.failed = summary.counts.tests - summary.counts.passed;
    counts.skipped = summary.counts.skipped + summary.counts.todo;
    counts.failed -= counts.skipped;
  });
  await pipeline(stream, new spec(), process.stdout, { end: false });
  if (counts.passed + counts.failed + counts.skipped === 0) {
    console.log(`There are no tests in test/${folder}.`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  return counts;
}

/** What all end-to-end tests need is fetched and built once, with its own time. */
async function endToEnd(): Promise<Counts> {
  await installServer(console.log);
  await (await launchChromium(console.log)).close();
  const vsix = join(cache, 'test.vsix');
  await packageExtension(vsix);
  process.env.ADAPTIVE_GRPO_VSIX = vsix;
  return suite('e2e', { concurrency: 1, timeout: 8 * minute });
}

const parts: Part[] = [
  {
    name: 'lint',
    run: () =>
      together(
        tool('prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'),
        tool('eslint/bin/eslint.js', '.'),
        trainer('lint'),
      ),
  },
  {
    name: 'types',
    run: () =>
      together(
        tool('typescript/bin/tsc', '--noEmit'),
        tool('typescript/bin/tsc', '--noEmit', '-p', 'webview'),
        trainer('types'),
      ),
  },
  { name: 'unit', run: () => suite('unit', { concurrency: 2, timeout: 3 * minute }) },
  {
    name: 'trainer',
    // The whole with the lowest TRL of its range, its core with the highest.
    run: async () => sum(await trainerTests(), await trainer('highest')),
  },
  { name: 'integration', run: () => suite('integration', { concurrency: 2, timeout: 5 * minute }) },
  { name: 'e2e', run: endToEnd },
];

function sum(a: Counts, b: Counts): Counts {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
  };
}

const sentence = ({ passed, failed, skipped }: Counts): string =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`;

process.chdir(root);
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !parts.some((part) => part.name === name));
if (unknown.length > 0) {
  const names = parts.map((part) => part.name).join(', ');
  console.error(`There is no part "${unknown.join('", "')}"; there are ${names}.`);
  process.exit(2);
}

const lines: string[] = [];
let total: Counts = { passed: 0, failed: 0, skipped: 0 };
for (const part of parts) {
  if (interrupted.aborted || (asked.length > 0 && !asked.includes(part.name))) continue;
  console.log(`\n━━ ${part.name}`);
  const start = Date.now();
  const counts = await part.run().catch((error: unknown): Counts => {
    console.error(messageOf(error));
    return { passed: 0, failed: 1, skipped: 0 };
  });
  total = sum(total, counts);
  const seconds = ((Date.now() - start) / 1000).toFixed(1);
  lines.push(`${part.name.padEnd(12)}${seconds.padStart(7)} s   ${sentence(counts)}`);
}
console.log(`\n${lines.join('\n')}\n\n${sentence(total)}`);
process.exit(interrupted.aborted ? 130 : total.failed === 0 ? 0 : 1);
