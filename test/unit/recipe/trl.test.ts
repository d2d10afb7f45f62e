import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeFor } from '../../../src/recipe/describe.ts';
import { applyChange } from '../../../src/recipe/edit.ts';
import { keyNamesOf, typeOf } from '../../../src/recipe/engines.ts';
import { formatFinding } from '../../../src/recipe/findings.ts';
import { keyGroups, keySources } from '../../../src/recipe/key-info.ts';
import { parseRecipe } from '../../../src/recipe/parse.ts';
import { obsoleteKey, obsoleteKeyNames } from '../../../src/recipe/trl/obsolete.ts';

function said(source: string): string[] {
  const { findings } = parseRecipe(`engine: trl\n${source}`);
  return findings.map((finding) => formatFinding(finding, 'r.yaml'));
}

/** In the manner of open-r1's recipes, as they were made for TRL 0.18. */
const old = `# Model
model_name_or_path: Qwen/Qwen2.5-0.5B-Instruct
torch_dtype: bfloat16 # as the card likes it
attn_implementation: flash_attention_2
dataset_name: somebody/sums
dataset_prompt_column: problem
bf16: true
use_vllm: true
vllm_device: auto
gradient_checkpointing: true
gradient_checkpointing_kwargs:
  use_reentrant: false
learning_rate: 2.0e-05
lr_scheduler_type: cosine_with_min_lr
lr_scheduler_kwargs:
  min_lr_rate: 0.1
max_prompt_length: 512
max_completion_length: 1024
max_steps: -1
num_generations: 16
output_dir: data/out
overwrite_output_dir: true
per_device_train_batch_size: 16
report_to:
- wandb
reward_funcs:
- accuracy
- format
reward_weights:
- 1.0
- 1.0
save_strategy: "epoch"
save_steps: 0.05
seed: 42
warmup_ratio: 0.1
`;

