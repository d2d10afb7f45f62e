import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareSides } from '../../../src/compare/comparison.ts';
import type { ComparedRun, Sides } from '../../../src/compare/model.ts';
import { endingAt, point, runOf, sideOf } from './runs.ts';

const compare = (sides: Sides, budget: number | null = null) =>
  compareSides(sides, { name: 'test', created_at: '2026-01-01T00:00:00.000Z', budget });

const codes = (sides: Sides, budget: number | null = null) =>
  compare(sides, budget).notes.map(({ code }) => code);

const changed = (patch: Partial<ComparedRun>, count = 5) => {
  const side = endingAt(
    'adaptive',
    Array.from({ length: count }, (_, i) => 0.5 + i / 100),
  );
  return { ...side, runs: side.runs.map((run) => ({ ...run, ...patch })) };
};
const plain = endingAt('baseline', [0.5, 0.51, 0.52, 0.53, 0.54]);

test('a fair comparison of five seeds has no warning, and says what its intervals are of', () => {
  const { notes, same_tokens } = compare([plain, changed({})]);
  assert.deepEqual(
    notes.filter(({ severity }) => severity === 'warning'),
    [],
  );
  assert.deepEqual(
    notes.map(({ code }) => code),
    ['held_out_sample', 'many_rows'],
  );
  assert.match(notes[0]?.sentence ?? '', /over 100 held-out prompts.*±9\.8 points/);
  assert.ok(same_tokens);
});

test('another task, model, trainer, machine or commit is said', () => {
  const recipe = { ...plain.runs[0]?.recipe, dataset_name: 'countdown' };
  assert.ok(codes([plain, changed({ recipe })]).includes('different_tasks'));
  assert.ok(codes([plain, changed({ model: 'other' })]).includes('different_models'));
  assert.ok(codes([plain, changed({ engine: 'trl' })]).includes('different_engines'));
  assert.ok(codes([plain, changed({ host: 'there' })]).includes('different_hosts'));
  const commits = [
    { ...plain, runs: plain.runs.map((run) => ({ ...run, git_commit: 'aaa' })) },
    changed({ git_commit: 'bbb' }),
  ] as const;
  assert.ok(codes(commits).includes('different_commits'));
});

test('a side that is evaluated less often per token is said to look slower', () => {
  const spaced = (gap: number) => {
    const evaluations = [0.3, 0.4, 0.5].map((accuracy, i) =>
      point(i * 10, i * gap, { 'eval/accuracy': accuracy }),
    );
    return changed({ evaluations });
  };
  const sentence = (a: number, b: number) =>
    compare([spaced(a), spaced(b)]).notes.find(({ code }) => code === 'different_spacing')
      ?.sentence;
  assert.match(sentence(1600, 1000) ?? '', /evaluated every 1,600 tokens, .* every 1,000\./);
  assert.equal(sentence(1100, 1000), undefined);
  const never = changed({ evaluations: [] });
  assert.ok(!codes([spaced(1000), never]).includes('different_spacing'));
});

test('another vocabulary turns the comparison by tokens off, and says so', () => {
  const comparison = compare([plain, changed({ tokenizer: 'other' })]);
  assert.equal(comparison.same_tokens, false);
  assert.ok(comparison.notes.some(({ code }) => code === 'different_tokenizers'));
});

test('where a tokenizer is not known, the same model of the same trainer will do', () => {
  assert.ok(compare([plain, changed({ tokenizer: null })]).same_tokens);
  assert.ok(!compare([plain, changed({ tokenizer: null, model: 'other' })]).same_tokens);
  assert.ok(!compare([plain, changed({ tokenizer: null, engine: 'trl' })]).same_tokens);
});

test('settings that differ besides the strategy are named with both values', () => {
  const settings = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`key_${i}`, 0.5]));
  const recipeWith = (more: ComparedRun['recipe']) =>
    changed({ recipe: { ...plain.runs[0]?.recipe, ...more } });
  const sentence = (a: ComparedRun['recipe'], b: ComparedRun['recipe']) =>
    compare([recipeWith(a), recipeWith(b)]).notes.find(({ code }) => code === 'different_settings')
      ?.sentence;
  const one = sentence(
    { learning_rate: 0.1, uncertainty_threshold: 0.5 },
    { learning_rate: 0.2, uncertainty_threshold: 0.7 },
  );
  assert.match(one ?? '', /: `learning_rate` 0\.1 \| 0\.2\. What/);
  // What only one trainer knows says nothing.
  assert.equal(sentence({ use_vllm: true }, {}), undefined);
  const many = Object.fromEntries(Object.keys(settings).map((key) => [key, 1]));
  assert.match(sentence(settings, many) ?? '', /`key_7` 0\.5 \| 1 and 4 more\. What/);
});

test('a side whose runs differ in more than their seed is said', () => {
  const [first, ...others] = changed({}).runs;
  assert.ok(first);
  const odd = {
    ...first,
    recipe: { ...first.recipe, use_token_adaptive: false, lr_scheduler_type: 'linear' },
  };
  assert.ok(codes([plain, sideOf('adaptive', odd, ...others)]).includes('mixed_side'));
});

test('seeds: one, few, different, twice, and the same run on both sides', () => {
  const one = endingAt('baseline', [0.5]);
  assert.ok(codes([one, changed({}, 1)]).includes('one_seed'));
  assert.ok(codes([plain, changed({}, 3)]).includes('few_seeds'));
  assert.ok(codes([plain, endingAt('adaptive', [0.5, 0.6, 0.7], 90)]).includes('different_seeds'));
  const twice = sideOf('adaptive', runOf(1, [0.5]), runOf(1, [0.6]));
  assert.ok(codes([plain, twice]).includes('seed_twice'));
  assert.ok(codes([plain, plain]).includes('same_run'));
});

test('unfinished runs, other budgets and budgets not used are said', () => {
  const crashed = compare([plain, changed({ state: 'crashed' })]).notes;
  assert.match(
    crashed.find(({ code }) => code === 'unfinished')?.sentence ?? '',
    /adaptive: not finished are the seeds 1 \(crashed\), 2 \(crashed\)/,
  );
  const longer = [point(1, 9_000, {})];
  assert.ok(codes([plain, changed({ steps: longer })]).includes('different_budgets'));
  assert.ok(codes([plain, changed({})], 5_000).includes('budget_not_used'));
  assert.ok(!codes([plain, changed({})], 2_000).includes('budget_not_used'));
  assert.ok(codes([plain, changed({ steps: [point(1, null, {})] })]).includes('tokens_unknown'));
});

test('a learning rate that falls with steps is no fair one where steps differ', () => {
  const falling = (steps: number, name: string) => {
    const side = name === 'baseline' ? plain : changed({});
    return {
      ...side,
      runs: side.runs.map((run) => ({
        ...run,
        recipe: { ...run.recipe, lr_scheduler_type: 'linear' },
        steps: [point(steps, 2000, {})],
      })),
    };
  };
  const note = 'learning_rate_falls';
  assert.ok(codes([falling(10, 'baseline'), falling(20, 'adaptive')]).includes(note));
  assert.ok(!codes([falling(10, 'baseline'), falling(10, 'adaptive')]).includes(note));
});

test('what is missing or could not be read of a run is said', () => {
  const silent = compare([plain, changed({ evaluations: [], problems: ['It is torn.'] })]).notes;
  assert.ok(silent.some(({ code }) => code === 'no_evaluations'));
  assert.ok(
    silent.some(({ sentence }) => sentence.includes('adaptive, run a run, seed 3: It is torn.')),
  );
  assert.ok(codes([plain, sideOf('adaptive')]).includes('no_runs'));
});
