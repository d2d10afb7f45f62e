import { t } from '@vscode/l10n';
import { infoOf } from '../recipe/engines.ts';
import type { ComparedRun, ComparedSide, Note, Row, Sides } from './model.ts';

/** What a person must know before believing the table: what differs besides the strategy. */
export function notesOf(sides: Sides, budget: number | null, table: readonly Row[]): Note[] {
  return [
    ...missing(sides),
    ...seeds(sides),
    ...setUp(sides),
    ...ends(sides, budget),
    ...limits(sides, table),
  ];
}

/** Whether token ids mean the same on both sides. What isn't known to be so, is not. */
export function sameTokens(sides: Sides): boolean {
  const runs = sides.flatMap((side) => side.runs);
  const [one] = runs;
  if (one === undefined) return false;
  const unknown = runs.some(({ tokenizer }) => tokenizer === null);
  const key = ({ tokenizer, model, engine }: ComparedRun) =>
    unknown ? `${engine} ${model}` : tokenizer;
  return runs.every((run) => key(run) === key(one));
}

const warning = (code: string, sentence: string): Note => ({ severity: 'warning', code, sentence });
const info = (code: string, sentence: string): Note => ({ severity: 'info', code, sentence });

function missing(sides: Sides): Note[] {
  return sides.flatMap((side) => {
    if (side.runs.length === 0) {
      return warning('no_runs', t('{0} has no runs yet: there is nothing to compare.', side.name));
    }
    const silent = side.runs.filter(({ evaluations }) => evaluations.length === 0);
    const found = side.runs.flatMap(({ name, seed, problems }) =>
      problems.map((problem) =>
        warning('problem', t('{0}, run {1}, seed {2}: {3}', side.name, name, seed, problem)),
      ),
    );
    if (silent.length === 0) return found;
    return [
      warning(
        'no_evaluations',
        t(
          '{0}: {1} of {2} runs have no evaluation, so nothing is known of their held-out accuracy. Set `eval_num_prompts` above 0.',
          side.name,
          silent.length,
          side.runs.length,
        ),
      ),
      ...found,
    ];
  });
}

function seeds(sides: Sides): Note[] {
  const [first, second] = sides;
  if (first.runs.length === 0 || second.runs.length === 0) return [];
  const found: Note[] = [];
  const ids = new Set(first.runs.map(({ run_id }) => run_id));
  const twice = sides.find((side) => new Set(seedsOf(side)).size < side.runs.length);
  if (second.runs.some(({ run_id }) => ids.has(run_id))) {
    found.push(warning('same_run', t('The same run is on both sides: of course they agree.')));
  }
  if (twice !== undefined) {
    found.push(
      warning(
        'seed_twice',
        t(
          '{0} has the same seed more than once. Such runs are no independent tries, so the intervals are too narrow.',
          twice.name,
        ),
      ),
    );
  }
  const least = Math.min(first.runs.length, second.runs.length);
  if (least === 1) {
    found.push(
      warning(
        'one_seed',
        t(
          'One side has a single seed, so no difference can be told from noise. Run at least 2 seeds on both, better 5.',
        ),
      ),
    );
  } else if (least < 5) {
    found.push(
      info(
        'few_seeds',
        t(
          'With {0} seeds only large differences can be told from noise; 5 or more see further.',
          least,
        ),
      ),
    );
  }
  const shared = seedsOf(first).filter((seed) => seedsOf(second).includes(seed)).length;
  if (least > 1 && shared < least) {
    found.push(
      info(
        'different_seeds',
        t(
          'The sides have different seeds, so they are compared as two independent samples; the same seeds on both would see smaller differences.',
        ),
      ),
    );
  }
  return found;
}

const seedsOf = (side: ComparedSide): number[] => side.runs.map(({ seed }) => seed);

