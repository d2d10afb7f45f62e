import {
  Bool,
  Float32,
  Int32,
  RecordBatch,
  RecordBatchStreamWriter,
  Struct,
  Utf8,
  makeData,
} from 'apache-arrow';
import type { Data, Schema } from 'apache-arrow';
import type { SegmentRow, SegmentTokens } from '../model/segment.ts';
import { toHalf } from './half.ts';
import { rolloutSchema, types } from './schema.ts';

type Numbers = ArrayLike<number>;

/** An Arrow validity bitmap: bit `i` set where value `i` is there. */
function validity(present: readonly boolean[]): { nullCount: number; nullBitmap?: Uint8Array } {
  const nullBitmap = new Uint8Array((present.length + 7) >> 3);
  let nullCount = 0;
  present.forEach((there, i) => {
    if (there) nullBitmap[i >> 3] = (nullBitmap[i >> 3] ?? 0) | (1 << (i & 7));
    else nullCount++;
  });
  return nullCount === 0 ? { nullCount } : { nullCount, nullBitmap };
}

function int32(values: readonly (number | null)[]): Data {
  return makeData({
    type: new Int32(),
    length: values.length,
    ...validity(values.map((value) => value !== null)),
    data: Int32Array.from(values, (value) => value ?? 0),
  });
}

function float32(values: readonly (number | null)[]): Data {
  return makeData({
    type: new Float32(),
    length: values.length,
    ...validity(values.map((value) => value !== null)),
    data: Float32Array.from(values, (value) => value ?? 0),
  });
}

function bool(values: readonly boolean[]): Data {
  const data = new Uint8Array((values.length + 7) >> 3);
  values.forEach((value, i) => {
    if (value) data[i >> 3] = (data[i >> 3] ?? 0) | (1 << (i & 7));
  });
  return makeData({ type: new Bool(), length: values.length, nullCount: 0, data });
}

function utf8(values: readonly (string | null)[]): Data {
  // UTF-8 takes at most 3 bytes a UTF-16 unit. A lone surrogate becomes U+FFFD, one character
  // for one, so the code points that `token_ends` counts stay where they are.
  const room = values.reduce((sum, value) => sum + 3 * (value?.length ?? 0), 0);
  const bytes = new Uint8Array(room);
  const valueOffsets = new Int32Array(values.length + 1);
  const encoder = new TextEncoder();
  let at = 0;
  values.forEach((value, i) => {
    if (value) at += encoder.encodeInto(value, bytes.subarray(at)).written;
    valueOffsets[i + 1] = at;
  });
  return makeData({
    type: new Utf8(),
    length: values.length,
    ...validity(values.map((value) => value !== null)),
    valueOffsets,
    data: bytes.subarray(0, at),
  });
}

const offsetsOf = (lengths: readonly number[]): Int32Array => {
  const offsets = new Int32Array(lengths.length + 1);
  lengths.forEach((length, i) => (offsets[i + 1] = (offsets[i] ?? 0) + length));
  return offsets;
};

type ListType = 'list<int32>' | 'list<float32>' | 'list<float16>';

const itemsOf = {
  'list<int32>': (length: number) => new Int32Array(length),
  'list<float32>': (length: number) => new Float32Array(length),
  'list<float16>': (length: number) => new Uint16Array(length),
};

function list(type: ListType, values: readonly (Numbers | null)[]): Data {
  const valueOffsets = offsetsOf(values.map((value) => value?.length ?? 0));
  const length = valueOffsets[values.length] ?? 0;
  const data = itemsOf[type](length);
  values.forEach((value, i) => {
    if (!value) return;
    data.set(type === 'list<float16>' ? Array.from(value, toHalf) : value, valueOffsets[i]);
  });
  const common = { length: values.length, ...validity(values.map((value) => value !== null)) };
  const item = { length, nullCount: 0, data };
  return makeData({
    type: types[type],
    ...common,
    valueOffsets,
    child: makeData({ type: types[type].valueType, ...item }),
  });
}

function rewardMaps(values: readonly (Record<string, number> | null)[]): Data {
  const entries = values.map((value) => Object.entries(value ?? {}));
  const flat = entries.flat();
  return makeData({
    type: types['map<utf8, float32>'],
    length: values.length,
    ...validity(values.map((value) => value !== null)),
    valueOffsets: offsetsOf(entries.map((each) => each.length)),
    child: makeData({
      type: types['map<utf8, float32>'].childType,
      length: flat.length,
      nullCount: 0,
      children: [utf8(flat.map(([key]) => key)), float32(flat.map(([, value]) => value))],
    }),
  });
}

/** The sparse alternatives of one segment, as three columns keep them. */
function alternatives(row: SegmentRow): { index: number[]; ids: number[]; logprobs: number[] } {
  const index = [...row.tokens.top.keys()].sort((a, b) => a - b);
  const ids: number[] = [];
  const logprobs: number[] = [];
  let each: number | undefined;
  for (const token of index) {
    const top = row.tokens.top.get(token);
    if (!top) continue;
    each ??= top.ids.length;
    if (top.ids.length !== each || top.logprobs.length !== each) {
      throw new Error(`segment ${row.segment_id}: its tokens have unequally many alternatives`);
    }
    ids.push(...top.ids);
    logprobs.push(...top.logprobs);
  }
  return { index, ids, logprobs };
}

/** Whether `token_ends` says nothing: every token is one code point, as far as the text goes. */
function isPlain({ text, token_ends }: SegmentTokens): boolean {
  const characters = Array.from(text).length;
  if (characters > token_ends.length) return false;
  return token_ends.every((end, i) => end === Math.min(i + 1, characters));
}

