import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nameOf } from '../../../src/launch/run-entry.ts';
import type { ReadableRun, RunCard } from '../../../src/launch/run-entry.ts';
import type { Manifest } from '../../../src/run/model/manifest.ts';
import { runContexts } from '../../../src/views/ids.ts';
import {
  accessibleLabelOf,
  descriptionOf,
  detailsOf,
  escapeMarkdown,
  labelOf,
  lookOf,
} from '../../../src/views/runs/describe.ts';

const manifest: Manifest = {
  schema_version: 1,
  run_id: 'r',
  name: 'adaptive_grpo',
  engine: { name: 'built-in', version: '0.1.0' },
  strategy: 'adaptive',
  recipe: {},
  model: 'base',
  seed: 42,
  git_commit: null,
  host: 'here',
  pid: 1,
  started_at: '2026-03-01T09:05:00.000',
  state: 'running',
  max_steps: 200,
  endpoint: null,
  capture: { top_k: 5, below: 0.99, groups_per_step: null },
};
const run: ReadableRun = {
  kind: 'run',
  directory: '/runs/one',
  manifest,
  status: { kind: 'running' },
  latest: {
    step: 42,
    time: '',
    metrics: { reward: 0.634, 'adaptive/truncation_rate': 0.31, 'tokens/generated': 45_300 },
  },
  evaluation: { step: 25, time: '', metrics: { 'eval/accuracy': 0.49 } },
};
const unreadable: RunCard = {
  kind: 'unreadable',
  directory: '/runs/two',
  name: 'two',
  message: 'It is newer.',
  next: 'Update.',
};
const named = (name: string): ReadableRun => ({ ...run, manifest: { ...manifest, name } });

test('a row says step, reward and, unless it runs, its state', () => {
  assert.equal(descriptionOf(run), '42/200  reward 0.63');
  assert.equal(
    descriptionOf({ ...run, status: { kind: 'paused' } }),
    '42/200  reward 0.63  paused',
  );
  assert.equal(descriptionOf({ ...run, latest: null }), '0/200');
  assert.equal(descriptionOf(unreadable), 'can’t be read');
});

test('a screen reader hears the whole row, trouble included', () => {
  assert.equal(accessibleLabelOf(run), 'adaptive_grpo, running, step 42 of 200, reward 0.63');
  const crashed: ReadableRun = {
    ...run,
    status: { kind: 'crashed', message: 'It is gone.', next: '' },
  };
  assert.match(accessibleLabelOf(crashed), /crashed, .*, It is gone\.$/);
  assert.match(accessibleLabelOf(unreadable), /two, can’t be read\. It is newer\./);
});

test('runs of one name are told apart by when they started', () => {
  const now = new Date('2026-03-01T20:00:00.000');
  const other = { ...run, directory: '/runs/other' };
  assert.equal(labelOf(run, [run], now), 'adaptive_grpo');
  assert.equal(labelOf(run, [run, other], now), 'adaptive_grpo 09:05');
  const later = new Date('2026-03-02T00:00:00.000');
  assert.equal(labelOf(run, [run, other], later), 'adaptive_grpo Mar 1 09:05');
  assert.equal(labelOf(unreadable, [unreadable, run], now), 'two');
});

test('every state has a look of its own and a context the menus know', () => {
  const kinds = ['starting', 'running', 'paused', 'finished', 'stopped'] as const;
  const troubles = ['failed', 'crashed'] as const;
  const cards: RunCard[] = [
    ...kinds.map((kind): ReadableRun => ({ ...run, status: { kind } })),
    ...troubles.map((kind): ReadableRun => ({ ...run, status: { kind, message: '', next: '' } })),
    unreadable,
  ];
  const looks = cards.map(lookOf);
  assert.equal(new Set(looks.map(({ icon }) => icon)).size, cards.length, 'not by colour alone');
  const known = new Set<string>(Object.values(runContexts));
  for (const { context } of looks) assert.ok(known.has(context), context);
});

test('details leave out what a run does not have', () => {
  const all = new Map(detailsOf(run));
  assert.equal(all.get('Held-out accuracy'), '49%');
  assert.equal(all.get('Generated'), '45K tokens');
  const bare = new Map(detailsOf({ ...run, latest: null, evaluation: null }));
  assert.ok(!bare.has('Reward') && !bare.has('Held-out accuracy') && !bare.has('Generated'));
});

test('a hostile name stays on its line and the right way round', () => {
  assert.equal(nameOf(named('a\n\u202eb\u0000\tc')), 'a b c');
});

test('text in a tooltip is text, whatever it holds', () => {
  assert.equal(escapeMarkdown('a | b\n[x](command:y)'), 'a \\| b \\[x\\]\\(command:y\\)');
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const escaped = escapeMarkdown(text);
      assert.doesNotMatch(escaped, /[\r\n]/);
      // Every character with a meaning has its own backslash.
      assert.doesNotMatch(escaped.replace(/\\[^a-z0-9\s]/giu, ''), /[`*_[\]()<>|~&$\\]/);
    }),
  );
});
