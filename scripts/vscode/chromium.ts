import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';
import { PlainError } from '../../src/common/errors.ts';

/** Names it on the PATH of Linux, then fixed places of macOS and Windows. */
const names = [
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  'microsoft-edge',
];
const places = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge',
  ...['PROGRAMFILES', 'PROGRAMFILES(X86)', 'LOCALAPPDATA'].flatMap((variable) => {
    const base = process.env[variable];
    if (base === undefined) return [];
    return [
      join(base, 'Google', 'Chrome', 'Application', 'chrome.exe'),
      join(base, 'Microsoft', 'Edge', 'Application', 'msedge.exe'),
    ];
  }),
];

/** A browser of Chromium's family on this machine, or null. */
export function findChromium(): string | null {
  const own = process.env.CHROMIUM_PATH;
  if (own !== undefined && own !== '') return own;
  const folders = (process.env.PATH ?? '').split(delimiter).filter((each) => each !== '');
  const onPath = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return [...onPath, ...places, ...playwrightCache()].find((file) => existsSync(file)) ?? null;
}

/** Browsers that Playwright keeps, the newest first. */
function playwrightCache(): string[] {
  const folders = [
    process.env.PLAYWRIGHT_BROWSERS_PATH ?? '',
    join(homedir(), '.cache', 'ms-playwright'),
    join(homedir(), 'Library', 'Caches', 'ms-playwright'),
    join(process.env.LOCALAPPDATA ?? homedir(), 'ms-playwright'),
  ].filter((folder) => folder !== '' && existsSync(folder));
  return folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.startsWith('chromium-'))
      .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
      .flatMap((name) => [
        join(folder, name, 'chrome-linux64', 'chrome'),
        join(folder, name, 'chrome-linux', 'chrome'),
        join(folder, name, 'chrome-mac', 'Chromium.app', 'Contents', 'MacOS', 'Chromium'),
        join(folder, name, 'chrome-win64', 'chrome.exe'),
        join(folder, name, 'chrome-win', 'chrome.exe'),
      ]),
  );
}

/** Finds Chromium; as root on Debian and its kin, installs it. */
export function needChromium(say: (line: string) => void): string {
  const found = findChromium();
  if (found !== null) return found;
  if (process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    say('Installing Chromium with apt-get (once, about a minute) …');
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    for (const args of [
      ['update', '-qq'],
      ['install', '-y', '-qq', '--no-install-recommends', 'chromium', 'fonts-dejavu-core'],
    ]) {
      spawnSync('apt-get', args, { env, stdio: 'ignore', timeout: 300_000 });
    }
    const installed = findChromium();
    if (installed !== null) return installed;
  }
  throw new PlainError(
    'A headless Chromium is needed here, and none was found.',
    'Install Chromium, Google Chrome or Microsoft Edge, or set CHROMIUM_PATH to one.',
  );
}

export function launchChromium(say: (line: string) => void): Promise<Browser> {
  return chromium.launch({
    executablePath: needChromium(say),
    headless: true,
    args: [
      // Chromium refuses its sandbox to root, which is what a container runs as.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-dev-shm-usage',
    ],
  });
}
