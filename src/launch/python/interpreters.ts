import { access, readFile, realpath, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import { t } from '@vscode/l10n';
import { PlainError } from '../../common/errors.ts';

/** Where a Python may lie. Nothing here is started. */
export interface Candidate {
  /** Absolute path of the program. */
  python: string;
  /** For people: how it came to be on the list. */
  source: string;
}

export interface Places {
  /** Folders whose environments come first. */
  folders: readonly string[];
  /** Known from elsewhere, the best first: the Python extension's, or one that we made. */
  known?: readonly Candidate[];
  /** Where nothing else will do. */
  last?: readonly Candidate[];
  environment?: NodeJS.ProcessEnv;
  home?: string;
}

const windows = process.platform === 'win32';

/** The program of an environment's folder. */
export const pythonOf = (folder: string): string =>
  join(folder, windows ? join('Scripts', 'python.exe') : join('bin', 'python'));

/** Conda keeps it elsewhere on Windows. */
const condaPythonOf = (folder: string): string =>
  windows ? join(folder, 'python.exe') : pythonOf(folder);

const namesOnPath = windows
  ? ['python.exe', 'python3.exe']
  : ['python3', 'python', 'python3.14', 'python3.13', 'python3.12', 'python3.11'];

/** All there are, the likeliest first, each once. */
export async function findInterpreters(places: Places): Promise<Candidate[]> {
  const { folders, known = [], last = [], environment = process.env, home = homedir() } = places;
  const inFolders = folders.flatMap((folder) =>
    ['.venv', 'venv', 'env'].map((name) => ({
      python: pythonOf(join(folder, name)),
      source: join(folder, name),
    })),
  );
  const active = [
    { folder: environment.VIRTUAL_ENV, of: pythonOf },
    { folder: environment.CONDA_PREFIX, of: condaPythonOf },
  ].flatMap(({ folder, of }) =>
    folder === undefined || folder === '' ? [] : [{ python: of(folder), source: folder }],
  );
  const candidates = [
    ...known,
    ...inFolders,
    ...active,
    ...onPath(environment),
    ...(await condas(home)),
    ...last,
  ];
  const there = await Promise.all(
    candidates.map(async (each) => ((await isFile(each.python)) ? [each] : [])),
  );
  return once(there.flat());
}

function onPath(environment: NodeJS.ProcessEnv): Candidate[] {
  const path = environment.PATH ?? environment.Path ?? '';
  return (
    path
      .split(delimiter)
      .filter(isAbsolute)
      // These only open the store.
      .filter((folder) => !/\\Microsoft\\WindowsApps\\?$/i.test(folder))
      .flatMap((folder) =>
        namesOnPath.map((name) => ({ python: join(folder, name), source: 'PATH' })),
      )
  );
}

/** Conda writes down every environment that it makes. */
async function condas(home: string): Promise<Candidate[]> {
  const text = await readFile(join(home, '.conda', 'environments.txt'), 'utf8').catch(() => '');
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter(isAbsolute)
    .map((folder) => ({ python: condaPythonOf(folder), source: folder }));
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );

/**
 * Two names in one folder are mostly one program. Environments share theirs by a link, and are
 * still different Pythons: only the folder and the program together tell.
 */
async function once(candidates: readonly Candidate[]): Promise<Candidate[]> {
  const seen = new Set<string>();
  const kept: Candidate[] = [];
  for (const candidate of candidates) {
    const { python } = candidate;
    const folder = await realpath(dirname(python)).catch(() => dirname(python));
    const program = await realpath(python).catch(() => python);
    const key = `${folder}\n${program}`;
    if (seen.has(key)) continue;
    seen.add(key);
    kept.push(candidate);
  }
  return kept;
}

/**
 * What a setting names: a program, an environment's folder, or a command on the PATH.
 *
 * @param folder what relative paths and `${workspaceFolder}` are about
 * @throws PlainError where there is nothing
 */
export async function namedInterpreter(
  setting: string,
  folder: string | null,
  { environment = process.env, home = homedir() }: Omit<Places, 'folders' | 'known'> = {},
): Promise<string> {
  const text = setting.replace(/^~(?=$|[\\/])/, home);
  const path = folder === null ? text : text.replaceAll('${workspaceFolder}', folder);
  const isCommand = !/[\\/]/.test(path) && !(await exists(resolve(folder ?? home, path)));
  const commands = windows ? [path, `${path}.exe`] : [path];
  const places = isCommand
    ? (environment.PATH ?? environment.Path ?? '')
        .split(delimiter)
        .filter(isAbsolute)
        .flatMap((place) => commands.map((name) => join(place, name)))
    : [resolve(folder ?? home, path)].flatMap((place) => [
        place,
        pythonOf(place),
        condaPythonOf(place),
      ]);
  for (const place of places) if (await isFile(place)) return place;
  throw new PlainError(
    t('There is no Python at {0}.', setting),
    t('Change the setting “Adaptive GRPO: Python Path”, or empty it to have one found.'),
  );
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
