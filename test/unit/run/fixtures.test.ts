import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { z } from 'zod';
import type { SegmentTokens } from '../../../src/run/model/segment.ts';
import { RunStore } from '../../../src/run/store.ts';
import { makeRuns, runsDirectory, vectorsFile, vectorsText } from '../../fixtures/make-runs.ts';
import { temporaryDirectory } from '../../fixtures/run.ts';

/** The committed run directories, which other languages read too. */

const cells = z.looseObject({
  segment_id: z.number(),
  token_ids: z.array(z.number()),
  token_ends: z.array(z.number()).nullable(),
  top_index: z.array(z.number()),
  top_ids: z.array(z.number()),
  top_logprobs: z.array(z.number()),
});
const vectors = z
  .object({
    runs: z.record(
      z.string(),
      z.object({
        batches: z.array(z.object({ rows: z.array(cells) })),
        shown: z.array(z.number()),
        steps: z.array(z.number()),
        problems: z.array(z.string()),
      }),
    ),
  })
  .parse(JSON.parse(await readFile(vectorsFile, 'utf8')));

/** The flat columns that hold a segment's alternatives. */
function flat({ top }: SegmentTokens): object {
  const tops = [...top.values()];
  return {
    top_index: [...top.keys()],
    top_ids: tops.flatMap((each) => Array.from(each.ids)),
    top_logprobs: tops.flatMap((each) => Array.from(each.logprobs)),
  };
}

for (const [name, vector] of Object.entries(vectors.runs)) {
  test(`the fixture ${name} reads as its vector says`, async (t) => {
    const store = await RunStore.open(join(runsDirectory, name));
    t.after(() => store.dispose());
    assert.deepEqual(store.problems, vector.problems);
    assert.deepEqual(
      store.steps.map(({ step }) => step),
      vector.steps,
    );
    const rows = vector.batches.flatMap((batch) => batch.rows);
    const segments = store
      .groups()
      .flatMap((group) => store.tree(group.step, group.prompt_id))
      .sort((a, b) => a.segment_id - b.segment_id);
    assert.deepEqual(
      segments.map((segment) => segment.segment_id),
      vector.shown,
    );
    for (const segment of segments) {
      const row = rows.find((each) => each.segment_id === segment.segment_id);
      assert.ok(row);
      const { failure_top, length, ...columns } = segment;
      const tokens = await store.tokens(segment.segment_id);
      const list = (value: unknown): unknown =>
        value instanceof Int32Array || value instanceof Float32Array ? Array.from(value) : value;
      const found = {
        ...columns,
        failure_top_ids: list(failure_top?.ids ?? null),
        failure_top_logprobs: list(failure_top?.logprobs ?? null),
        ...Object.fromEntries(
          Object.entries(tokens)
            .filter(([key]) => key !== 'top')
            .map(([key, value]) => [key, list(value)]),
        ),
        ...flat(tokens),
      };
      // Null where every token is one character, as far as the text goes.
      const characters = Array.from(tokens.text).length;
      const token_ends = row.token_ends ?? row.token_ids.map((_, i) => Math.min(i + 1, characters));
      assert.deepEqual(found, { ...row, token_ends });
      assert.equal(length, row.token_ids.length);
    }
  });
}

test('the fixtures are what the committed script makes, byte for byte', async (t) => {
  const directory = await temporaryDirectory(t);
  const made = vectorsText(await makeRuns(directory));
  const names = await readdir(runsDirectory);
  assert.deepEqual(names.sort(), Object.keys(vectors.runs).sort());
  for (const name of names) {
    for (const file of ['run.json', 'recipe.yaml', 'events.jsonl', 'rollouts.arrows']) {
      const [ours, theirs] = await Promise.all(
        [directory, runsDirectory].map((parent) => readFile(join(parent, name, file))),
      );
      assert.ok(ours && theirs?.equals(ours), `${name}/${file} is another`);
    }
  }
  assert.equal(made, await readFile(vectorsFile, 'utf8'));
});
