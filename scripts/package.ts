/**
 * Builds and packs the extension:
 *
 *     node scripts/package.ts [--out FILE]      (npm run package)
 *
 * The result is a `.vsix`, its content and size printed.
 */
import { execFile } from 'node:child_process';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
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
  const pack = (): Promise<void> =>
    createVSIX({
      cwd: root,
      packagePath: file,
      dependencies: false,
      rewriteRelativeLinks: false,
      allowMissingRepository: true,
    });
  await build({ production: true }, pack);
  const { size } = await stat(file);
  console.log(`${relative(process.cwd(), file)}: ${(size / 1024 / 1024).toFixed(2)} MiB`);
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
