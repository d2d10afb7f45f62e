import type { Pricing } from '../../src/compare/model.ts';
import type { Setting } from '../../src/recipe/check.ts';
import { formatFinding } from '../../src/recipe/findings.ts';
import { parseOverrides } from '../../src/recipe/overrides.ts';

export const usage = `Usage: ./compare_strategies.sh RECIPE [--seeds N] [--max-steps N] [--output-dir DIR]
                                   [--benchmarks SET…] [--jobs N] [--key value …]
       ./compare_strategies.sh --baseline-runs DIR… --adaptive-runs DIR… [--output-dir DIR]

Trains by a recipe without and with the token-adaptive strategy, for N seeds each: the same data
order, the same seeds and, for each seed, the same number of generated tokens. Writes
comparison.json (opens in VS Code), comparison.md and comparison.csv, and prints the table. The
second form does that for runs that are there already, whoever trained them.

  --seeds N          the recipe's seed and those after it (default 3; 1 can't tell anything from noise)
  --max-steps N      steps of the baseline; the other side gets the tokens that took
  --output-dir DIR   where the runs lie; what is finished there is not trained again
  --benchmarks SET…  held-out sets for the final checkpoints: JSONL files; arithmetic, countdown (with
                     the built-in engine); math500, aime24, amc23, gsm8k (with TRL)
  --jobs N           runs at once (default 1; more share the processors, and times mean less)
  --trainer COMMAND  starts the Python trainer for TRL's recipes (default: one is looked for)
  --targets A…       accuracies whose price in tokens is told, such as 0.6 0.7
  --price-per-hour X --price-per-million-tokens X --currency $
                     what it costs, for the rows and curves of cost
Every other --key is one of the recipe's, such as --learning_rate 1e-4; with
--max_generated_tokens N both sides get that budget. - and _ are the same.
Exit codes: 0 all runs finished, 1 some failed, 2 the recipe or the command line is wrong,
130 interrupted (the same command goes on).`;

export interface Request {
  recipe: string;
  seeds: number;
  outputDir: string | null;
  benchmarks: readonly string[];
  /** Of the Python trainer; null: as it is installed. */
  trainer: string | null;
  jobs: number;
  targets: readonly number[] | null;
  pricing: Pricing;
  /** Recipe keys, as settings and as they were written. */
  settings: readonly Setting[];
  flags: readonly string[];
}

/** Run directories that are there already. */
export interface RecordedRequest extends Pick<Request, 'outputDir' | 'targets' | 'pricing'> {
  /** Baseline and adaptive. */
  sides: readonly [readonly string[], readonly string[]];
}

export type CommandLine =
  | { kind: 'help' }
  | { kind: 'wrong'; message: string }
  | { kind: 'compare'; request: Request }
  | { kind: 'recorded'; request: RecordedRequest };

/** Ours; every other one is a key of the recipe. */
const options = [
  'seeds',
  'output_dir',
  'benchmarks',
  'jobs',
  'trainer',
  'targets',
  'price_per_hour',
  'price_per_million_tokens',
  'currency',
  'baseline_runs',
  'adaptive_runs',
] as const;
type Option = (typeof options)[number];

/** Keys that the comparison itself sets. */
const settled = ['use_token_adaptive', 'no_use_token_adaptive', 'resume_from_checkpoint'];

/** @param args what follows the script's name */
export function parseCommandLine(args: readonly string[]): CommandLine {
  if (args.includes('--help') || args.includes('-h')) return { kind: 'help' };
  const [first, ...others] = args;
  const recipe = first === undefined || first.startsWith('--') ? null : first;
  const rest = recipe === null ? args : others;
  const given = new Map<Option, readonly string[]>();
  const flags: string[] = [];
  for (const { name, words } of grouped(rest)) {
    const key = name?.replaceAll('-', '_') ?? null;
    const option = options.find((each) => each === key);
    if (option !== undefined) {
      if (given.has(option)) return wrong(`--${name ?? ''} is there twice.`);
      given.set(option, words);
    } else if (key !== null && settled.includes(key)) {
      return wrong(`--${name ?? ''} is what the comparison sets by itself: leave it out.`);
    } else {
      flags.push(...(name === null ? [] : [`--${name}`]), ...words);
    }
  }
  const recorded = ['baseline_runs', 'adaptive_runs'] as const;
  if (recorded.some((option) => given.has(option))) return recordedOf(recipe, given, flags);
  if (recipe === null) return wrong('The recipe comes first.');
  const { settings, findings } = parseOverrides(flags);
  const [finding] = findings;
  if (finding !== undefined) return wrong(formatFinding(finding, recipe));
  return requestOf(recipe, given, { settings, flags });
}

function recordedOf(recipe: string | null, given: Given, flags: readonly string[]): CommandLine {
  const [baseline, adaptive] = [given.get('baseline_runs'), given.get('adaptive_runs')];
  const trains = ['seeds', 'benchmarks', 'jobs', 'trainer'] as const;
  if (recipe !== null || flags.length > 0 || trains.some((option) => given.has(option))) {
    return wrong(
      'Recorded runs are compared as they are: there is no recipe, and nothing to train.',
    );
  }
  if (baseline === undefined || adaptive === undefined || baseline.length + adaptive.length < 2) {
    return wrong('Recorded runs are compared by --baseline-runs DIR… and --adaptive-runs DIR….');
  }
  const values = new Values(given);
  const request: RecordedRequest = { sides: [baseline, adaptive], ...shared(values) };
  const [problem] = values.problems;
  return problem === undefined ? { kind: 'recorded', request } : wrong(problem);
}

