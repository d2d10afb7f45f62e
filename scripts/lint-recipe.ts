/**
 * Checks recipes and says what is wrong, one line a finding:
 *
 *     npm run -s lint:recipe -- FILE…        recipes/mine.yaml:7:1: torch_dtype: …
 *     npm run -s lint:recipe -- --fix FILE…  first rewrites what newer versions of TRL changed
 *
 * Exits with 1 when something is wrong (warnings alone are not), with 2 when a file can't be read.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { messageOf } from '../src/common/errors.ts';
import { hasErrors, type Finding } from '../src/recipe/findings.ts';
import { modernize } from '../src/recipe/modernize.ts';
import { parseRecipe } from '../src/recipe/parse.ts';

/** npm runs scripts in the project's folder; a person means the folder they are in. */
const folder = process.env.INIT_CWD ?? process.cwd();

function line(file: string, { place, key, severity, message, suggestion }: Finding): string {
  const where = place.kind === 'file' ? `${file}:${place.line}:${place.column}` : file;
  const warning = severity === 'warning' ? 'warning: ' : '';
  const advice = suggestion === null ? '' : ` ${suggestion}`;
  return `${where}: ${key ?? 'recipe'}: ${warning}${message}${advice}`;
}

async function main(args: readonly string[]): Promise<number> {
  const fix = args.includes('--fix');
  const files = args.filter((each) => each !== '--fix');
  if (files.length === 0) {
    console.error('Which recipe? npm run -s lint:recipe -- FILE…');
    return 2;
  }
  let exit = 0;
  for (const file of files) {
    const path = resolve(folder, file);
    try {
      const source = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
      const text = fix ? modernize(source) : source;
      if (text !== source) await writeFile(path, text);
      const { findings } = parseRecipe(text);
      for (const finding of findings) console.log(line(relative(folder, path), finding));
      if (hasErrors(findings)) exit = Math.max(exit, 1);
    } catch (error) {
      console.error(`${file}: ${messageOf(error)}`);
      exit = 2;
    }
  }
  return exit;
}

process.exitCode = await main(process.argv.slice(2));