test('every key of TRL has a group, a source, a sentence and words for what it takes', () => {
  const names = keyNamesOf('trl');
  assert.ok(names.length > 230);
  for (const name of names) {
    const key = describeFor('trl', name);
    assert.ok(key, name);
    assert.ok(keyGroups.includes(key.group) && keySources.includes(key.source), name);
    assert.match(key.description, /^[A-Z`].*\.$/, name);
    assert.doesNotMatch(key.expects, /a value|anything|undefined/, name);
    assert.ok(typeOf('trl', name)?.safeParse(key.default).success, `default of ${name}`);
  }
});

test('no key is both current and obsolete, and what takes its place is current', () => {
  assert.ok(obsoleteKeyNames.length > 40);
  for (const name of obsoleteKeyNames) {
    assert.equal(typeOf('trl', name), null, name);
    const change = obsoleteKey(name)?.change(true);
    if (change?.kind === 'rename') assert.ok(typeOf('trl', change.to), change.to);
  }
});

test('a recipe of the Hub that knows nothing of engines is for TRL', () => {
  assert.equal(parseRecipe(old).engine, 'trl');
  assert.equal(parseRecipe('model_name_or_path: a/b\ndataset_name: c/d\n').engine, 'trl');
  // A folder of one's own, a task of ours: nothing speaks for TRL.
  assert.equal(parseRecipe('model_name_or_path: models/mine\n').engine, 'built-in');
  assert.equal(parseRecipe('model_name_or_path: models/mine\nthreads: 2\n').engine, 'built-in');
  assert.equal(
    parseRecipe('model_name_or_path: models/mine\ndataset_name: data/tasks.jsonl\n').engine,
    'built-in',
  );
  assert.equal(parseRecipe(`${old}engine: built-in\n`).engine, 'built-in');
});

test('an old recipe is told exactly what to change, and is clean after it', () => {
  const { findings } = parseRecipe(old);
  assert.deepEqual(
    findings.map(({ code, key, severity }) => [code, key, severity]),
    [
      ['obsolete_key', 'torch_dtype', 'error'],
      ['obsolete_key', 'vllm_device', 'error'],
      ['obsolete_key', 'max_prompt_length', 'error'],
      ['obsolete_key', 'overwrite_output_dir', 'error'],
      ['obsolete_key', 'warmup_ratio', 'error'],
      ['obsolete_default', 'use_vllm', 'warning'],
    ],
  );
  let text = old;
  for (const { fixes } of findings.toReversed()) {
    for (const change of fixes[0]?.changes ?? []) text = applyChange(text, change);
  }
  assert.equal(
    text,
    old
      .replace('torch_dtype', 'dtype')
      .replace('vllm_device: auto\n', 'vllm_mode: server\n')
      .replace('max_prompt_length: 512\n', '')
      .replace('overwrite_output_dir: true\n', '')
      .replace('warmup_ratio', 'warmup_steps'),
  );
  assert.deepEqual(parseRecipe(text).findings, []);
});

const wrong: [string, RegExp][] = [
  ['lora_r: big', /^r\.yaml:2:9: error: `lora_r` must be a whole number of at least 1, but/],
  ['num_genrations: 4', /There is no key "num_genrations"\. Did you mean `num_generations`\?$/],
  ['vllm_mode: colocated', /must be colocate or server, .* Did you mean `colocate`\?$/],
  ['eval_strategy: no', /must be no, steps or epoch, but Python reads no as false\. Write it in q/],
  ['dtype: bf16', /must be auto, bfloat16, float16, float32 or empty/],
  ['reward_funcs: [acuracy]', /There is no reward function "acuracy"\. Did you mean `accuracy`\?$/],
  [
    'reward_model_name_or_path: a/b\nreward_funcs: [format]\nreward_weights: [1.0]',
    /has 1 values for 2 reward functions/,
  ],
  ['reward_funcs: [code]', /no reward function "code", which runs programs\. Your own functions/],
  ['datasets: [{id: a/b}]', /error: Data set 1 of `datasets` has no `path`\./],
  ['dataset_mixture: {datasets: [{id: a/b, path: c}]}', /has `path`, which means nothing there\./],
  ['datasets: [{path: a/b}]\ndataset_name: c/d', /warning: `dataset_name` is not used, because/],
  ['dataset_streaming: true', /`dataset_streaming` is not supported: .* Set `dataset_streaming: f/],
  ['reward_weights: [1.0]', /has 1 values for 3 reward functions/],
  ['auto_find_batch_size: true', /GRPO refuses `auto_find_batch_size`/],
  ['generation_batch_size: 8\nsteps_per_generation: 2', /or `steps_per_generation`, not both/],
  ['generation_batch_size: 20', /`generation_batch_size` is 20, which `num_generations` \(8\)/],
  ['num_generations: 1', /must be a whole number of at least 2/],
  ['load_in_4bit: true', /only an adapter on top of them\. Set `use_peft: true`\.$/],
  ['bf16: true\nfp16: true', /are both on/],
  ['max_resamples_per_prefix: 0', /rollouts would be cut and never go on/],
  ['log_completions_hub_repo: a/b', /needs `log_completions: true`/],
  [
    'vllm_importance_sampling_clip_min: 4',
    /`vllm_importance_sampling_clip_min` \(4\) must be below/,
  ],
  [
    'importance_sampling_level: sequence',
    /warning: With `importance_sampling_level: sequence` the/,
  ],
  ['num_generations: 12', /error: A process generates 8 .* would be spread over processes/],
  [
    'num_generations: 12\nuse_token_adaptive: false',
    /warning: A process samples 8 .* only with 3 training processes/,
  ],
  ['eval_strategy: steps\nper_device_eval_batch_size: 6', /`num_generations` \(8\) .* with 4 tr/],
  ['eval_strategy: steps\nnum_generations_eval: 3', /is 8, which `num_generations_eval` \(3\)/],
  [
    'mask_truncated_completions: true',
    /error: `mask_truncated_completions: true` doesn't go together .* `prefix_credit: mask`/,
  ],
  ['top_p: 0.9', /`top_p: 0\.9` doesn't go together .* Set `top_p` to `1`, or set `use_token_a/],
  ['loss_type: cispo', /together with `use_token_adaptive`\. .* `grpo`, `bnpo`, `dr_grpo`, `dapo`/],
  ['generation_kwargs:\n  do_sample: false', /`generation_kwargs: \{"do_sample":false\}` doesn't/],
  ['sync_ref_model: true', /with `beta: 0` there is none/],
  [
    'use_token_adaptive: false\nuse_liger_kernel: true\ntop_entropy_quantile: 0.2',
    /The loss of `use_liger_kernel` doesn't know `top_entropy_quantile`/,
  ],
  ['use_vllm: true\nvllm_max_model_length: 512', /\(512\) holds the prompt and the completion; /],
  [
    'vllm_importance_sampling_mode: token_truncate\nvllm_importance_sampling_clip_max:',
    /`vllm_importance_sampling_mode: token_truncate` needs a bound/,
  ],
  [
    'use_vllm: true\nadaptive_temperature_scale: 1.5',
    /error: Resample 3 of a prefix would sample at a temperature of 3\.38; vLLM takes at most 2\./,
  ],
  [
    'use_vllm: true\ncapture_top_k: 30',
    /error: .*at most 20 alternatives\. Set it to 20 or less\.$/,
  ],
  ['use_vllm: true\nvllm_server_port: 9000', /error: .* Add `vllm_mode: server`\.$/],
  ['use_transformers_paged: true', /warning: .* goes away with TRL 2/],
  ['threads: 4', /warning: The TRL engine does not use "threads"\.$/],
];

for (const [source, line] of wrong) {
  test(`wrong for TRL: ${JSON.stringify(source)}`, () => {
    const lines = said(source);
    assert.ok(
      lines.some((each) => line.test(each)),
      lines.join('\n') || 'nothing was said',
    );
  });
}

test('every fix leads to a recipe without the finding it fixes', () => {
  for (const [source] of wrong) {
    const text = `engine: trl\n${source}\n`;
    for (const finding of parseRecipe(text).findings) {
      for (const fix of finding.fixes) {
        const after = fix.changes.reduce(applyChange, text);
        const left = parseRecipe(after).findings.map(({ message }) => message);
        assert.ok(!left.includes(finding.message), `${fix.title}:\n${after}`);
      }
    }
  }
});

test('words that only YAML 1.1 takes for booleans mean what they mean to Python', () => {
  assert.deepEqual(said('bf16: yes\nuse_peft: off\n'), []);
  assert.deepEqual(said('eval_strategy: "no"\n'), []);
});
