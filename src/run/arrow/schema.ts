import {
  Bool,
  Field,
  Float16,
  Float32,
  Int32,
  List,
  Map_,
  Schema,
  Struct,
  Utf8,
} from 'apache-arrow';
import type { DataType } from 'apache-arrow';

/**
 * The Arrow schema of `rollouts.arrows`, exact. `pyarrow` spells it with its defaults:
 * `pa.int32()`, `pa.string()`, `pa.list_(pa.float16())`, `pa.map_(pa.string(), pa.float32())`.
 *
 * No dictionary encoding and no compression, so that any batch is read with the schema alone.
 * The columns of `SegmentSummary` come first and `token_ids` right after them: everything an
 * index needs (the lengths of the segments are the offsets of `token_ids`) is then one run of
 * bytes at the start of a batch, and no value of a token has to be read for it.
 */

const list = (item: DataType): DataType => new List(new Field('item', item, true));

const rewards = new Map_(
  new Field(
    'entries',
    new Struct<{ key: Utf8; value: Float32 }>([
      new Field('key', new Utf8(), false),
      new Field('value', new Float32(), true),
    ]),
    false,
  ),
);

const field = (name: string, type: DataType): Field => new Field(name, type, false);
const nullable = (name: string, type: DataType): Field => new Field(name, type, true);

export const summaryFields: readonly Field[] = [
  field('step', new Int32()),
  field('prompt_id', new Utf8()),
  nullable('prompt', new Utf8()),
  field('segment_id', new Int32()),
  nullable('parent_id', new Int32()),
  field('fork_at', new Int32()),
  field('attempt', new Int32()),
  field('kind', new Utf8()),
  field('status', new Utf8()),
  nullable('trigger', new Utf8()),
  nullable('failure_point', new Int32()),
  nullable('failure_max_prob', new Float32()),
  nullable('failure_entropy', new Float32()),
  nullable('failure_top_ids', list(new Int32())),
  nullable('failure_top_logprobs', list(new Float32())),
  field('temperature', new Float32()),
  nullable('rewards', rewards),
  nullable('reward', new Float32()),
  nullable('value', new Float32()),
  field('trained', new Bool()),
];

export const tokenFields: readonly Field[] = [
  field('token_ids', list(new Int32())),
  field('text', new Utf8()),
  field('token_ends', list(new Int32())),
  field('logprob', list(new Float32())),
  field('entropy', list(new Float16())),
  field('max_prob', list(new Float16())),
  field('advantage', list(new Float16())),
  nullable('ref_logprob', list(new Float32())),
  nullable('train_logprob', list(new Float32())),
  /** Indices of the own tokens that have alternatives, ascending. */
  field('top_index', list(new Int32())),
  /** The alternatives of those tokens one after another, equally many for each, best first. */
  field('top_ids', list(new Int32())),
  field('top_logprobs', list(new Float16())),
];

export const rolloutSchema = new Schema([...summaryFields, ...tokenFields]);