/** A row whose arrays disagree would be read back as something else: refuse it here. */
function check(row: SegmentRow): void {
  const { tokens, length } = row;
  const perToken = {
    token_ids: tokens.token_ids,
    token_ends: tokens.token_ends,
    logprob: tokens.logprob,
    entropy: tokens.entropy,
    max_prob: tokens.max_prob,
    advantage: tokens.advantage,
    ref_logprob: tokens.ref_logprob,
    train_logprob: tokens.train_logprob,
  };
  for (const [name, values] of Object.entries(perToken)) {
    if (values && values.length !== length) {
      const found = `${name} has ${values.length} values for ${length} tokens`;
      throw new Error(`segment ${row.segment_id}: ${found}`);
    }
  }
  for (const token of tokens.top.keys()) {
    if (!Number.isInteger(token) || token < 0 || token >= length) {
      throw new Error(`segment ${row.segment_id}: alternatives of a token ${token} it hasn't got`);
    }
  }
  if (row.parent_id !== null && row.parent_id >= row.segment_id) {
    throw new Error(`segment ${row.segment_id}: its parent ${row.parent_id} comes after it`);
  }
}

function columns(rows: readonly SegmentRow[]): Record<string, Data> {
  const top = rows.map(alternatives);
  const tokens = rows.map((row) => row.tokens);
  return {
    step: int32(rows.map((row) => row.step)),
    prompt_id: utf8(rows.map((row) => row.prompt_id)),
    prompt: utf8(rows.map((row) => row.prompt)),
    segment_id: int32(rows.map((row) => row.segment_id)),
    parent_id: int32(rows.map((row) => row.parent_id)),
    fork_at: int32(rows.map((row) => row.fork_at)),
    attempt: int32(rows.map((row) => row.attempt)),
    kind: utf8(rows.map((row) => row.kind)),
    status: utf8(rows.map((row) => row.status)),
    trigger: utf8(rows.map((row) => row.trigger)),
    failure_point: int32(rows.map((row) => row.failure_point)),
    failure_max_prob: float32(rows.map((row) => row.failure_max_prob)),
    failure_entropy: float32(rows.map((row) => row.failure_entropy)),
    failure_top_ids: list(
      'list<int32>',
      rows.map((row) => row.failure_top?.ids ?? null),
    ),
    failure_top_logprobs: list(
      'list<float32>',
      rows.map((row) => row.failure_top?.logprobs ?? null),
    ),
    temperature: float32(rows.map((row) => row.temperature)),
    rewards: rewardMaps(rows.map((row) => row.rewards)),
    reward: float32(rows.map((row) => row.reward)),
    value: float32(rows.map((row) => row.value)),
    trained: bool(rows.map((row) => row.trained)),
    token_ids: list(
      'list<int32>',
      tokens.map((each) => each.token_ids),
    ),
    text: utf8(tokens.map((each) => each.text)),
    token_ends: list(
      'list<int32>',
      tokens.map((each) => (isPlain(each) ? null : each.token_ends)),
    ),
    logprob: list(
      'list<float32>',
      tokens.map((each) => each.logprob),
    ),
    entropy: list(
      'list<float16>',
      tokens.map((each) => each.entropy),
    ),
    max_prob: list(
      'list<float16>',
      tokens.map((each) => each.max_prob),
    ),
    advantage: list(
      'list<float16>',
      tokens.map((each) => each.advantage),
    ),
    ref_logprob: list(
      'list<float32>',
      tokens.map((each) => each.ref_logprob),
    ),
    train_logprob: list(
      'list<float32>',
      tokens.map((each) => each.train_logprob),
    ),
    top_index: list(
      'list<int32>',
      top.map((each) => each.index),
    ),
    top_ids: list(
      'list<int32>',
      top.map((each) => each.ids),
    ),
    top_logprobs: list(
      'list<float16>',
      top.map((each) => each.logprobs),
    ),
    origin: utf8(rows.map(({ origin }) => (origin === undefined ? null : JSON.stringify(origin)))),
    token_texts: utf8(
      tokens.map(({ texts }) =>
        texts === undefined ? null : JSON.stringify(Object.fromEntries(texts)),
      ),
    ),
  };
}

/** Bytes of the end-of-stream mark that the library's writer appends; a growing log has none. */
const END_OF_STREAM = 8;

function stream(batches: readonly RecordBatch[], schema: Schema): Uint8Array {
  const writer = new RecordBatchStreamWriter();
  writer.reset(undefined, schema);
  for (const batch of batches) writer.write(batch);
  writer.finish();
  return writer.toUint8Array(true).slice(0, -END_OF_STREAM);
}

const schemaMessages = new Map<Schema, Uint8Array>();

/** The Arrow message every `rollouts.arrows` begins with; or with `probeSchema`, `probes.arrows`. */
export function encodeSchema(schema: Schema = rolloutSchema): Uint8Array {
  const message = schemaMessages.get(schema) ?? stream([], schema);
  schemaMessages.set(schema, message);
  return message.slice();
}

/**
 * One Arrow record batch message (metadata and body, a multiple of 8 bytes) that holds `rows`.
 * Throws where a row's arrays don't belong together.
 */
export function encodeBatch(
  rows: readonly SegmentRow[],
  schema: Schema = rolloutSchema,
): Uint8Array {
  rows.forEach(check);
  const data = columns(rows);
  const children = schema.fields.map((field) => {
    const column = data[field.name];
    if (!column) throw new Error(`nothing to write into column ${field.name}`);
    return column;
  });
  const struct = makeData({
    type: new Struct(schema.fields),
    length: rows.length,
    nullCount: 0,
    children,
  });
  const bytes = stream([new RecordBatch(schema, struct)], schema);
  return bytes.slice(encodeSchema(schema).length);
}
