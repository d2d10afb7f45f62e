import assert from 'node:assert/strict';
import test from 'node:test';
import { tableFromArrays, tableToIPC } from 'apache-arrow';
import fc from 'fast-check';
import { encodeSchema } from '../../../src/run/arrow/encode.ts';
import { readTokens } from '../../../src/run/arrow/rows.ts';
import { DamagedError } from '../../../src/run/arrow/layout.ts';
import { EventsReader } from '../../../src/run/events-reader.ts';
import type { SegmentRow } from '../../../src/run/model/segment.ts';
import { RolloutsReader } from '../../../src/run/rollouts-reader.ts';
import { bytesSource, encodeFile, readFile } from '../../fixtures/bytes.ts';
import { arbitraryBatches } from '../../fixtures/rows.ts';
import { randomFrom, synthesizeTree } from '../../fixtures/synthesize.ts';

/** What happens to files in the field: cut off anywhere, bits flipped, something else appended. */

const tree = (step: number, firstId: number): SegmentRow[] =>
  synthesizeTree(
    { step, prompt_id: 'p', firstId },
    { tokensPerCompletion: 20, skill: 0.5 },
    randomFrom(step),
  );
const first = tree(1, 0);
const batches = [first, tree(2, first.length), tree(3, 2 * first.length + 50)];
const file = encodeFile(batches);

test('any prefix of a file reads as a prefix of its batches: every place it can be cut', async () => {
  const whole = await readFile(file);
  const ends = whole.frames.map((frame) => frame.end);
  for (let size = 0; size <= file.length; size++) {
    const { reader, batches: read } = await readFile(file.subarray(0, size));
    assert.equal(reader.problem, null, `cut at ${size}`);
    assert.equal(read.length, ends.filter((end) => end <= size).length, `cut at ${size}`);
    assert.deepEqual(read.at(-1)?.segments, whole.batches[read.length - 1]?.segments);
  }
});

test('a file that grows byte by byte is read as well as one that is all there', async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryBatches, fc.infiniteStream(fc.nat(3000)), async (rows, steps) => {
      const bytes = encodeFile(rows);
      const reader = new RolloutsReader();
      const read: unknown[] = [];
      for (let size = 0; size < bytes.length;) {
        size = Math.min(bytes.length, size + Number(steps.next().value) + 1);
        const more = await reader.read(bytesSource(bytes.subarray(0, size)), size);
        read.push(...more.map((batch) => batch.segments));
      }
      assert.deepEqual(
        read,
        (await readFile(bytes)).batches.map((batch) => batch.segments),
      );
    }),
    { numRuns: 30 },
  );
});

test('flipped bits never crash or hang a reader, and spare what lies before them', async () => {
  const whole = await readFile(file);
  const flips = fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), {
    minLength: 1,
    maxLength: 8,
  });
  await fc.assert(
    fc.asyncProperty(flips, async (changes) => {
      const bytes = Uint8Array.from(file);
      for (const [at, value] of changes) bytes[at] = value;
      const { reader, batches: read } = await readFile(bytes);
      const start = Math.min(...changes.map(([at]) => at));
      const untouched = whole.frames.filter((frame) => frame.end <= start).length;
      assert.ok(read.length >= untouched);
      for (let i = 0; i < untouched; i++) {
        assert.deepEqual(read[i]?.segments, whole.batches[i]?.segments);
      }
      if (reader.problem !== null) {
        assert.match(reader.problem, /^rollouts\.arrows can't be read from byte \d+ on: /);
      }
      const { layout } = reader;
      for (const { frame, segments } of layout ? read : []) {
        for (const row of segments.keys()) {
          // Values may be wrong, and rows may be refused; nothing else may happen.
          await readTokens(bytesSource(bytes), layout ?? assert.fail(), frame, row).catch(
            (error: unknown) => assert.ok(error instanceof DamagedError || isEndOfFile(error)),
          );
        }
      }
    }),
    { numRuns: 1500 },
  );
});

const isEndOfFile = (error: unknown): boolean =>
  error instanceof Error && error.message.includes('the file ends');

