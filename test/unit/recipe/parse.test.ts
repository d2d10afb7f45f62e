import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatFinding } from '../../../src/recipe/findings.ts';
import { recipeSchema } from '../../../src/recipe/keys.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';

function said(source: string): string[] {
  const { engine, recipe, findings } = parseRecipe(source);
  const failed = findings.some(({ severity }) => severity === 'error');
  const usable = engine === 'built-in' && !failed;
  assert.equal(recipe !== null, usable, 'a recipe with an error must not be used');
  return findings.map((finding) => formatFinding(finding, 'r.yaml'));
}

test('a recipe with one key takes the defaults for all others', () => {
  const { recipe, findings } = parseRecipe('seed: 7\n');
  assert.deepEqual(findings, []);
  assert.deepEqual(recipe, { ...recipeSchema.parse({}), seed: 7 });
});

test('numbers are read as TRL writes them, comments and blank lines are fine', () => {
  const { recipe } = parseRecipe('# learn\n\nlearning_rate: 1e-4 # fast\nscale_rewards: false\n');
  assert.equal(recipe?.learning_rate, 1e-4);
  assert.equal(recipe.scale_rewards, 'none');
});

/** What is wrong → the whole line a person reads. */
const wrong: [string, RegExp][] = [
  ['', /^r\.yaml:1:1: error: The recipe is empty\. Start from/],
  ['# only a comment\n', /^r\.yaml:1:1: error: The recipe is empty\./],
  ['- seed\n', /^r\.yaml:1:1: error: A recipe is a list of `key: value` lines\./],
  ['just words', /^r\.yaml:1:1: error: A recipe is a list of `key: value` lines\./],
  ['seed: 1\nreward_funcs: [accuracy\n', /^r\.yaml:3:1: error: This is not valid YAML: /],
  ['seed:\n\t- 1', /^r\.yaml:2:1: error: Lines are indented with spaces here/],
  ['seed: 1\n---\nseed: 2', /^r\.yaml:2:1: error: A recipe is one document/],
  ['seed: 1\nseed: 2\n', /^r\.yaml:2:1: error: The key "seed" is there twice\. Keep one/],
  [
    'learning_rat: 1',
    /^r\.yaml:1:1: error: There is no key "learning_rat"\. Did you mean `learning_rate`\?$/,
  ],
  ['num-generations: 4', /There is no key "num-generations"\. Did you mean `num_generations`\?$/],
  ['zzzzzz: 1', /^r\.yaml:1:1: error: There is no key "zzzzzz"\.$/],
  ['__proto__: 1', /There is no key "__proto__"\.$/],
  ['1: 2', /^r\.yaml:1:1: error: A key must be a plain word\.$/],
  [
    '\nlearning_rate: fast',
    /^r\.yaml:2:16: error: `learning_rate` must be a number above 0 and at most 1, but it is "fast"\.$/,
  ],
  ['learning_rate: "1e-4"', /it is "1e-4"\. Write `0\.0001`, without quotes\.$/],
  ['learning_rate: .nan', /but it is NaN\.$/],
  ['temperature: .inf', /but it is Infinity\.$/],
  ['temperature: -.inf', /but it is -Infinity\.$/],
  ['temperature: 0', /`temperature` must be a number above 0 and at most 100, but it is 0\.$/],
  ['uncertainty_threshold: 1.5', /must be a number of at least 0 and at most 1, but it is 1\.5\.$/],
  ['num_generations: 7.5', /must be a whole number of at least 2, but it is 7\.5\.$/],
  ['seed:', /^r\.yaml:1:\d+: error: `seed` must be .* but it is empty\. Give it a value/],
  [
    'loss_type: gprd',
    /must be grpo, bnpo, dr_grpo or dapo, but it is "gprd"\. Did you mean `grpo`\?$/,
  ],
  ['use_token_adaptive: yes', /must be true or false, but it is "yes"\. Write `true`\.$/],
  [
    'reward_funcs: accuracy',
    /must be a list of one or more texts, .* Write it as a list: `\[accuracy\]`\.$/,
  ],
  ['reward_funcs: []', /must be a list of one or more texts, but it is \[\]\.$/],
  ['seed: {a: 1}', /but it is \{"a":1\}\.$/],
  ['seed: *nowhere', /^r\.yaml:1:\d+: error: /],
  // What is fine by itself and not together; the key that was written last is blamed.
  [
    'generation_batch_size: 24\nnum_generations: 16',
    /^r\.yaml:2:18: error: `generation_batch_size` is 24, which `num_generations` \(16\) does not divide/,
  ],
  [
    'per_device_train_batch_size: 6',
    /^r\.yaml:1:30: error: per_device_train_batch_size × gradient_accumulation_steps is 6, .* 8 would do\.$/,
  ],
  ['generation_batch_size: 24\nper_device_train_batch_size: 16', /Make it a multiple of 16\.$/],
  [
    'max_resamples_per_prefix: 0',
    /^r\.yaml:1:27: error: .* rollouts would be cut and never go on\. Allow at least 1/,
  ],
  ['num_roots: 9', /^r\.yaml:1:12: error: `num_roots` \(9\) is more than `num_generations` \(8\)/],
  ['num_roots: 1', /`num_roots` must be a whole number of at least 2 or empty, but it is 1\.$/],
  [
    'reward_weights: [1]',
    /^r\.yaml:1:17: error: `reward_weights` has 1 values for 2 reward functions\./,
  ],
  ['seed: 1\nnum\n', /^r\.yaml:2:1: error: A `:` is missing after this key\.$/],
  ['reward_funcs:\n- accuracy\n- fromat', /^r\.yaml:3:3: error: .* Did you mean `format`\?$/],
  ['reward_funcs: [acuracy]', /has no reward function "acuracy"\. Did you mean `accuracy`\?$/],
  ['reward_funcs: [format, format]', /names a function twice\./],
];

