import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const recipes = fileURLToPath(new URL('../../recipes/', import.meta.url));

/**
 * A folder for VS Code to work in, with a fresh copy of the recipes: runs never dirty the
 * repository. Runs of earlier times stay.
 */
export async function prepareWorkspace(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await cp(recipes, join(folder, 'recipes'), { recursive: true, force: true });
}
