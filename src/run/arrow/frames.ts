import { DamagedError, readHeader } from './layout.ts';

/**
 * The framing of an Arrow IPC stream: `FF FF FF FF`, the length of the metadata as a little-endian
 * int32, the metadata, the body. Both lengths are multiples of 8.
 */

/** Something that can be read at any place: a file, or bytes in memory. */
export interface ByteSource {
  /** Exactly `length` bytes from `offset`; rejects where the source ends before. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** One whole message of a stream. All places are bytes from the start of the source. */
export interface Frame {
  kind: 'schema' | 'batch' | 'other' | 'end';
  offset: number;
  metadata: Uint8Array;
  body: number;
  bodyLength: number;
  /** Where the next message begins. */
  end: number;
}

const PREFIX = 8;
/** Far above any schema of ours (a batch's metadata has 3 KB): a larger number is garbage. */
const MAX_METADATA = 16 * 1024 * 1024;
/** Read at once with the prefix, so that one read a message is enough. */
const FIRST_READ = 8 * 1024;

/**
 * The message at `offset` of a source that is `size` bytes long, or null where it isn't all there
 * yet. Throws `DamagedError` where no message can begin like that.
 */
export async function readFrame(
  source: ByteSource,
  offset: number,
  size: number,
): Promise<Frame | null> {
  const available = size - offset;
  if (available < PREFIX) return null;
  const head = await source.read(offset, Math.min(FIRST_READ, available));
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const length = view.getInt32(4, true);
  if (view.getUint32(0, true) !== 0xffffffff || length < 0 || length > MAX_METADATA) {
    throw new DamagedError('no Arrow message begins there');
  }
  const body = offset + PREFIX + length;
  if (length === 0) {
    return { kind: 'end', offset, metadata: head.subarray(0, 0), body, bodyLength: 0, end: body };
  }
  if (body > size) return null;
  const metadata =
    PREFIX + length <= head.length
      ? head.slice(PREFIX, PREFIX + length)
      : await source.read(offset + PREFIX, length);
  const { kind, bodyLength } = readHeader(metadata);
  if (!Number.isSafeInteger(bodyLength) || bodyLength < 0 || bodyLength % 8 !== 0) {
    throw new DamagedError('the length of a message makes no sense');
  }
  const end = body + bodyLength;
  return end > size ? null : { kind, offset, metadata, body, bodyLength, end };
}
