import type { Setting } from '../recipe/check.ts';
import type { Finding } from '../recipe/findings.ts';
import { parseOverrides } from '../recipe/overrides.ts';

export const usage = `Usage: npm run -s train -- RECIPE [--output_dir DIR] [--max_steps N] [--seed S] [--key value …]
                         [--serve] [--resume_from_checkpoint DIR|true]
       npm run -s train -- --policy RUN_DIR

Trains by a recipe. Every key of a recipe can be set here as well; - and _ are the same.
  --serve   watched from outside: prints one JSON line when it can be reached, and nothing else
  --policy  trains nothing: serves the newest checkpoint of a run until stdin ends
Exit codes: 0 finished or stopped, 1 failed, 2 the recipe or the command line is wrong.`;

export type CommandLine =
  | { kind: 'help' }
  | { kind: 'wrong'; message: string }
  | { kind: 'policy'; runDirectory: string }
  | { kind: 'train'; recipe: string; serve: boolean; settings: Setting[]; findings: Finding[] };

/** @param args what follows the script's name */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const rest = args.filter((argument) => argument !== '--serve' && argument !== '--help');
  if (args.includes('--help')) return { kind: 'help' };
  const first = rest.shift();
  if (first === '--policy') {
    const [runDirectory] = rest;
    if (runDirectory !== undefined) return { kind: 'policy', runDirectory };
    return { kind: 'wrong', message: '`--policy` needs the directory of a run.' };
  }
  const recipe = first === '--config' ? rest.shift() : first; // `--config` is TRL's spelling
  if (recipe === undefined || recipe.startsWith('--')) {
    return { kind: 'wrong', message: 'The recipe comes first.' };
  }
  const { settings, findings } = parseOverrides(rest);
  return { kind: 'train', recipe, serve: args.includes('--serve'), settings, findings };
}
