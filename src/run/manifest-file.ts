import { randomBytes } from 'node:crypto';
import { open, readFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { t } from '@vscode/l10n';
import { z } from 'zod';
import { PlainError } from '../common/errors.ts';
import { firstIssue, parseJson } from '../common/json.ts';
import { MANIFEST, codeOf, manifestPath, patiently } from './files.ts';
import type { Manifest } from './model/manifest.ts';
import { SCHEMA_VERSION, manifestSchema } from './model/manifest.ts';

/** Reading and atomically rewriting `run.json`. */

const versioned = z.object({ schema_version: z.number() });

/** The manifest in `text`; throws a `PlainError` that names what is wrong. */
export function parseManifest(text: string, path: string): Manifest {
  const json = parseJson(text, path, t('It may be damaged; restore it, or remove the run.'));
  const version = versioned.safeParse(json);
  if (version.success && version.data.schema_version > SCHEMA_VERSION) {
    throw new PlainError(
      t(
        '{0} was written by a newer Adaptive GRPO (run directory version {1}; this one reads up to {2}).',
        path,
        version.data.schema_version,
        SCHEMA_VERSION,
      ),
      t('Update the extension to open this run.'),
    );
  }
  const manifest = manifestSchema.safeParse(json);
  if (manifest.success) return manifest.data;
  throw new PlainError(
    t('{0} is not the manifest of a run: {1}.', path, firstIssue(manifest.error)),
    t('Choose a folder that Adaptive GRPO or its trainer wrote.'),
    { cause: manifest.error },
  );
}

/** Reads `run.json` of a run directory; throws a `PlainError`. */
export async function readManifest(directory: string): Promise<Manifest> {
  const path = manifestPath(directory);
  let text: string;
  try {
    text = await patiently(() => readFile(path, 'utf8'));
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') {
      const next = t('Choose the folder that holds run.json.');
      throw new PlainError(t('{0} is not a run directory: it has no run.json.', directory), next, {
        cause,
      });
    }
    throw new PlainError(t("{0} can't be read.", path), t('Check its permissions.'), { cause });
  }
  return parseManifest(text, path);
}

/** Removes what a process that was killed while it wrote the manifest left behind. */
export async function removeTemporaries(directory: string): Promise<void> {
  const names = await readdir(directory);
  const left = names.filter((name) => name.startsWith(`${MANIFEST}.`) && name.endsWith('.tmp'));
  await Promise.all(left.map((name) => rm(join(directory, name), { force: true })));
}

/**
 * Writes `run.json` so that a reader sees the old one or the new one, never half of it. Only its
 * owner may read it: it holds the endpoint's token.
 */
export async function writeManifest(directory: string, manifest: Manifest): Promise<void> {
  const path = manifestPath(directory);
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(manifest, null, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await patiently(() => rename(temporary, path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}
