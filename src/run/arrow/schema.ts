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

/**
 * The Arrow schema of `rollouts.arrows`, exact. `pyarrow` spells it with its defaults:
 * `pa.int32()`, `pa.string()`, `pa.list_(pa.float16())`, `pa.map_(pa.string(), pa.float32())`.
 *
 * No dictionary encoding and no compression, so that any batch is read with the schema alone.
 * The columns of `SegmentSummary` come first and `token_ids` right after them: everything an
 * index needs (the lengths of the segments are the offsets of `token_ids`) is then one run of
 * bytes at the start of a batch, and no value of a token has to be read for it.
 */

/** Arrow's types under the names a person reads; the keys are compared with what a file holds. */
export const types = {
  int32: new Int32(),
  float32: new Float32(),
  utf8: new Utf8(),
  bool: new Bool(),
  'list<int32>': new List(new Field('item', new Int32(), true)),
  'list<float32>': new List(new Field('item', new Float32(), true)),
  'list<float16>': new List(new Field('item', new Float16(), true)),
  'map<utf8, float32>': new Map_<Utf8, Float32>(
    new Field(
      'entries',
      new Struct<{ key: Utf8; value: Float32 }>([
        new Field('key', new Utf8(), false),
        new Field('value', new Float32(), true),
      ]),
      false,
    ),
  ),
};
export type TypeName = keyof typeof types;

export interface Column {
  name: string;
  type: TypeName;
  nullable: boolean;
}

const column = (name: string, type: TypeName): Column => ({ name, type, nullable: false });
const nullable = (name: string, type: TypeName): Column => ({ name, type, nullable: true });

/** What `SegmentSummary` is made of, but for `length`. */
export const summaryColumns: readonly Column[] = [
  column('step', 'int32'),
  column('prompt_id', 'utf8'),
  nullable('prompt', 'utf8'),
  column('segment_id', 'int32'),
  nullable('parent_id', 'int32'),
  column('fork_at', 'int32'),
  column('attempt', 'int32'),
  column('kind', 'utf8'),
  column('status', 'utf8'),
  nullable('trigger', 'utf8'),
  nullable('failure_point', 'int32'),
  nullable('failure_max_prob', 'float32'),
  nullable('failure_entropy', 'float32'),
  nullable('failure_top_ids', 'list<int32>'),
  nullable('failure_top_logprobs', 'list<float32>'),
  column('temperature', 'float32'),
  nullable('rewards', 'map<utf8, float32>'),
  nullable('reward', 'float32'),
  nullable('value', 'float32'),
  column('trained', 'bool'),
];

const tokenColumns: readonly Column[] = [
  column('token_ids', 'list<int32>'),
  column('text', 'utf8'),
  /** Null where every token is one code point of `text`, as far as that goes (an end token is none). */
  nullable('token_ends', 'list<int32>'),
  column('logprob', 'list<float32>'),
  column('entropy', 'list<float16>'),
  column('max_prob', 'list<float16>'),
  column('advantage', 'list<float16>'),
  nullable('ref_logprob', 'list<float32>'),
  nullable('train_logprob', 'list<float32>'),
  /** Indices of the own tokens that have alternatives, ascending. */
  column('top_index', 'list<int32>'),
  /** The alternatives of those tokens one after another, equally many for each, best first. */
  column('top_ids', 'list<int32>'),
  column('top_logprobs', 'list<float16>'),
];

export const rolloutColumns: readonly Column[] = [...summaryColumns, ...tokenColumns];

/** What a row of `probes.arrows` has besides; see `model/probe.ts`. */
export const probeColumns: readonly Column[] = [
  nullable('origin', 'utf8'),
  nullable('token_texts', 'utf8'),
];

const schemaOf = (columns: readonly Column[]): Schema =>
  new Schema(columns.map((each) => new Field(each.name, types[each.type], each.nullable)));

export const rolloutSchema = schemaOf(rolloutColumns);
export const probeSchema = schemaOf([...rolloutColumns, ...probeColumns]);
