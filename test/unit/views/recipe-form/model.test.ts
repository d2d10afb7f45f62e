import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import fc from 'fast-check';
import { engines, typeOf } from '../../../../src/recipe/engines.ts';
import { applyChange } from '../../../../src/recipe/edit.ts';
import { readSettings } from '../../../../src/recipe/parse.ts';
import {
  formOf,
  histogramsOf,
  sliderEnds,
  valueOf,
} from '../../../../src/views/recipe-form/model.ts';
import { formState, type Field } from '../../../../src/views/recipe-form/protocol.ts';

const context = { name: 'r.yaml', histograms: null, answer: null, run: null };

function fields(source: string): Map<string, Field> {
  const form = formState.parse(formOf(source, context));
  assert.equal(form.kind, 'form');
  return new Map(
    form.groups.flatMap((group) => group.fields.map((field) => [field.key, field] as const)),
  );
}

test('every key has a field, with what is written or its default', () => {
  const all = fields('uncertainty_threshold: 0.55 # low\nreward_funcs:\n- accuracy\n');
  assert.ok(all.size > 50);
  assert.partialDeepStrictEqual(all.get('uncertainty_threshold'), {
    text: '0.55',
    written: true,
    default: '0.7',
    control: { kind: 'slider', min: 0, max: 1 },
    problem: null,
  });
  assert.partialDeepStrictEqual(all.get('entropy_threshold'), { text: '2', written: false });
  assert.partialDeepStrictEqual(all.get('reward_funcs'), {
    text: '[accuracy]',
    control: { kind: 'text' },
  });
  assert.partialDeepStrictEqual(all.get('use_token_adaptive'), { control: { kind: 'switch' } });
  assert.partialDeepStrictEqual(all.get('fork_policy'), {
    control: { kind: 'choice', options: ['first_failure', 'top_entropy', 'random'] },
  });
  assert.partialDeepStrictEqual(all.get('num_roots'), { text: '', control: { kind: 'text' } });
});

test('a value that a slider or a choice could not show is a text, with what is wrong', () => {
  const all = fields('temperature: 7\nfork_policy: often\nseed: -1\nuse_token_adaptive: "x"\n');
  assert.partialDeepStrictEqual(all.get('temperature'), { control: { kind: 'text' }, text: '7' });
  assert.partialDeepStrictEqual(all.get('fork_policy'), { control: { kind: 'text' } });
  assert.match(all.get('fork_policy')?.problem ?? '', /must be first_failure, top_entropy/);
  assert.match(all.get('seed')?.problem ?? '', /must be a whole number/);
  assert.partialDeepStrictEqual(all.get('use_token_adaptive'), { control: { kind: 'text' } });
});

test('problems of no field are told above all fields; a broken text says so', () => {
  const form = formOf('learning_rat: 1\n', context);
  assert.equal(form.kind, 'form');
  assert.match(form.problems.join(), /There is no key "learning_rat"/);
  const broken = formOf('reward_funcs: [\n', context);
  assert.equal(broken.kind, 'broken');
  assert.equal(formOf('', context).kind, 'form');
});

test('a recipe for TRL has the keys of TRL', () => {
  const all = fields('engine: trl\nvllm_mode: server\n');
  assert.partialDeepStrictEqual(all.get('vllm_mode'), {
    text: 'server',
    control: { kind: 'choice', options: ['colocate', 'server'] },
  });
  assert.equal(all.has('threads'), false);
});

test('the strategy comes first', () => {
  const form = formOf('', context);
  assert.equal(form.kind, 'form');
  assert.equal(form.groups[0]?.name, 'Token-adaptive strategy');
});

test('both ends of every slider are values the schema takes', () => {
  for (const [key, min, max] of sliderEnds) {
    const types = engines.flatMap((engine) => typeOf(engine, key) ?? []);
    assert.ok(types.length > 0, key);
    for (const type of types) {
      assert.ok(type.safeParse(min).success, `${key}: ${min}`);
      assert.ok(type.safeParse(max).success, `${key}: ${max}`);
    }
  }
});

test('what any field shows can be written back without changing what the recipe means', async () => {
  for (const name of ['adaptive_grpo', 'tree_grpo', 'qwen2.5_7b_math']) {
    const url = new URL(`../../../../recipes/${name}.yaml`, import.meta.url);
    const source = await readFile(url, 'utf8');
    for (const { key, text, written } of fields(source).values()) {
      if (!written) continue;
      const change = { kind: 'set', key, value: valueOf(text) } as const;
      assert.equal(applyChange(source, change), source, `${name}: ${key}`);
    }
  }
});

test('what a person types is one value of YAML, or nothing', () => {
  assert.equal(valueOf(' 0.5 '), 0.5);
  assert.equal(valueOf('-0'), 0);
  assert.deepEqual(valueOf('[-0]'), [0]);
  assert.equal(valueOf(''), null);
  assert.deepEqual(valueOf('[accuracy, format]'), ['accuracy', 'format']);
  assert.equal(valueOf('[a'), undefined);
  assert.equal(valueOf('a: b: c'), undefined);
  assert.equal(valueOf('*nowhere'), undefined);
  assert.equal(valueOf('a # said'), 'a');
  assert.equal(valueOf('1\nengine: trl'), undefined);
});

test('whatever is typed into a field, the recipe can still be read or stays as it was', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const value = valueOf(text);
      if (value === undefined) return;
      const source = 'seed: 1 # said\nrun_name: x\n';
      const after = applyChange(source, { kind: 'set', key: 'run_name', value });
      const { settings, findings } = readSettings(after);
      assert.deepEqual(findings, [], after);
      assert.deepEqual(
        settings.map(({ key }) => key),
        ['seed', 'run_name'],
      );
      assert.deepEqual(settings[1]?.value, value);
    }),
    { numRuns: 2000 },
  );
});

test('how sure the policy was, in bins', () => {
  const segment = {
    segment: 0,
    parent: null,
    fork_at: 0,
    attempt: 0,
    length: 3,
    status: 'complete' as const,
    reward: null,
    failure_point: null,
    failure_max_prob: null,
    failure_entropy: null,
    max_prob: [1, 0.5, 0],
    entropy: [0, 9, 5],
  };
  const { uncertainty_threshold: sure, entropy_threshold: unsure } = histogramsOf([[segment]]);
  assert.equal(sure?.counts.length, 40);
  assert.deepEqual([sure.counts[0], sure.counts[20], sure.counts[39]], [1, 1, 1]);
  assert.deepEqual([unsure?.counts[0], unsure?.counts[39]], [1, 2]);
});
