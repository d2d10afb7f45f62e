/**
 * Bundles what ships into `dist/`:
 *
 *     node scripts/build.ts [--watch] [--production]
 *
 * - `extension.cjs`: the extension host's half (CommonJS, as VS Code wants it)
 * - `engine.js`, `engine-worker.js`: the built-in engine, a process of its own (ESM)
 * - `webview/{explorer,charts,compare,recipe-form}.{js,css}`: the front end
 */
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';
import { PlainError, messageOf } from '../src/common/errors.ts';
import { alone } from './alone.mjs';
import { thirdPartyNotices } from './notices.ts';
import { prepareWorkspace } from './start/workspace.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

/** The oldest VS Code we run in (1.101) brings Node 22.15 and Chromium 134. */
const node = 'node22.15';
const browser = 'chrome134';

export interface BuildOptions {
  production: boolean;
}

function bundles(options: BuildOptions): esbuild.BuildOptions[] {
  const shared: esbuild.BuildOptions = {
    absWorkingDir: root,
    bundle: true,
    outdir: 'dist',
    minify: options.production,
    sourcemap: options.production ? false : 'linked',
    legalComments: 'none',
    logLevel: 'warning',
    metafile: true,
    // Optional native helpers of `ws`, which does without them.
    external: ['bufferutil', 'utf-8-validate'],
  };
  return [
    {
      ...shared,
      entryPoints: { extension: 'src/extension.ts' },
      platform: 'node',
      target: node,
      format: 'cjs',
      outExtension: { '.js': '.cjs' },
      external: ['vscode', 'bufferutil', 'utf-8-validate'],
    },
    {
      ...shared,
      entryPoints: {
        engine: 'src/engine/main.ts',
        'engine-worker': 'src/engine/compute/worker.ts',
      },
      platform: 'node',
      target: node,
      format: 'esm',
      // Packages that are CommonJS inside ask for Node's own modules with `require`.
      banner: {
        js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
      },
    },
    {
      ...shared,
      entryPoints: {
        explorer: 'webview/explorer/main.ts',
        charts: 'webview/charts/main.ts',
        compare: 'webview/compare/main.ts',
        'recipe-form': 'webview/recipe-form/main.ts',
      },
      outdir: 'dist/webview',
      platform: 'browser',
      target: browser,
      format: 'iife',
      // Icons are inlined.
      loader: { '.svg': 'text' },
    },
  ];
}

/** Builds all bundles; whoever calls it holds the lock of `dist/`. */
async function buildAll(options: BuildOptions): Promise<void> {
  const results = await Promise.all(bundles(options).map((bundle) => esbuild.build(bundle))).catch(
    (cause: unknown) => {
      throw new PlainError('The build failed.', 'See the messages above.', { cause });
    },
  );
  const files = results.flatMap((result) =>
    result.metafile === undefined ? [] : [result.metafile],
  );
  const notices = 'dist/THIRD_PARTY_NOTICES.txt';
  await writeFile(join(root, notices), await thirdPartyNotices(root, files));
  await removeStale(new Set([notices, ...files.flatMap((file) => Object.keys(file.outputs))]));
}

/** What an earlier build left: a bundle under an old name would ship. */
async function removeStale(built: ReadonlySet<string>): Promise<void> {
  for (const entry of await readdir(join(root, 'dist'), { recursive: true, withFileTypes: true })) {
    const path = relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/');
    if (entry.isFile() && !built.has(path)) await rm(join(root, path));
  }
}

/**
 * Builds into `dist/`, and does `work` with it before another process may build there. Rejects with
 * a sentence; esbuild itself prints what was wrong where.
 */
export function build(options: BuildOptions, work?: () => Promise<void>): Promise<void> {
  return alone(join(root, '.cache', 'locks', 'dist'), async () => {
    await buildAll(options);
    await work?.();
  });
}

async function watch(): Promise<void> {
  for (const bundle of bundles({ production: false })) {
    const context = await esbuild.context({ ...bundle, logLevel: 'info' });
    await context.watch();
  }
  // The launch configuration opens this folder, and waits for the last line.
  await prepareWorkspace(join(root, '.cache', 'workspace'));
  console.log('watching');
}

if (process.argv[1] === import.meta.filename) {
  const args = new Set(process.argv.slice(2));
  try {
    if (args.has('--watch')) await watch();
    else await build({ production: args.has('--production') });
  } catch (error) {
    console.error(messageOf(error));
    process.exit(1);
  }
}
