import { cp, mkdtemp, readFile, rm, stat, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { t } from '@vscode/l10n';
import { PlainError, messageOf } from '../../common/errors.ts';
import { factsOf } from './facts.ts';
import type { PackageName } from './facts.ts';
import { pythonOf } from './interpreters.ts';
import { lackInWords, lackOf } from './lack.ts';
import type { Wanted } from './lack.ts';
import { requirementOf } from './needs.ts';
import { runProgram } from './program.ts';

/** The trainer that comes with us: its sources, which pip installs like any other package. */
export interface Bundled {
  /** Absolute path of the folder with `pyproject.toml`. */
  folder: string;
  version: string;
  trl: Wanted['trl'];
}

/** @throws PlainError where it is missing: the extension is damaged */
export async function bundledTrainer(folder: string): Promise<Bundled> {
  const file = join(folder, 'pyproject.toml');
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    const next = t('Reinstall the extension.');
    throw new PlainError(t('The Python trainer is missing: {0}', file), next, { cause });
  });
  const version = /^version = "([^"]+)"$/m.exec(text)?.[1];
  const [, least, below] = /"trl>=([\d.]+),<([\d.]+)"/.exec(text) ?? [];
  if (version === undefined || least === undefined || below === undefined) {
    throw new PlainError(t('{0} names no version.', file), t('Reinstall the extension.'));
  }
  return { folder, version, trl: [least, below] };
}

export interface InstallOptions {
  bundled: Bundled;
  packages: readonly PackageName[];
  signal?: AbortSignal;
  /** What the programs say, as it comes. */
  onText: (text: string) => void;
  /** What is being done, for a progress line. */
  onStage: (stage: string) => void;
  /** Milliseconds that pip may take. */
  timeoutMs?: number;
}

/** A slow line and 5 GB of CUDA. */
const INSTALL_MS = 3 * 60 * 60_000;
const VENV_MS = 5 * 60_000;

/**
 * Makes an environment in `folder` and installs the trainer into it; returns its Python. What was
 * half made is taken away again where it was cancelled or failed, unless it was there before.
 *
 * @throws PlainError where it fails; CancelledError
 */
export async function createEnvironment(
  base: string,
  folder: string,
  options: InstallOptions,
): Promise<string> {
  const { signal, onText, onStage } = options;
  const before = await exists(folder);
  const python = pythonOf(folder);
  try {
    if (!(await exists(python))) {
      if (before) await refuseForeign(folder);
      onStage(t('making an environment…'));
      onText(`${base} -m venv ${folder}\n`);
      const made = await runProgram(base, ['-m', 'venv', folder], {
        timeoutMs: VENV_MS,
        onText,
        ...(signal === undefined ? {} : { signal }),
      });
      if (made.code !== 0) throw await venvFailed(base, folder, made.stderr || made.stdout);
    }
    await installInto(python, options);
    return python;
  } catch (error) {
    // A folder that somebody had there is theirs, and so is what pip did to it.
    if (!before) await remove(folder, onText);
    throw error;
  }
}

/**
 * Installs the trainer, and what else a recipe needs, into a Python's own packages.
 *
 * @throws PlainError where pip fails, or what it installed doesn't do; CancelledError
 */
export async function installInto(python: string, options: InstallOptions): Promise<void> {
  const { bundled, packages, signal, onText, onStage, timeoutMs = INSTALL_MS } = options;
  const draft = await mkdtemp(join(tmpdir(), 'adaptive-grpo-trainer-'));
  try {
    // pip writes into the folder that it builds from; ours may be read-only, and is not for that.
    const sources = join(draft, 'trainer');
    await cp(bundled.folder, sources, { recursive: true });
    const wanted = [sources, ...packages.map(requirementOf)];
    const args = ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', ...wanted];
    onStage(t('installing the trainer with pip…'));
    onText(`${[python, ...args].join(' ')}\n`);
    const ended = await runProgram(python, args, {
      timeoutMs,
      cwd: draft,
      onText: (text) => {
        onText(text);
        const stage = stageOf(text);
        if (stage !== null) onStage(stage);
      },
      ...(signal === undefined ? {} : { signal }),
    });
    if (ended.code !== 0) throw pipFailed(python, ended.stderr || ended.stdout);
  } finally {
    await remove(draft, onText);
  }
  const facts = await factsOf(python, signal === undefined ? {} : { signal });
  const lack = lackOf(facts, { ...bundled, packages });
  if (lack === null) return;
  throw new PlainError(
    t('pip is done, but {0} still can’t train: {1}.', python, lackInWords(lack)),
    t('Look at the log of the installation.'),
  );
}

