/**
 * Builds and packs the extension:
 *
 *     node scripts/package.ts [--out FILE]      (npm run package)
 *
 * The result is a `.vsix`, its content and size printed.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { createVSIX } from '@vscode/vsce';
import { z } from 'zod';
import { PlainError, messageOf } from '../src/common/errors.ts';
import { build } from './build.ts';
import { root } from './vscode/install.ts';

/** Packs into `file`, saying little: everything that was said comes with the error. */
export async function packageExtension(file: string): Promise<void> {
  await promisify(execFile)(process.execPath, [import.meta.filename, '--out', file]).catch(
    (error: unknown) => {
      const stderr =
        error instanceof Error && 'stderr' in error ? String(error.stderr) : messageOf(error);
      throw new PlainError(`The extension could not be packed.\n${stderr.trim()}`, '');
    },
  );
}

async function packInto(file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await build({ production: true }, async () => {
    const stage = await mkdtemp(join(tmpdir(), 'adaptive-grpo-package-'));
    try {
      await copyWhatMayShip(stage);
      await createVSIX({
        cwd: stage,
        packagePath: resolve(file),
        dependencies: false,
        rewriteRelativeLinks: false,
        allowMissingRepository: true,
      });
    } finally {
      await rm(stage, { recursive: true, force: true });
    }
  });
  const { size } = await stat(file);
  console.log(`${relative(process.cwd(), file)}: ${(size / 1024 / 1024).toFixed(2)} MiB`);
}

/**
 * What `.vscodeignore` names, up to its first folder. The packer looks at every file there is before
 * it leaves most of them out, and a Python environment in `.cache` has tens of thousands.
 */
async function copyWhatMayShip(stage: string): Promise<void> {
  const rules = '.vscodeignore';
  const lines = (await readFile(join(root, rules), 'utf8')).split('\n');
  const shipped = lines.flatMap((line) => /^!([^/*]+)/.exec(line)?.[1] ?? []);
  for (const name of new Set([rules, ...shipped])) {
    await cp(join(root, name), join(stage, name), { recursive: true });
  }
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({ options: { out: { type: 'string' } } });
  const manifest = z
    .object({ name: z.string(), version: z.string() })
    .parse(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')));
  await packInto(values.out ?? join(root, `${manifest.name}-${manifest.version}.vsix`)).catch(
    (error: unknown) => {
      console.error(messageOf(error));
      process.exit(1);
    },
  );
}
