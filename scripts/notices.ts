import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { z } from 'zod';

const packageJson = z.object({
  name: z.string(),
  version: z.string(),
  license: z.string().default('see its own text'),
});

/** The licences of every package that went into the bundles: they ask to travel along. */
export async function thirdPartyNotices(
  root: string,
  metafiles: readonly Metafile[],
): Promise<string> {
  const folders = new Set<string>();
  for (const { inputs } of metafiles) {
    for (const input of Object.keys(inputs)) {
      const found = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input);
      if (found !== null) folders.add(found[0]);
    }
  }
  const notices: string[] = [];
  for (const folder of [...folders].sort()) {
    const manifest = packageJson.safeParse(
      JSON.parse(await readFile(join(root, folder, 'package.json'), 'utf8')),
    );
    if (!manifest.success) continue;
    const { name, version, license } = manifest.data;
    const names = await readdir(join(root, folder));
    const file = names.find((each) => /^licen[cs]e(?:\.|$)/i.test(each));
    const text = file === undefined ? '' : await readFile(join(root, folder, file), 'utf8');
    notices.push(`${name} ${version} (${license})\n\n${text.trim()}`);
  }
  const line = `\n\n${'-'.repeat(80)}\n\n`;
  return `Adaptive GRPO contains these packages:\n${line.slice(1)}${notices.join(line)}\n`;
}
