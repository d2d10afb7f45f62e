import { Endianness } from 'apache-arrow/fb/endianness';
import type { Field } from 'apache-arrow/fb/field';
import { FloatingPoint } from 'apache-arrow/fb/floating-point';
import { Int } from 'apache-arrow/fb/int';
import { Message } from 'apache-arrow/fb/message';
import { MessageHeader } from 'apache-arrow/fb/message-header';
import { RecordBatch } from 'apache-arrow/fb/record-batch';
import { Schema } from 'apache-arrow/fb/schema';
import { Type } from 'apache-arrow/fb/type';
import { ByteBuffer } from 'flatbuffers';
import { probeColumns, rolloutColumns } from './schema.ts';

/**
 * Where a record batch keeps its columns: read from the Arrow metadata alone, so that an index
 * touches no value of a token. The library's own decoder trusts the counts it reads; a damaged
 * file must neither hang a reader nor fill its memory, so every count is checked here before use.
 */

/** What a file holds is not what `rollouts.arrows` may hold. The message is a plain clause. */
export class DamagedError extends Error {
  override readonly name = 'DamagedError';
}

/** Where a column begins in the depth-first lists of nodes and of buffers of every batch. */
export interface Slot {
  node: number;
  buffer: number;
}

/** What a schema message says, as far as it takes to read a batch. */
export interface Layout {
  /** By column name; a nullable column that the file lacks has no slot. */
  slots: ReadonlyMap<string, Slot>;
  nodes: number;
  buffers: number;
}

/** One batch: its rows, the nulls a node, the buffers in bytes from the start of its body. */
export interface BatchLayout {
  rows: number;
  nodes: readonly { length: number; nulls: number }[];
  buffers: readonly { offset: number; length: number }[];
}

const MAX_FIELDS = 1000;
const MAX_DEPTH = 8;

const buffersOf = new Map<number, number>([
  [Type.Null, 0],
  [Type.Int, 2],
  [Type.FloatingPoint, 2],
  [Type.Bool, 2],
  [Type.Decimal, 2],
  [Type.Date, 2],
  [Type.Time, 2],
  [Type.Timestamp, 2],
  [Type.Interval, 2],
  [Type.Duration, 2],
  [Type.FixedSizeBinary, 2],
  [Type.Utf8, 3],
  [Type.Binary, 3],
  [Type.LargeUtf8, 3],
  [Type.LargeBinary, 3],
  [Type.List, 2],
  [Type.LargeList, 2],
  [Type.Map, 2],
  [Type.FixedSizeList, 1],
  [Type.Struct_, 1],
]);

/** Walks one field: its type in words, and how many nodes and buffers it takes in a batch. */
function walk(field: Field, depth: number): { type: string; nodes: number; buffers: number } {
  const count = field.childrenLength();
  const own = buffersOf.get(field.typeType());
  if (own === undefined || field.dictionary()) {
    throw new DamagedError(`its column ${field.name() ?? '?'} has a type that isn't supported`);
  }
  if (count > MAX_FIELDS || depth > MAX_DEPTH) throw new DamagedError('its schema is unreadable');
  const children = Array.from({ length: count }, (_, i) => {
    const child = field.children(i);
    if (!child) throw new DamagedError('its schema is unreadable');
    return walk(child, depth + 1);
  });
  return {
    type: spell(field, children.map((child) => child.type).join(', ')),
    nodes: children.reduce((sum, child) => sum + child.nodes, 1),
    buffers: children.reduce((sum, child) => sum + child.buffers, own),
  };
}

function spell(field: Field, children: string): string {
  switch (field.typeType()) {
    case Type.Int: {
      const int = new Int();
      field.type(int);
      return `${int.isSigned() ? 'int' : 'uint'}${int.bitWidth()}`;
    }
    case Type.FloatingPoint: {
      const float = new FloatingPoint();
      field.type(float);
      return `float${16 << float.precision()}`;
    }
    case Type.Bool:
      return 'bool';
    case Type.Utf8:
      return 'utf8';
    case Type.List:
      return `list<${children}>`;
    case Type.Map:
      return `map<${children}>`;
    case Type.Struct_:
      return children;
    default:
      return `Arrow type ${field.typeType()}`;
  }
}

