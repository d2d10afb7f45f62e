import type { Chunk, ChunkValues } from './replica.ts';

/** One sequence; entry `i` of every value concerns predicting `ids[i]` from what precedes it. */
export interface PackedRow {
  ids: Int32Array;
  coefficient: Float32Array;
  advantage: Float32Array;
  old_logprob: Float32Array;
  ref_logprob: Float32Array;
}

/** A chunk and the rows it was made of, by index; -1 fills it up. */
export interface PackedChunk {
  chunk: Chunk;
  rows: number[];
}

/**
 * Tokens a chunk holds, about: a bigger one is no faster. All chunks have nearly the same number,
 * because the tensor library reuses memory only for arrays of nearly the same size.
 */
const CHUNK_TOKENS = 576;

/**
 * Packs rows of similar length together. Shapes come in few sizes, because each new one is
 * compiled once: lengths are rounded up (see `paddedLength`), row counts follow from the length.
 * A row's last token predicts nothing and is not fed.
 */
export function packRows(rows: readonly PackedRow[]): PackedChunk[] {
  const order = rows.map((_, i) => i);
  order.sort((a, b) => (rows[b]?.ids.length ?? 0) - (rows[a]?.ids.length ?? 0) || a - b);
  const chunks: PackedChunk[] = [];
  for (let start = 0; start < order.length;) {
    const longest = rows[order[start] ?? 0]?.ids.length ?? 0;
    const length = paddedLength(longest - 1);
    const count = chunkRows(length);
    const members = order.slice(start, start + count);
    start += count;
    const filled = [...members, ...Array<number>(count - members.length).fill(-1)];
    chunks.push({ rows: filled, chunk: fill(filled, rows, length) });
  }
  return chunks;
}

/** Shares chunks out to `threads` so that each has about as much to do; always the same way. */
export function shareOut(chunks: readonly PackedChunk[], threads: number): PackedChunk[][] {
  const shares: { cost: number; chunks: PackedChunk[] }[] = Array.from({ length: threads }, () => ({
    cost: 0,
    chunks: [],
  }));
  for (const chunk of chunks) {
    const least = shares.reduce((a, b) => (b.cost < a.cost ? b : a));
    least.chunks.push(chunk);
    least.cost += chunk.chunk.rows * chunk.chunk.length;
  }
  return shares.map((share) => share.chunks);
}

/** Hands a chunk's values back to its rows: `take(row, values)`, as long as the row's `ids`. */
export function unpackValues(
  packed: PackedChunk,
  values: ChunkValues,
  rows: readonly PackedRow[],
  take: (row: number, values: ChunkValues) => void,
): void {
  packed.rows.forEach((row, at) => {
    if (row < 0) return;
    const length = rows[row]?.ids.length ?? 0;
    const cut = (all: Float32Array) => {
      const own = new Float32Array(length);
      own.set(all.subarray(at * packed.chunk.length, at * packed.chunk.length + length - 1), 1);
      return own;
    };
    take(row, {
      logprob: cut(values.logprob),
      entropy: cut(values.entropy),
      best: cut(values.best),
    });
  });
}

/** To a multiple of 8 up to 96, of 16 up to 256, of 32 up to 512, of 64 beyond. */
export function paddedLength(length: number): number {
  const step = length <= 96 ? 8 : length <= 256 ? 16 : length <= 512 ? 32 : 64;
  return Math.max(16, Math.ceil(length / step) * step);
}

function chunkRows(length: number): number {
  return Math.max(1, Math.floor(CHUNK_TOKENS / length));
}

function fill(members: readonly number[], rows: readonly PackedRow[], length: number): Chunk {
  const count = members.length;
  const size = count * length;
  const chunk: Chunk = {
    rows: count,
    length,
    ids: new Int32Array(size),
    targets: new Int32Array(size),
    coefficient: new Float32Array(size),
    advantage: new Float32Array(size),
    old_logprob: new Float32Array(size),
    ref_logprob: new Float32Array(size),
  };
  members.forEach((member, at) => {
    const row = rows[member];
    if (!row) return;
    const start = at * length;
    chunk.ids.set(row.ids.subarray(0, -1), start);
    // What concerns predicting token i stands where the model predicts it: one position earlier.
    chunk.targets.set(row.ids.subarray(1), start);
    chunk.coefficient.set(row.coefficient.subarray(1), start);
    chunk.advantage.set(row.advantage.subarray(1), start);
    chunk.old_logprob.set(row.old_logprob.subarray(1), start);
    chunk.ref_logprob.set(row.ref_logprob.subarray(1), start);
  });
  return chunk;
}
