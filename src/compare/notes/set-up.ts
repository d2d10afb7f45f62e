import { t } from '@vscode/l10n';
import { infoOf } from '../../recipe/engines.ts';
import type { ComparedRun, ComparedSide, Note, Sides } from '../model.ts';
import { info, warning } from './note.ts';

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

/** What differs between the sides besides the strategy. */
export function setUp(sides: Sides): Note[] {
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

/** Keys named one by one; beyond, their number is told. */
const NAMED = 8;

function listed(items: readonly string[], separator: string): string {
  const more = items.length - NAMED;
  const named = items.slice(0, NAMED).join(separator);
  return more > 0 ? t('{0} and {1} more', named, more) : named;
}

function otherKeys(sides: Sides): Note[] {
  const runs = sides.flatMap((side) => side.runs);
  // What only one trainer knows is no setting that could have been the same.
  const keys = Object.keys(runs[0]?.recipe ?? {}).filter(
    (key) => !beside.has(key) && runs.every(({ recipe }) => Object.hasOwn(recipe, key)),
  );
  const written = (side: ComparedSide, key: string) =>
    [...new Set(side.runs.map(({ recipe }) => JSON.stringify(recipe[key])))].sort().join('/');
  const between = keys.flatMap((key) => {
    const [a = '', b = ''] = sides.map((side) => written(side, key));
    const differ = a !== b && a !== '' && b !== '' && !isStrategyKey(key);
    return differ ? [`\`${key}\` ${a} | ${b}`] : [];
  });
  const found: Note[] = [];
  if (between.length > 0) {
    found.push(
      warning(
        'different_settings',
        t(
          'The recipes differ in more than the strategy: {0}. What differs may come from there.',
          listed(between, '; '),
        ),
      ),
    );
  }
  for (const side of sides) {
    const [first] = side.runs;
    const within = keys.filter((key) =>
      side.runs.some(
        ({ recipe }) => JSON.stringify(recipe[key]) !== JSON.stringify(first?.recipe[key]),
      ),
    );
    if (within.length === 0) continue;
    found.push(
      warning(
        'mixed_side',
        t(
          'The runs of {0} differ in more than their seed ({1}), so its spread is not one over seeds.',
          side.name,
          listed(
            within.map((key) => `\`${key}\``),
            ', ',
          ),
        ),
      ),
    );
  }
  return found;
}