/** The library reads garbage until it stumbles over it. */
function decode<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof DamagedError) throw cause;
    throw new DamagedError('its metadata is unreadable', { cause });
  }
}

/** What kind of message `metadata` (its flatbuffer, without the length before it) announces. */
export function readHeader(metadata: Uint8Array): {
  kind: 'schema' | 'batch' | 'other';
  bodyLength: number;
} {
  const { bodyLength, type } = decode(() => {
    const message = Message.getRootAsMessage(new ByteBuffer(metadata));
    return { bodyLength: Number(message.bodyLength()), type: message.headerType() };
  });
  const kind =
    type === MessageHeader.Schema
      ? 'schema'
      : type === MessageHeader.RecordBatch
        ? 'batch'
        : 'other';
  return { kind, bodyLength };
}

/**
 * Reads a schema message. Columns may come in any order and there may be more than we know;
 * throws `DamagedError` where one that we need is missing or has another type.
 */
export function readSchema(metadata: Uint8Array): Layout {
  return decode(() => layoutOf(metadata));
}

function layoutOf(metadata: Uint8Array): Layout {
  const schema = new Schema();
  Message.getRootAsMessage(new ByteBuffer(metadata)).header(schema);
  if (schema.endianness() !== Endianness.Little) throw new DamagedError('it is big-endian');
  const count = schema.fieldsLength();
  if (count > MAX_FIELDS) throw new DamagedError('its schema is unreadable');
  const found = new Map<string, Slot & { type: string }>();
  let nodes = 0;
  let buffers = 0;
  for (let i = 0; i < count; i++) {
    const field = schema.fields(i);
    if (!field) throw new DamagedError('its schema is unreadable');
    const column = walk(field, 0);
    found.set(field.name() ?? '', { type: column.type, node: nodes, buffer: buffers });
    nodes += column.nodes;
    buffers += column.buffers;
    if (nodes > MAX_FIELDS) throw new DamagedError('its schema is unreadable');
  }
  for (const { name, type, nullable } of [...rolloutColumns, ...probeColumns]) {
    const column = found.get(name);
    if (!column && !nullable) throw new DamagedError(`it has no column ${name}`);
    if (column && column.type !== type) {
      throw new DamagedError(`its column ${name} is ${column.type} instead of ${type}`);
    }
  }
  return { slots: found, nodes, buffers };
}

/** Reads the metadata of a record batch; throws `DamagedError` where it contradicts itself. */
export function readBatch(metadata: Uint8Array, layout: Layout, bodyLength: number): BatchLayout {
  return decode(() => batchOf(metadata, layout, bodyLength));
}

function batchOf(metadata: Uint8Array, layout: Layout, bodyLength: number): BatchLayout {
  const batch = new RecordBatch();
  Message.getRootAsMessage(new ByteBuffer(metadata)).header(batch);
  if (batch.compression()) throw new DamagedError('a batch is compressed');
  if (batch.nodesLength() !== layout.nodes || batch.buffersLength() !== layout.buffers) {
    throw new DamagedError('a batch has other columns than the schema');
  }
  const nodes = Array.from({ length: layout.nodes }, (_, i) => {
    const node = batch.nodes(i);
    return { length: Number(node?.length()), nulls: Number(node?.nullCount()) };
  });
  const buffers = Array.from({ length: layout.buffers }, (_, i) => {
    const buffer = batch.buffers(i);
    return { offset: Number(buffer?.offset()), length: Number(buffer?.length()) };
  });
  const rows = Number(batch.length());
  const inside = buffers.every(
    ({ offset, length }) => offset >= 0 && length >= 0 && offset + length <= bodyLength,
  );
  if (!inside || rows < 0) throw new DamagedError('a batch points outside itself');
  return { rows, nodes, buffers };
}
