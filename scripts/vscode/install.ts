import { spawn } from 'node:child_process';
import { cp, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PlainError } from '../../src/common/errors.ts';
import { isAlive } from '../alone.mjs';

/** The package that carries VS Code's own server to npm, and the VS Code in it. */
const version = '4.139.1';

export const root = fileURLToPath(new URL('../../', import.meta.url));
export const cache = join(root, '.cache');

const serverInside = (folder: string): string =>
  join(folder, 'node_modules', 'code-server', 'lib', 'vscode');

/**
 * A real VS Code server from npm, installed once in `.cache/`; returns its start file. It needs
 * Node 24, which is what runs this. An interrupted install leaves nothing that looks installed.
 */
export async function installServer(say: (line: string) => void): Promise<string> {
  const home = join(cache, 'vscode-server');
  const folder = join(home, version);
  const main = join(serverInside(folder), 'out', 'server-main.js');
  if (existsSync(main)) return main;
  say('Installing a VS Code server from npm (once, about half a minute) …');
  await mkdir(home, { recursive: true });
  await removeLeftovers(home);
  const draft = join(home, `installing-${process.pid}`);
  await mkdir(draft, { recursive: true });
  try {
    // Install scripts are skipped: they want to compile what headless use does without.
    const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    await npm(['install', `code-server@${version}`, ...quiet, '--prefix', draft], draft);
    const server = serverInside(draft);
    await npm(['install', '--omit=dev', ...quiet], server);
    await npm(['install', '--omit=dev', ...quiet], join(server, 'extensions'));
    for (const name of ['spdlog', 'native-watchdog']) {
      const standIn = fileURLToPath(new URL(`stand-ins/${name}.cjs`, import.meta.url));
      await cp(standIn, join(server, 'node_modules', '@vscode', name, 'index.js'));
    }
    await rename(draft, folder).catch((error: unknown) => {
      // Another start was faster: its copy is as good.
      if (!existsSync(main)) throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return main;
}

async function removeLeftovers(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    const pid = /^installing-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) {
      await rm(join(home, name), { recursive: true, force: true });
    }
  }
}

/** Runs npm in a folder; on failure a sentence with npm's own last lines. */
export async function npm(args: string[], cwd: string): Promise<void> {
  // Inside `npm run`, npm names its own file: run that one, with no shell in between.
  const own = process.env.npm_execpath;
  const direct = own?.endsWith('npm-cli.js') === true ? own : null;
  const child =
    direct === null
      ? spawn('npm', args, { cwd, shell: process.platform === 'win32' })
      : spawn(process.execPath, [direct, ...args], { cwd });
  let output = '';
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  child.stderr.on('data', (data: Buffer) => (output += data.toString()));
  const code = await new Promise<number | null>((resolve) => {
    child.on('error', (error) => {
      output += error.message;
      resolve(null);
    });
    child.on('close', resolve);
  });
  if (code === 0) return;
  const detail = output.trim().split('\n').slice(-5).join('\n');
  throw new PlainError(
    `npm could not install what is needed in ${cwd}:\n${detail}`,
    'Check that the npm registry can be reached, then run this again.',
  );
}
