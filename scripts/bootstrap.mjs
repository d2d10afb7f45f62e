/**
 * The way into every script of this project, for whatever Node (≥ 18) and npm a person has:
 *
 *     node scripts/bootstrap.mjs start --smoke      runs scripts/start.ts --smoke
 *
 * It installs what is missing (the packages of package-lock.json, among them Node 24), then runs
 * the script under that Node 24 with the project's own tools first on the PATH.
 *
 * Plain JavaScript without packages, because it runs before anything is installed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { setInterval } from 'node:timers';
import { fileURLToPath } from 'node:url';
import { alone } from './alone.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const windows = process.platform === 'win32';
const node24 = join(modules, 'node', 'bin', windows ? 'node.exe' : 'node');
const lockFolder = join(root, '.cache', 'locks', 'install');

/** @param {string} sentence @returns {never} */
function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}

/** @param {string} file @returns {any} the parsed file, or null when it isn't there or is broken */
function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

/** Whether node_modules holds what package-lock.json asks for. npm keeps its own list inside. */
function packagesMatch() {
  const wanted = readJson(join(root, 'package-lock.json'))?.packages;
  const present = readJson(join(modules, '.package-lock.json'))?.packages;
  if (!wanted) fail('package-lock.json is missing or broken: restore it with `git checkout`.');
  if (!present) return false;
  return Object.entries(wanted).every(
    ([path, entry]) =>
      path === '' || entry.optional || entry.peer || present[path]?.version === entry.version,
  );
}

function nodeRuns() {
  if (!existsSync(node24) || statSync(node24).size === 0) return false;
  const probe = spawnSync(node24, ['--version'], { encoding: 'utf8' });
  return probe.status === 0 && probe.stdout.startsWith('v24.');
}

/** @param {string[]} args */
function npm(args) {
  // Inside `npm run`, npm names its own file: run that one, with no shell in between.
  const own = process.env['npm_execpath'];
  const direct = own?.endsWith('npm-cli.js');
  const [file, rest] = direct ? [process.execPath, [own, ...args]] : ['npm', args];
  return (
    spawnSync(file, rest, {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      shell: !direct && windows,
    }).status === 0
  );
}

function install() {
  if (!packagesMatch()) {
    console.log('Installing the packages of package-lock.json …');
    if (!npm(['ci', '--no-audit', '--no-fund', '--loglevel=error'])) {
      fail('npm could not install the packages. See its message above, then run this again.');
    }
  }
  if (nodeRuns()) return;
  // The `node` package fetches its binary in an install script, which npm may have been told to skip.
  console.log('Installing Node 24 into node_modules …');
  const script = join(modules, 'node', 'installArchSpecificPackage.js');
  spawnSync(process.execPath, [script], { cwd: dirname(script), stdio: 'ignore' });
  npm(['rebuild', 'node', '--ignore-scripts', '--loglevel=error']);
  if (!nodeRuns()) {
    fail(
      'Node 24 could not be installed from npm. Install Node 24 or check the network, then run this again.',
    );
  }
}

const [name, ...args] = process.argv.slice(2);
const script = join(root, 'scripts', `${name}.ts`);
if (Number(process.versions.node.split('.')[0]) < 18) {
  fail(`Node ${process.versions.node} is too old to begin with: install Node 18 or newer.`);
}
if (!name || !existsSync(script)) fail(`There is no script "${name ?? ''}" in scripts/.`);
// One install at a time: two `npm ci` in one folder would delete each other's files.
if (!packagesMatch() || !nodeRuns()) {
  await alone(lockFolder, install, () => console.log('Waiting for another installation here …'));
}

const path = [dirname(node24), join(modules, '.bin'), process.env['PATH'] ?? ''].join(delimiter);
const child = spawn(node24, [script, ...args], {
  stdio: 'inherit',
  // Windows spells it "Path": set both away, so that only ours is left.
  env: {
    ...Object.fromEntries(
      Object.entries(process.env).filter(([key]) => key.toUpperCase() !== 'PATH'),
    ),
    PATH: path,
  },
});
// The script decides what an interruption means; this process only waits for it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
// Between npm and this process stands a shell, which doesn't pass on what ends it.
const parent = process.ppid;
const orphaned = setInterval(() => {
  if (process.ppid !== parent) child.kill('SIGTERM');
}, 1000);
orphaned.unref();
child.on('error', (error) => fail(`The script could not be started: ${error.message}`));
child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code ?? 1);
  for (const each of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(each);
  process.kill(process.pid, signal);
});