test('every single byte of the metadata may be anything', async () => {
  const metadata = encodeSchema().length + 2800;
  for (let at = 0; at < metadata; at++) {
    for (const value of [0x00, 0x7f, 0xff]) {
      const bytes = Uint8Array.from(file);
      bytes[at] = value;
      const { batches: read } = await readFile(bytes);
      assert.ok(read.length <= batches.length);
    }
  }
});

test('garbage after the last batch is named with its place', async () => {
  const { reader, batches: read } = await readFile(Buffer.concat([file, Buffer.alloc(64)]));
  assert.equal(read.length, 3);
  assert.match(reader.problem ?? '', new RegExp(`from byte ${file.length} on: no Arrow message`));
});

test('a file of something else, or without a schema, is no rollouts', async () => {
  for (const bytes of [
    Buffer.from('PAR1 this is parquet'),
    file.subarray(encodeSchema().length),
    Buffer.concat([encodeSchema(), encodeSchema()]),
  ]) {
    const { reader, batches: read } = await readFile(bytes);
    assert.deepEqual(read, []);
    assert.match(reader.problem ?? '', /can't be read from byte \d+ on/);
  }
});

test('an Arrow stream of another kind says which column is not as it should be', async () => {
  const problemOf = async (columns: Record<string, Int32Array | BigInt64Array | string[]>) => {
    const bytes = tableToIPC(tableFromArrays(columns), 'stream');
    return (await readFile(bytes)).reader.problem ?? '';
  };
  assert.match(await problemOf({ step: Int32Array.of(1) }), /: it has no column prompt_id\./);
  const wide = await problemOf({ step: BigInt64Array.of(1n) });
  assert.match(wide, /from byte 0 on: its column step is int64 instead of int32\. What lies/);
  assert.match(await problemOf({ kind: ['root'] }), /its column kind has a type that isn't supp/);
});

const line = (seq: number, body: object): string =>
  `${JSON.stringify({ seq, time: '2026-01-01T00:00:00Z', ...body })}\n`;

test('any prefix of the events reads as a prefix: every place they can be cut', async () => {
  const bytes = Buffer.from(
    line(0, { type: 'run_started', resumed_from_step: null, superseded: null }) +
      line(1, { type: 'warning', code: 'x', message: 'ünïcödé 😀' }) +
      line(2, { type: 'step', step: 1, metrics: { reward: 0.5 } }),
  );
  const whole = await new EventsReader().read(bytesSource(bytes), bytes.length);
  assert.deepEqual(whole.problems, []);
  assert.equal(whole.events.length, 3);
  for (let size = 0; size <= bytes.length; size++) {
    const cut = bytes.subarray(0, size);
    const { events, problems } = await new EventsReader().read(bytesSource(cut), size);
    assert.deepEqual(problems, []);
    assert.deepEqual(events, whole.events.slice(0, cut.filter((byte) => byte === 10).length));
  }
});

test('unknown events are kept, unreadable lines are named, and the rest is read', async () => {
  const good = line(0, { type: 'telepathy', from: 'the future' });
  const text = `${good}not json\n{"seq":-1}\n\n${line(3, { type: 'run_paused' })}`;
  const bytes = Buffer.from(text);
  const { events, problems } = await new EventsReader().read(bytesSource(bytes), bytes.length);
  assert.deepEqual(
    events.map((event) => [event.type, event.seq]),
    [
      ['unknown', 0],
      ['run_paused', 3],
    ],
  );
  assert.match(problems[0] ?? '', new RegExp(`at byte ${good.length} can't be read`));
  assert.match(problems[1] ?? '', /not an event/);
  assert.match(problems[2] ?? '', /Events are missing .* expected number 1, found 3/);
  assert.equal(problems.length, 3);
});

test('a line without an end stops the reader before it fills the memory', async () => {
  const endless = {
    read: (_offset: number, length: number) => Promise.resolve(new Uint8Array(length).fill(65)),
  };
  const reader = new EventsReader();
  const { problems } = await reader.read(endless, 2 ** 40);
  assert.deepEqual(problems, ['events.jsonl has no end of line after byte 0.']);
  assert.deepEqual(await reader.read(endless, 2 ** 40), { events: [], problems: [] });
});
