import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { readTokens } from '../../../src/run/arrow/rows.ts';
import type { SegmentRow } from '../../../src/run/model/segment.ts';
import { bytesSource, readFile as readRollouts } from '../../fixtures/bytes.ts';
import { runsDirectory, vectorsFile } from '../../fixtures/make-runs.ts';
import { execute, pythonWith } from '../../fixtures/python.ts';
import { temporaryDirectory } from '../../fixtures/run.ts';

const script = fileURLToPath(new URL('pyarrow_reads.py', import.meta.url));
const said = z.object({ cells: z.number(), pyarrow: z.string() });

test('pyarrow reads our files and we read pyarrow’s, every column of every row', async (t) => {
  const found = await pythonWith('pyarrow>=18');
  if ('missing' in found) {
    t.skip(`No Python with pyarrow: ${found.missing}`);
    return;
  }
  const out = await temporaryDirectory(t);
  const ran = await execute(found.python, [script, vectorsFile, runsDirectory, out]);
  assert.equal(ran.code, 0, ran.stderr);
  const { cells, pyarrow } = said.parse(JSON.parse(ran.stdout));
  t.diagnostic(`pyarrow ${pyarrow} agreed on ${cells} cells`);
  assert.ok(cells > 1000);

  for (const name of ['plain', 'resumed']) {
    const ours = await readFile(join(runsDirectory, name, 'rollouts.arrows'));
    const expected = await rowsOf(ours);
    const theirs = await readFile(join(out, `${name}.arrows`));
    assert.ok(!theirs.equals(ours), 'another writer, other bytes');
    assert.deepEqual(await rowsOf(theirs), expected);
    const rearranged = await rowsOf(await readFile(join(out, `${name}-rearranged.arrows`)));
    const without = expected.map((row) => ({
      ...row,
      tokens: { ...row.tokens, ref_logprob: null },
    }));
    assert.deepEqual(rearranged, without);
  }
});

/** Every row of a file that is whole, with its tokens. */
async function rowsOf(bytes: Uint8Array): Promise<SegmentRow[]> {
  const { reader, batches } = await readRollouts(bytes);
  assert.equal(reader.problem, null);
  const { layout } = reader;
  assert.ok(layout);
  const rows: SegmentRow[] = [];
  for (const { frame, segments } of batches) {
    for (const [row, segment] of segments.entries()) {
      const tokens = await readTokens(bytesSource(bytes), layout, frame, row);
      rows.push({ ...segment, tokens });
    }
  }
  return rows;
}