function setUp(sides: Sides): Note[] {
  const values = (of: (run: ComparedRun) => string) =>
    sides.map((side) => [...new Set(side.runs.map(of))].sort().join(', '));
  /** Null where both sides have the same; a side without runs differs in nothing. */
  const differing = (of: (run: ComparedRun) => string): readonly [string, string] | null => {
    const [a = '', b = ''] = values(of);
    return a === b || a === '' || b === '' ? null : [a, b];
  };
  const found: Note[] = [];
  const task = differing((run) => String(run.recipe.dataset_name ?? ''));
  if (task !== null) {
    found.push(
      warning(
        'different_tasks',
        t(
          'The tasks differ ({0} and {1}): rewards and accuracies are of different prompts and say nothing about which side is better.',
          ...task,
        ),
      ),
    );
  }
  const model = differing(({ model: name }) => name);
  if (model !== null) {
    found.push(
      warning(
        'different_models',
        t(
          'The models differ ({0} and {1}): what differs may be theirs, not the strategy’s.',
          ...model,
        ),
      ),
    );
  }
  if (!sameTokens(sides) && sides.every(({ runs }) => runs.length > 0)) {
    found.push(
      warning(
        'different_tokenizers',
        t(
          'The tokenizers are not known to be the same: a token of one side is no token of the other, so tokens are not compared one by one, and token counts only roughly.',
        ),
      ),
    );
  }
  const engine = differing(({ engine: name }) => name);
  if (engine !== null) {
    found.push(
      warning(
        'different_engines',
        t('The trainers differ ({0} and {1}): times can’t be compared.', ...engine),
      ),
    );
  }
  const host = differing(({ host: name }) => name);
  if (host !== null) {
    found.push(
      info(
        'different_hosts',
        t('The machines differ ({0} and {1}): times can’t be compared.', ...host),
      ),
    );
  }
  const commit = differing(({ git_commit }) => git_commit?.slice(0, 10) ?? '');
  if (commit !== null) {
    found.push(info('different_commits', t('The code differs (commits {0} and {1}).', ...commit)));
  }
  return [...found, ...otherKeys(sides)];
}

/** Keys that may differ without changing what is learned, or that have a note of their own. */
const beside = new Set(
  (
    'seed dataset_name model_name_or_path max_steps max_generated_tokens engine threads output_dir ' +
    'run_name resume_from_checkpoint logging_steps save_steps save_total_limit report_to ' +
    'capture_top_k capture_below capture_groups_per_step'
  ).split(' '),
);

function isStrategyKey(key: string): boolean {
  return infoOf('built-in', key)?.group === 'Token-adaptive strategy';
}

function otherKeys(sides: Sides): Note[] {
  const runs = sides.flatMap((side) => side.runs);
  const keys = [...new Set(runs.flatMap(({ recipe }) => Object.keys(recipe)))].filter(
    (key) => !beside.has(key),
  );
  const written = (side: ComparedSide, key: string) =>
    [...new Set(side.runs.map(({ recipe }) => JSON.stringify(recipe[key] ?? null)))].sort();
  const between = keys.filter((key) => {
    if (isStrategyKey(key)) return false;
    const [a, b] = sides.map((side) => written(side, key).join());
    return a !== b && a !== '' && b !== '';
  });
  const found: Note[] = [];
  if (between.length > 0) {
    const list = between.map((key) => {
      const [a, b] = sides.map((side) => written(side, key).join('/'));
      return `\`${key}\` ${a ?? ''} | ${b ?? ''}`;
    });
    found.push(
      warning(
        'different_settings',
        t(
          'The recipes differ in more than the strategy: {0}. What differs may come from there.',
          list.join('; '),
        ),
      ),
    );
  }
  for (const side of sides) {
    const within = keys.filter((key) => written(side, key).length > 1);
    if (within.length === 0) continue;
    found.push(
      warning(
        'mixed_side',
        t(
          'The runs of {0} differ in more than their seed ({1}), so its spread is not one over seeds.',
          side.name,
          within.map((key) => `\`${key}\``).join(', '),
        ),
      ),
    );
  }
  return found;
}

/** Ends further apart than this are not the same budget. */
const SAME_BUDGET = 0.05;

function ends(sides: Sides, budget: number | null): Note[] {
  const found: Note[] = [];
  for (const side of sides) {
    const unfinished = side.runs.filter(({ state }) => state !== 'finished');
    if (unfinished.length > 0) {
      const list = unfinished.map(({ seed, state }) => `${seed} (${stateName(state)})`);
      found.push(
        warning(
          'unfinished',
          t(
            '{0}: not finished are the seeds {1}. Their last figures are no final ones.',
            side.name,
            list.join(', '),
          ),
        ),
      );
    }
  }
  const apart = unequal(sides);
  if (apart !== null) {
    found.push(
      warning(
        'different_budgets',
        t(
          'The runs sampled between {0} and {1} tokens. Only equal cost is a fair comparison: read the curves against generated tokens, and the row of accuracy at equal tokens.',
          apart.least.toLocaleString('en-US'),
          apart.most.toLocaleString('en-US'),
        ),
      ),
    );
  }
  const uncounted = sides
    .flatMap((side) => side.runs)
    .filter(({ steps }) => steps.length > 0 && steps.at(-1)?.generated_tokens === null);
  if (uncounted.length > 0) {
    found.push(
      warning(
        'tokens_unknown',
        t(
          '{0} runs don’t count the tokens they generated (`tokens/generated`), so nothing of them can be told at equal cost.',
          uncounted.length,
        ),
      ),
    );
  }
  if (budget !== null && sides.flatMap(tokensOf).some((each) => each < budget)) {
    found.push(
      info(
        'budget_not_used',
        t('Some runs ended before their {0} tokens were used up.', budget.toLocaleString('en-US')),
      ),
    );
  }
  return [...found, ...schedule(sides)];
}

