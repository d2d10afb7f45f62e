import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { parseRecipe } from '../../../src/recipe/parse.ts';
import { execute } from '../../fixtures/python.ts';
import { trainerPython, withoutTrainer } from '../launch/trainer.ts';

/** What the Python trainer refuses is a finding before anything starts. */

/** Tells which keys are looked at, and tries recipes: `null`, or the sentence of the refusal. */
const program = `
import json, sys
from adaptive_grpo.errors import RecipeError
from adaptive_grpo.training import config

def refusal(case):
    try:
        config.AdaptiveGRPOConfig(output_dir="unused", report_to="none", use_cpu=True, bf16=False, **case)
    except RecipeError as error:
        return str(error)
    return None

print(json.dumps({
    "allowed": list(config._ALLOWED),
    "ranges": {key: [low, None if high == float("inf") else high] for key, (low, high) in config._RANGES.items()},
    "choices": list(config._CHOICES),
    "said": [refusal(case) for case in json.loads(sys.argv[1])],
}))
`;
const answer = z.object({
  allowed: z.array(z.string()),
  ranges: z.record(z.string(), z.tuple([z.number(), z.number().nullable()])),
  choices: z.array(z.string()),
  said: z.array(z.string().nullable()),
});

type Case = Readonly<Record<string, unknown>>;

/** One that the strategy doesn't go together with, for each key that the trainer looks at. */
const refused: Case = {
  loss_type: 'cispo',
  importance_sampling_level: 'sequence',
  multi_objective_aggregation: 'normalize_then_sum',
  top_p: 0.9,
  top_k: 20,
  min_p: 0.05,
  repetition_penalty: 1.1,
  generation_kwargs: { do_sample: false },
  mask_truncated_completions: true,
  use_liger_kernel: true,
  use_transformers_paged: true,
  vllm_structured_outputs_regex: '[0-9]+',
};
/** What makes no sense together, said here in words of its own. */
const together: readonly Case[] = [{ max_resamples_per_prefix: 0 }, { num_roots: 9 }];

const recipe = (keys: Case): string =>
  JSON.stringify({ engine: 'trl', model_name_or_path: 'a/b', dataset_name: 'c/d', ...keys });
/** Python and JSON write mappings differently. */
const alike = (sentence: string): string => sentence.toLowerCase().replaceAll(/['"\s]/g, '');

const errorsOf = (keys: Case) =>
  parseRecipe(recipe(keys)).findings.filter(({ severity }) => severity === 'error');

test(
  'every refusal of the trainer is a finding, most in the same words',
  {
    skip: withoutTrainer,
  },
  async () => {
    const cases = [
      ...Object.entries(refused).map(([key, value]) => ({ [key]: value })),
      ...together,
    ];
    const { code, stdout, stderr } = await execute(trainerPython, [
      '-W',
      'ignore',
      '-c',
      program,
      JSON.stringify([{}, ...cases]),
    ]);
    assert.equal(code, 0, stderr);
    const { allowed, ranges, choices, said } = answer.parse(JSON.parse(stdout));

    assert.equal(said[0], null, 'the defaults are fine');
    assert.deepEqual(errorsOf({}), []);
    assert.deepEqual(Object.keys(refused).sort(), allowed.sort(), 'nothing is looked at unseen');
    for (const [i, keys] of cases.entries()) {
      const sentence = said[i + 1];
      assert.ok(sentence, `${JSON.stringify(keys)} is refused`);
      const findings = errorsOf(keys);
      assert.deepEqual(
        findings.map(({ key }) => key),
        Object.keys(keys),
      );
      if (together.includes(keys)) continue;
      assert.equal(alike(findings[0]?.message ?? ''), alike(sentence));
    }

    const wrong: Case[] = choices.map((key) => ({ [key]: 'nonsense' }));
    for (const [key, [low, high]] of Object.entries(ranges)) {
      wrong.push({ [key]: low - 1 });
      if (high !== null) wrong.push({ [key]: high + 1 });
      // What the trainer takes at the edge is no finding.
      assert.deepEqual(
        errorsOf({ use_token_adaptive: false, [key]: low }).map(({ message }) => message),
        [],
      );
    }
    for (const keys of wrong) {
      assert.deepEqual(
        errorsOf(keys).map(({ key }) => key),
        Object.keys(keys),
        JSON.stringify(keys),
      );
    }
  },
);
