/**
 * Builds and packs the extension:
 *
 *     node scripts/package.ts [--out FILE]      (npm run package)
 *
 * The result is a `.vsix`, its size printed.
 */
import { mkdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { createVSIX } from '@vscode/vsce';
import { z } from 'zod';
import { alone } from './alone.mjs';
import { build } from './build.ts';
import { cache, root } from './vscode/install.ts';

/** One at a time, because all of them build into the same `dist/`. */
export async function packageExtension(file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await alone(join(cache, 'locks', 'package'), async () => {
    await build({ production: true });
    await createVSIX({
      cwd: root,
      packagePath: file,
      dependencies: false,
      rewriteRelativeLinks: false,
    });
  });
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({ options: { out: { type: 'string' } } });
  const manifest = z
    .object({ name: z.string(), version: z.string() })
    .parse(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')));
  const file = values.out ?? join(root, `${manifest.name}-${manifest.version}.vsix`);
  await packageExtension(file);
  const { size } = await stat(file);
  console.log(`${relative(root, file)}: ${(size / 1024 / 1024).toFixed(2)} MiB`);
}
