import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  commandOf,
  parseCommandLine,
  recordedCommandOf,
  type Request,
} from '../../../scripts/compare/command-line.ts';

function requestOf(...args: string[]): Request {
  const line = parseCommandLine(args);
  if (line.kind !== 'compare') assert.fail(line.kind === 'wrong' ? line.message : line.kind);
  return line.request;
}

test('what is left out has its default', () => {
  assert.deepEqual(requestOf('a.yaml'), {
    recipe: 'a.yaml',
    seeds: 3,
    outputDir: null,
    benchmarks: [],
    jobs: 1,
    trainer: null,
    targets: null,
    pricing: { per_hour: null, per_million_tokens: null, currency: '$' },
    settings: [],
    flags: [],
  });
});

test('our options and keys of the recipe may be mixed, with - or _, with = or a space', () => {
  const request = requestOf(
    ...['a.yaml', '--seeds=5', '--max-steps', '50', '--benchmarks', 'arithmetic', 'b.jsonl'],
    ...['--learning_rate', '1e-4', '--output_dir', 'out', '--targets', '0.7', '0.6'],
    ...['--price-per-hour', '2.5', '--currency', '€'],
  );
  assert.equal(request.seeds, 5);
  assert.deepEqual(request.benchmarks, ['arithmetic', 'b.jsonl']);
  assert.deepEqual(request.targets, [0.6, 0.7]);
  assert.equal(request.outputDir, 'out');
  assert.deepEqual(request.pricing, { per_hour: 2.5, per_million_tokens: null, currency: '€' });
  assert.deepEqual(
    request.settings.map(({ key, value }) => [key, value]),
    [
      ['max_steps', 50],
      ['learning_rate', 1e-4],
    ],
  );
});

test(
  'the command that is said to go on with means the same to a shell',
  { skip: process.platform === 'win32' },
  () => {
    const odd = [' ', '\n', ...'a / \' " $ ` \\ * ? é ✓ & ; | < > ( ) ~ # !'.split(' ')];
    const word = fc
      .string({ minLength: 1, unit: fc.constantFrom(...odd) })
      .filter((text) => !text.startsWith('-') && !text.startsWith('~'));
    fc.assert(
      fc.property(
        word,
        fc.uniqueArray(word, { maxLength: 3 }),
        word,
        (recipe, benchmarks, folder) => {
          const request = requestOf(
            ...[recipe, '--seeds', '4', '--learning_rate', '1e-4', '--jobs', '2'],
            ...(benchmarks.length === 0 ? [] : ['--benchmarks', ...benchmarks]),
            ...['--targets', '0.5', '--currency', '€ '],
          );
          const command = commandOf(request, folder).replace(
            './compare_strategies.sh',
            "printf '%s\\0'",
          );
          const words = spawnSync('sh', ['-c', command], { encoding: 'utf8' }).stdout.split('\0');
          assert.deepEqual(requestOf(...words.slice(0, -1)), { ...request, outputDir: folder });
        },
      ),
      { numRuns: 60 },
    );
  },
);

test('recorded runs are named side by side, without a recipe', () => {
  const line = parseCommandLine(['--baseline-runs', 'a', 'b', '--adaptive-runs', 'c']);
  assert.ok(line.kind === 'recorded');
  assert.deepEqual(line.request.sides, [['a', 'b'], ['c']]);
  assert.equal(
    recordedCommandOf(line.request, 'out'),
    './compare_strategies.sh --baseline-runs a b --adaptive-runs c --output-dir out',
  );
});