/** The package that pip is busy with, and how large it is; null where a text doesn't say. */
export function stageOf(text: string): string | null {
  const found = [...text.matchAll(/^\s*(Collecting|Downloading|Building|Installing) (.+)$/gm)].at(
    -1,
  );
  if (found === undefined) return null;
  const [, verb, rest = ''] = found;
  if (rest.startsWith('build dependencies')) return t('preparing the trainer…');
  if (verb === 'Installing') {
    const packages = /^collected packages: (.+)$/.exec(rest)?.[1]?.split(',') ?? [];
    // pip says nothing more until all are there, which takes a while for PyTorch's files.
    return packages.length > 1 ? t('installing {0} packages…', packages.length) : t('installing…');
  }
  const [word = ''] = rest
    .replace(/^wheels? for (collected packages: )?/, '')
    .split(/[\s<>=!~;,[(]/);
  const file = basename(word);
  const name = file.replace(/-(\d[^-]*)(-[^-]+)*\.(whl|tar\.gz|zip)(\.metadata)?$/, ' $1');
  // What is known of a wheel comes before the wheel, and says nothing of its size.
  const told = file.endsWith('.metadata') ? null : /\((\d[\d.]* [kMG]B)\)$/.exec(rest.trim());
  const size = told?.[1];
  if (name === '') return null;
  return size === undefined ? t('getting {0}…', name) : t('getting {0} ({1})…', name, size);
}

/** What can't be taken away is said in the log, and never hides what went wrong before. */
async function remove(folder: string, onText: (text: string) => void): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  } catch (error) {
    onText(`${t('{0} could not be removed: {1}', folder, messageOf(error))}\n`);
  }
}

/** A folder with something else in it is not to be filled with thousands of files. */
async function refuseForeign(folder: string): Promise<void> {
  if (await exists(join(folder, 'pyvenv.cfg'))) return;
  throw new PlainError(
    t('{0} is there already, and is no Python environment.', folder),
    t('Choose another folder.'),
  );
}

async function venvFailed(base: string, folder: string, said: string): Promise<PlainError> {
  const message = t('{0} can’t make an environment: {1}', base, lastLine(said));
  // It says no more than that its pip could not be unpacked.
  if (isDiskFull(said) || (await freeBytes(folder)) < LEAST_ROOM) return noRoom(message);
  const next = t(
    'On Debian and Ubuntu, install the package python3-venv; or choose another Python.',
  );
  return new PlainError(message, next);
}

/** What an empty environment takes, and some more. */
const LEAST_ROOM = 32 * 1024 * 1024;

/** On the disk of a folder; plenty where the system doesn't tell. */
const freeBytes = (folder: string): Promise<number> =>
  statfs(folder).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => Infinity,
  );

const isDiskFull = (said: string): boolean => /No space left on device|Errno 28/.test(said);
const noRoom = (message: string): PlainError =>
  new PlainError(message, t('Make room, or choose a folder on another disk.'));

/** pip says the cause in its last line that begins with `ERROR`, its own troubles left out. */
export function pipFailed(python: string, said: string): PlainError {
  const errors = [...said.matchAll(/^\s*ERROR: (.+)$/gim)].map(([, words = '']) => words.trim());
  const cause = errors.findLast((words) => words !== 'subprocess-exited-with-error');
  const words = (cause ?? errors.at(-1) ?? lastLine(said)).replace(/\.$/, '');
  const message = t('pip could not install the trainer into {0}: {1}.', python, words);
  if (said.includes('externally-managed-environment')) {
    return new PlainError(
      message,
      t('This Python belongs to the system. Set up an environment of its own instead.'),
    );
  }
  if (said.includes('No module named pip')) {
    return new PlainError(
      message,
      t('This Python has no pip. Set up an environment of its own instead.'),
    );
  }
  if (isDiskFull(said)) return noRoom(message);
  if (/Could not find a version|NewConnectionError|ConnectionError|timed out/i.test(said)) {
    return new PlainError(
      message,
      t('Check the connection to PyPI (or `PIP_INDEX_URL`), then try again.'),
    );
  }
  return new PlainError(message, t('Look at the log of the installation.'));
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1)?.trim() ?? '';

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
