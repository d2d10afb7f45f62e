import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import test from 'node:test';
import { z } from 'zod';
import { probeColumns, rolloutColumns } from '../../../src/run/arrow/schema.ts';
import { probesPath } from '../../../src/run/files.ts';
import { probeOrigin } from '../../../src/run/model/probe.ts';
import { appendProbes } from '../../../src/run/probes.ts';
import { probeOf } from '../../fixtures/probe.ts';
import { execute, pythonWith } from '../../fixtures/python.ts';
import { synthesized } from '../explorer/runs.ts';

const reads = `
import json, sys
import pyarrow as pa
with pa.OSFile(sys.argv[1]) as file:
    table = pa.ipc.open_stream(file).read_all()
rows = table.select(["segment_id", "kind", "text", "token_ids", "origin", "token_texts"]).to_pylist()
print(json.dumps({"columns": table.column_names, "rows": rows}))
`;
const said = z.object({
  columns: z.array(z.string()),
  rows: z.array(
    z.object({
      segment_id: z.number(),
      kind: z.string(),
      text: z.string(),
      token_ids: z.array(z.number()),
      origin: z.string().transform((json) => probeOrigin.parse(JSON.parse(json))),
      token_texts: z.string(),
    }),
  ),
});

test('pyarrow reads probes as it reads rollouts, and who was asked', async (t) => {
  const found = await pythonWith('pyarrow>=18');
  if ('missing' in found) {
    t.skip(`No Python with pyarrow: ${found.missing}`);
    return;
  }
  const store = await synthesized(t, { completions: 16 });
  const [group] = store.groups();
  const [root] = group === undefined ? [] : store.tree(group.step, group.prompt_id);
  assert.ok(root);
  await appendProbes(store.directory, [probeOf(root)]);
  const probe = probeOf(root);
  const [kept] = await appendProbes(store.directory, [probe]);
  const ran = await execute(found.python, ['-c', reads, probesPath(store.directory)]);
  assert.equal(ran.code, 0, ran.stderr);
  const { columns, rows } = said.parse(JSON.parse(ran.stdout));
  const expected = [...rolloutColumns, ...probeColumns].map(({ name }) => name);
  assert.deepEqual(columns, expected);
  assert.equal(rows.length, 2);
  const last = rows.at(-1);
  assert.equal(last?.segment_id, kept?.segment_id);
  assert.equal(last?.text, probe.tokens.text);
  assert.deepEqual(last.token_ids, [...probe.tokens.token_ids]);
  assert.deepEqual(last.origin, probe.origin);
  const texts = z.record(z.string(), z.string()).parse(JSON.parse(last.token_texts));
  assert.deepEqual(
    new Map(Object.entries(texts).map(([id, text]) => [Number(id), text])),
    probe.tokens.texts,
  );
  const files = await readdir(store.directory);
  assert.ok(!files.includes('probes.lock'));
});
