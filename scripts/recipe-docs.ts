/**
 * Writes what is made from the recipe's schema: the documentation of every key, the JSON schema
 * that the extension contributes, and the keys as the Python trainer knows them.
 *
 *     npm run recipe-docs             writes the files named below
 *     npm run recipe-docs -- --check  exits with 1 where one of them is out of date
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { recipeJsonSchema } from '../src/recipe/json-schema.ts';
import { keyPage } from '../src/recipe/key-page.ts';
import { trainerKeys } from '../src/recipe/trainer-keys.ts';

const made: readonly [file: string, text: string][] = [
  ['docs/recipe-keys.md', keyPage()],
  ['media/recipe.schema.json', JSON.stringify(recipeJsonSchema())],
  ['trainer/adaptive_grpo/app/keys.py', trainerKeys()],
];

const check = process.argv.includes('--check');
for (const [file, text] of made) {
  const path = fileURLToPath(new URL(`../${file}`, import.meta.url));
  const options = await resolveConfig(path);
  const wanted = file.endsWith('.py') ? text : await format(text, { ...options, filepath: path });
  const there = await readFile(path, 'utf8').catch(() => null);
  if (there?.replaceAll('\r\n', '\n') === wanted) continue;
  if (check) {
    console.error(`${file} is out of date: npm run recipe-docs`);
    process.exitCode = 1;
  } else {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, wanted);
    console.log(`wrote ${file}`);
  }
}