for (const [source, line] of wrong) {
  test(`wrong: ${JSON.stringify(source)}`, () => {
    const lines = said(source);
    assert.match(lines[0] ?? 'nothing was said', line);
  });
}

test('every mistake is said, not only the first', () => {
  assert.equal(said('seed: -1\nlearning_rate: x\nfoo: 1\n').length, 3);
});

test('resampling settings do not matter to the baseline', () => {
  assert.deepEqual(
    said('use_token_adaptive: false\nmax_resamples_per_prefix: 0\nnum_roots: 9'),
    [],
  );
});

test('keys that only TRL uses are a warning with what took their place', () => {
  const lines = said('vllm_mode: server\nbf16: true\ndeepspeed: zero3.json\nwarmup_ratio: 0.1\n');
  assert.equal(lines.length, 4);
  assert.match(
    lines[0] ?? '',
    /^r\.yaml:1:1: warning: The built-in engine does not use "vllm_mode"\.$/,
  );
  assert.match(lines[3] ?? '', /Use `warmup_steps`\.$/);
  assert.deepEqual(said('engine: trl\nvllm_mode: server\nreward_funcs: [mine.reward]\n'), []);
});

test('services that the built-in engine does not know are a warning', () => {
  const [line] = said('report_to: [wandb]\n');
  assert.match(line ?? '', /^r\.yaml:1:12: warning: .* `report_to` has no effect\.$/);
  assert.deepEqual(said('report_to: none\n'), []);
});

test('control characters of a recipe never reach a terminal', () => {
  const [line] = said('"\\u001b[31m\\u202eseed": 1');
  assert.doesNotMatch(line ?? '', /[\p{Cc}\p{Cf}]/u);
});

test('whatever a file holds, reading it ends in a recipe or in sentences', () => {
  const piece = fc.constantFrom(
    ...'seed learning_rate reward_funcs : - [ ] { } & * ! | > % " \' # \n \t 1 1e9 .nan null ? , --- ~ \u0000 \u2028'.split(
      ' ',
    ),
    '\n',
    ' ',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece).map((all) => all.join('')),
      ),
      (source) => {
        const lines = source.split('\n').length;
        for (const { place } of parseRecipe(source).findings) {
          assert.ok(place.kind === 'file' && place.line >= 1 && place.line <= lines + 1);
          assert.ok(place.column >= 1 && place.length >= 1);
        }
      },
    ),
    { numRuns: 2000 },
  );
});
