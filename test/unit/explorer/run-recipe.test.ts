import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunEvent } from '../../../src/run/model/events.ts';
import { runRecipe as schema } from '../../../src/views/explorer/protocol.ts';
import {
  changedRecipe,
  liveValue,
  recipeText,
  runRecipe,
} from '../../../src/views/explorer/run-recipe.ts';
import type { RunSource } from '../../../src/views/model/source.ts';
import { manifest } from '../../integration/explorer/runs.ts';

const recipe = {
  engine: 'built-in',
  learning_rate: 1e-4,
  temperature: 0.9,
  uncertainty_threshold: 0.7,
  max_steps: 200,
  reward_funcs: ['accuracy', 'format'],
  of_another_trainer: 1,
};

const set = (seq: number, time: string, from: number, to: number): RunEvent => ({
  seq,
  time,
  type: 'command',
  id: String(seq),
  command: 'set',
  outcome: 'applied',
  message: '',
  changes: { temperature: { old: from, new: to } },
});

const source = (events: readonly RunEvent[] = []) =>
  ({
    manifest: manifest({ recipe }),
    events,
    steps: [
      { step: 1, time: '2026-01-01T00:00:01.000Z', metrics: {} },
      { step: 2, time: '2026-01-01T00:00:02.000Z', metrics: {} },
    ],
  }) satisfies Pick<RunSource, 'manifest' | 'events' | 'steps'>;

const keys = (fields: readonly { key: string }[]) => fields.map(({ key }) => key);

test('what a live run can change comes first, the rest by group', () => {
  const shown = runRecipe(source(), true);
  assert.deepEqual(keys(shown.live), ['uncertainty_threshold', 'temperature', 'learning_rate']);
  const rest = shown.groups.flatMap(({ fields }) => keys(fields));
  assert.deepEqual(new Set(rest), new Set(['engine', 'max_steps', 'reward_funcs']));
  assert.ok(schema.safeParse(shown).success);
});

test('where a run takes no commands, all of it is for the next one', () => {
  const shown = runRecipe(source(), false);
  assert.deepEqual(shown.live, []);
  assert.ok(shown.groups.some(({ fields }) => keys(fields).includes('temperature')));
});

test('the last change says what was before, and after which step', () => {
  const events = [
    set(1, '2026-01-01T00:00:01.500Z', 1, 0.8),
    set(2, '2026-01-01T00:00:02.500Z', 0.8, 0.9),
    { ...set(3, '2026-01-01T00:00:03.000Z', 0.9, 5), outcome: 'refused' as const },
  ];
  const temperature = runRecipe(source(events), true).live.find(({ key }) => key === 'temperature');
  assert.deepEqual(temperature?.changed, { from: '0.8', step: 2 });
  assert.equal(temperature.text, '0.9');
});

test('a live run takes single values only', () => {
  assert.equal(liveValue({ key: 'learning_rate', text: '1.0e-5' }), 1e-5);
  assert.equal(liveValue({ key: 'use_token_adaptive', text: 'false' }), false);
  for (const text of ['[1, 2]', '{a: 1}', 'a: b: c', '*nobody', 'a\nb']) {
    assert.throws(() => liveValue({ key: 'temperature', text }), { name: 'PlainError' });
  }
});

test('the next recipe keeps comments and order', () => {
  const text = '# mine\nmax_steps: 200 # long\ntemperature: 1.0\n';
  const changes = [
    { key: 'max_steps', text: '400' },
    { key: 'beta', text: '0.04' },
  ];
  const next = changedRecipe(text, changes);
  assert.equal(next, '# mine\nmax_steps: 400 # long\ntemperature: 1.0\nbeta: 0.04\n');
  assert.throws(() => changedRecipe(text, [{ key: 'beta', text: '[' }]), { name: 'PlainError' });
});

test('a run without the text of its recipe still has one', () => {
  const text = recipeText({ learning_rate: 1e-7, reward_funcs: ['a', 'b'], model: null });
  assert.equal(text, 'learning_rate: 1.0e-7\nreward_funcs: [a, b]\nmodel: null\n');
});