function requestOf(
  recipe: string,
  given: Given,
  overrides: Pick<Request, 'settings' | 'flags'>,
): CommandLine {
  const values = new Values(given);
  const whole = (value: number) => Number.isInteger(value) && value >= 1;
  const benchmarks = given.get('benchmarks') ?? [];
  if (given.has('benchmarks') && benchmarks.length === 0) {
    values.problems.push(
      '--benchmarks takes names of held-out sets, such as arithmetic or a JSONL file.',
    );
  }
  const request: Request = {
    recipe,
    seeds: values.number('seeds', whole, 'a whole number from 1 on') ?? 3,
    benchmarks: [...new Set(benchmarks)],
    jobs: values.number('jobs', whole, 'a whole number from 1 on') ?? 1,
    trainer: values.one('trainer'),
    ...shared(values),
    ...overrides,
  };
  const [problem] = values.problems;
  return problem === undefined ? { kind: 'compare', request } : wrong(problem);
}

type Given = ReadonlyMap<Option, readonly string[]>;

/** Where the comparison is written, and how it is told. */
function shared(values: Values): Pick<Request, 'outputDir' | 'targets' | 'pricing'> {
  const price = (value: number) => Number.isFinite(value) && value >= 0;
  const targets = values.given.get('targets')?.map(Number) ?? null;
  if (targets?.some((target) => !(target > 0 && target <= 1)) === true || targets?.length === 0) {
    values.problems.push('--targets takes accuracies above 0 and up to 1, such as 0.6 0.7.');
  }
  return {
    outputDir: values.one('output_dir'),
    targets: targets?.toSorted((a, b) => a - b) ?? null,
    pricing: {
      per_hour: values.number('price_per_hour', price, 'a price'),
      per_million_tokens: values.number('price_per_million_tokens', price, 'a price'),
      currency: values.one('currency') ?? '$',
    },
  };
}

/** The words of our options as values; what is wrong with them is collected. */
class Values {
  readonly given: Given;
  readonly problems: string[] = [];

  constructor(given: Given) {
    this.given = given;
  }

  one(option: Option): string | null {
    const words = this.given.get(option);
    if (words === undefined) return null;
    if (words.length !== 1) this.problems.push(`--${option.replaceAll('_', '-')} takes one value.`);
    return words[0] ?? null;
  }

  number(option: Option, fits: (value: number) => boolean, what: string): number | null {
    const word = this.one(option);
    if (word === null) return null;
    const value = word.trim() === '' ? NaN : Number(word);
    if (!fits(value)) {
      this.problems.push(`--${option.replaceAll('_', '-')} ${word}: it takes ${what}.`);
    }
    return value;
  }
}

/** Options with the words that follow them; a negative number is a word. `name` null: words before any. */
function grouped(args: readonly string[]): { name: string | null; words: string[] }[] {
  const groups: { name: string | null; words: string[] }[] = [];
  for (const argument of args) {
    const equals = argument.indexOf('=');
    if (!/^--(?!\d|\.\d)./.test(argument)) {
      const last = groups.at(-1);
      if (last === undefined) groups.push({ name: null, words: [argument] });
      else last.words.push(argument);
    } else if (equals < 0) groups.push({ name: argument.slice(2), words: [] });
    else groups.push({ name: argument.slice(2, equals), words: [argument.slice(equals + 1)] });
  }
  return groups;
}

const wrong = (message: string): CommandLine => ({ kind: 'wrong', message });

/** What to say to get the same comparison again, or to go on with it. */
export function commandOf(request: Request, folder: string): string {
  const { recipe, seeds, flags, benchmarks, jobs, trainer } = request;
  return command([
    ...[recipe, '--seeds', String(seeds), ...flags],
    ...(benchmarks.length === 0 ? [] : ['--benchmarks', ...benchmarks]),
    ...(jobs === 1 ? [] : ['--jobs', String(jobs)]),
    ...(trainer === null ? [] : ['--trainer', trainer]),
    ...sharedWords(request, folder),
  ]);
}

/** The same of recorded runs. */
export function recordedCommandOf(request: RecordedRequest, folder: string): string {
  const [baseline, adaptive] = request.sides;
  return command([
    ...['--baseline-runs', ...baseline, '--adaptive-runs', ...adaptive],
    ...sharedWords(request, folder),
  ]);
}

function sharedWords({ targets, pricing }: ReturnType<typeof shared>, folder: string): string[] {
  const { per_hour, per_million_tokens, currency } = pricing;
  const million = '--price-per-million-tokens';
  return [
    ...(targets === null ? [] : ['--targets', ...targets.map(String)]),
    ...(per_hour === null ? [] : ['--price-per-hour', String(per_hour)]),
    ...(per_million_tokens === null ? [] : [million, String(per_million_tokens)]),
    ...(currency === '$' ? [] : ['--currency', currency]),
    ...['--output-dir', folder],
  ];
}

const command = (words: readonly string[]): string =>
  `./compare_strategies.sh ${words.map(quoted).join(' ')}`;

/** A word as a shell reads it back. */
function quoted(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
