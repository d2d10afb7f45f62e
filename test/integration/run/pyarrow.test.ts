import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { readTokens } from '../../../src/run/arrow/rows.ts';
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
    const theirs = await readFile(join(out, `${name}.arrows`));
    const ours = await readFile(join(runsDirectory, name, 'rollouts.arrows'));
    assert.ok(!theirs.equals(ours), 'another writer, other bytes');
    const [read, expected] = [await readRollouts(theirs), await readRollouts(ours)];
    assert.equal(read.reader.problem, null);
    assert.deepEqual(
      read.batches.map((batch) => batch.segments),
      expected.batches.map((batch) => batch.segments),
    );
    for (const [i, { frame, segments }] of read.batches.entries()) {
      const other = expected.frames[i];
      assert.ok(read.reader.layout && expected.reader.layout && other);
      for (const row of segments.keys()) {
        assert.deepEqual(
          await readTokens(bytesSource(theirs), read.reader.layout, frame, row),
          await readTokens(bytesSource(ours), expected.reader.layout, other, row),
        );
      }
    }
  }
});