const tokensOf = (side: ComparedSide): number[] =>
  side.runs.flatMap(({ steps }) => steps.at(-1)?.generated_tokens ?? []);

/** The fewest and most tokens of runs that should have the same; null where they do. */
function unequal(sides: Sides): { least: number; most: number } | null {
  const [first, second] = sides;
  const all = sides.flatMap(tokensOf);
  // Budgets may differ from seed to seed, as long as both sides of a seed have the same one.
  const groups = first.runs.map(({ seed }) => {
    const same = (side: ComparedSide) => side.runs.filter((run) => run.seed === seed);
    return sides.flatMap((side) => tokensOf({ ...side, runs: same(side) }));
  });
  const matched = second.runs.every(({ seed }) => seedsOf(first).includes(seed));
  const compared = matched ? groups : [all];
  const differ = compared.some(
    (tokens) => Math.max(...tokens) > Math.min(...tokens) * (1 + SAME_BUDGET),
  );
  return differ ? { least: Math.min(...all), most: Math.max(...all) } : null;
}

function stateName(state: ComparedRun['state']): string {
  switch (state) {
    case 'crashed':
      return t('crashed');
    case 'failed':
      return t('failed');
    case 'stopped':
      return t('stopped');
    case 'finished':
      return t('finished');
    case 'paused':
      return t('paused');
    case 'starting':
    case 'running':
      return t('running');
  }
}

/** A learning rate that falls with steps falls differently where a token buys more steps. */
function schedule(sides: Sides): Note[] {
  const falls = sides.some((side) =>
    side.runs.some(
      ({ recipe }) => !String(recipe.lr_scheduler_type ?? 'constant').startsWith('constant'),
    ),
  );
  const [a, b] = sides.map((side) => side.runs.map(({ steps }) => steps.at(-1)?.step ?? 0));
  const apart = a?.join() !== b?.join();
  if (!falls || !apart) return [];
  return [
    warning(
      'learning_rate_falls',
      t(
        'The learning rate falls with steps, and the sides made different numbers of steps: they were not trained at the same rates. `lr_scheduler_type: constant_with_warmup` avoids that.',
      ),
    ),
  ];
}

/** Two standard errors, about 95 %. */
const TWO_SIDED = 1.96;

function limits(sides: Sides, table: readonly Row[]): Note[] {
  const found: Note[] = [];
  const prompts = sides.flatMap((side) =>
    side.runs.flatMap(({ evaluations, recipe }) => {
      const count = Number(recipe.eval_num_prompts ?? NaN);
      return evaluations.length > 0 && count > 0 ? [count] : [];
    }),
  );
  const count = Math.min(...prompts);
  const accuracy = table
    .find(({ id }) => id === 'final_accuracy')
    ?.sides.flatMap(({ mean }) => mean ?? [])[0];
  if (prompts.length > 0 && accuracy !== undefined) {
    const points = 100 * TWO_SIDED * Math.sqrt((accuracy * (1 - accuracy)) / count);
    found.push(
      info(
        'held_out_sample',
        t(
          'Accuracies are over {0} held-out prompts, the same for all runs. Intervals are over seeds on those prompts; as a statement about all such prompts, one run’s accuracy is only good to ±{1} points.',
          count,
          points.toFixed(1),
        ),
      ),
    );
  }
  const tested = table.filter(({ difference }) => difference !== null).length;
  if (tested > 1) {
    found.push(
      info(
        'many_rows',
        t(
          'The table tests {0} differences, each at 95 %: about one in twenty would look real by chance alone. Decide beforehand which row counts.',
          tested,
        ),
      ),
    );
  }
  return found;
}
