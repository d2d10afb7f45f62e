import type { SegmentRequest } from '../../strategy/index.ts';
import { KeyValueCache, type CachedPrefix, type RowSource } from './cache.ts';
import { paddedVocabulary } from './model.ts';
import { paddedLength } from './batch.ts';
import type { RoundCosts, TickReport } from './protocol.ts';
import type { Replica } from './replica.ts';
import { RunningSegment } from './running.ts';
import type { GeneratedSegment, RoundSettings } from './types.ts';

const DEFAULT_SLOTS = 32;
const FEWEST_SLOTS = 8;

/** A segment on a path, and the completion position at which the path leaves it. */
interface PathPart {
  segment: number;
  /** Infinity while the segment is being generated. */
  end: number;
}

/** A row of the cache: a path whose keys and values it holds, and what runs on it. */
interface Slot {
  path: PathPart[];
  /** Prompt and completion so far; the last token has not been fed yet. */
  tokens: number[];
  running: RunningSegment | null;
  /** Logits at a cut: what the continuation's first token is drawn from. */
  pending: Float32Array | null;
}

/**
 * Decodes one thread's share of a generation round, one position of all running rows at a time.
 *
 * A segment is never computed twice: a cut row that goes on stays where it is, a branch starts
 * from a copy of the keys and values of its prefix, and a prompt is computed once for all its
 * roots. The number of rows and the cache's length come in few sizes, because each is compiled
 * once.
 */
export class Decoder {
  readonly #replica: Replica;
  readonly #settings: RoundSettings;
  readonly #cache: KeyValueCache;
  readonly #queue: SegmentRequest[] = [];
  #slots: Slot[] = [];
  readonly #prompts = new Map<number, CachedPrefix>();
  readonly #kept = new Map<number, { prefix: CachedPrefix; end: number }>();
  /** Completion tokens of the path that ends with a segment. */
  readonly #paths = new Map<number, { path: PathPart[]; completion: number[] }>();
  readonly costs: RoundCosts = { prefilled: 0, row_steps: 0, batches: 0 };

  constructor(replica: Replica, settings: RoundSettings) {
    this.#replica = replica;
    this.#settings = settings;
    const longest = Math.max(0, ...settings.prompts.map((prompt) => prompt.length));
    this.#cache = new KeyValueCache(
      replica.config,
      Math.ceil((longest + settings.max_completion_length) / 32) * 32,
    );
  }

  /** Takes new requests and advances every running row by one token. */
  tick(requests: readonly SegmentRequest[]): TickReport {
    const finished: GeneratedSegment[] = [];
    for (const request of requests)
      if (!this.#continueInPlace(request, finished)) this.#queue.push(request);
    this.#fillSlots();
    this.#decode(finished);
    const running = this.#slots.filter((slot) => slot.running !== null).length;
    return { finished, busy: running + this.#queue.length };
  }

  dispose(): void {
    this.#cache.dispose();
  }

  /** A cut row that goes on: its cache is there, and so are the logits of its next token. */
  #continueInPlace(request: SegmentRequest, finished: GeneratedSegment[]): boolean {
    const slot = this.#slots.find(
      ({ path, pending }) => pending !== null && path.at(-1)?.segment === request.parent,
    );
    const logits = slot?.pending ?? null;
    if (!slot || logits === null) return false;
    const promptLength = this.#prompt(request.tree).length;
    if (slot.tokens.length - promptLength !== request.fork_at) return false;
    slot.pending = null;
    slot.path = [...slot.path, { segment: request.segment, end: Infinity }];
    slot.running = new RunningSegment(request, this.#settings);
    this.#advance(slot, logits, finished);
    return true;
  }

  /** Puts waiting requests on free rows, and lets the batch shrink when fewer rows run. */
  #fillSlots(): void {
    const running = this.#slots.filter((slot) => slot.running !== null);
    const most = this.#settings.slots ?? DEFAULT_SLOTS;
    const entering = this.#queue.splice(0, Math.max(0, most - running.length));
    const size = slotCount(running.length + entering.length, most);
    const shrinks = size <= this.#slots.length / 2;
    if (entering.length === 0 && !shrinks) return;

    this.#prefill(entering.map((request) => request.tree));
    this.#arrange(entering, shrinks ? size : Math.max(size, this.#slots.length));
  }

  /** Makes a batch of `size` rows: those that run, those that enter, and idle ones as they fit. */
  #arrange(entering: readonly SegmentRequest[], size: number): void {
    const next = Array<Slot | null>(size).fill(null);
    const sources: RowSource[] = next.map(() => ({ kind: 'empty' }));
    const homeless: number[] = [];
    this.#slots.forEach((slot, row) => {
      if (slot.running !== null && row < next.length) {
        next[row] = slot;
        sources[row] = { kind: 'row', row };
      } else if (slot.running !== null) homeless.push(row);
    });
    // New rows take places nothing was left in, so that idle rows keep their prefixes longest.
    const empty = (row: number) => (this.#slots[row]?.path.length ?? 0) === 0;
    const places = next.flatMap((slot, row) => (slot === null ? [row] : []));
    places.sort((a, b) => Number(empty(b)) - Number(empty(a)) || a - b);
    const place = (slot: Slot, source: RowSource) => {
      const row = places.shift();
      if (row === undefined) throw new Error('no place for a row');
      next[row] = slot;
      sources[row] = source;
    };
    for (const row of homeless) {
      const slot = this.#slots[row];
      if (slot) place(slot, { kind: 'row', row });
    }
    for (const request of entering) place(this.#enter(request), this.#source(request));
    // Idle rows that are not needed stay; what leaves is kept for later branches.
    const keep = new Map<number, number>();
    this.#slots.forEach((slot, row) => {
      if (slot.running !== null || slot.path.length === 0) return;
      if (row < next.length && next[row] === null) {
        next[row] = slot;
        sources[row] = { kind: 'row', row };
      } else keep.set(row, slot.tokens.length - 1);
    });
    for (const [row, prefix] of this.#cache.rearrange(sources, keep))
      for (const { segment, end } of this.#slots[row]?.path ?? [])
        if ((this.#kept.get(segment)?.end ?? -1) < end) this.#kept.set(segment, { prefix, end });
    this.#slots = next.map(
      (slot) => slot ?? { path: [], tokens: [], running: null, pending: null },
    );
  }

  #enter(request: SegmentRequest): Slot {
    const parent = request.parent === null ? null : this.#paths.get(request.parent);
    if (parent === undefined) throw new Error(`segment ${request.parent ?? -1} never ended`);
    const kept = (parent?.completion ?? []).slice(0, request.fork_at);
    const shared = (parent?.path ?? []).map(({ segment, end }) => ({
      segment,
      end: Math.min(end, request.fork_at),
    }));
    return {
      path: [...shared, { segment: request.segment, end: Infinity }],
      tokens: [...this.#prompt(request.tree), ...kept],
      running: new RunningSegment(request, this.#settings),
      pending: null,
    };
  }

  /** Where the keys and values before a request's first token are. */
  #source(request: SegmentRequest): RowSource {
    const length = this.#prompt(request.tree).length + request.fork_at - 1;
    const { parent, fork_at } = request;
    if (parent === null || fork_at === 0) {
      const prefix = this.#prompts.get(request.tree);
      if (!prefix) throw new Error(`prompt ${request.tree} was not computed`);
      return { kind: 'prefix', prefix, length };
    }
    const row = this.#slots.findIndex(({ path }) =>
      path.some((part) => part.segment === parent && part.end >= fork_at),
    );
    if (row >= 0) return { kind: 'copy', row, length };
    const kept = this.#kept.get(parent);
    if (!kept || kept.end < fork_at) throw new Error(`the prefix of ${parent} was lost`);
    return { kind: 'prefix', prefix: kept.prefix, length };
  }

  /** Computes the prompts of new trees, all but their last token, once each. */
  #prefill(trees: readonly number[]): void {
    const missing = [...new Set(trees)].filter((tree) => !this.#prompts.has(tree));
    if (missing.length === 0) return;
    const { num_key_value_heads: heads, head_dim: width } = this.#replica.config;
    const length = paddedLength(Math.max(...missing.map((tree) => this.#prompt(tree).length - 1)));
    const rows = slotCount(missing.length, Infinity);
    const ids = new Int32Array(rows * length);
    missing.forEach((tree, row) => ids.set(this.#prompt(tree).slice(0, -1), row * length));
    const { keys, values } = this.#replica.prefill(ids, length);
    missing.forEach((tree, row) => {
      const own = this.#prompt(tree).length - 1;
      // [rows, T, K, E] → [K, T, E]
      const cut = (all: Float32Array) => {
        const part = new Float32Array(heads * own * width);
        for (let position = 0; position < own; position++)
          for (let head = 0; head < heads; head++) {
            const from = ((row * length + position) * heads + head) * width;
            part.set(all.subarray(from, from + width), (head * own + position) * width);
          }
        return part;
      };
      this.#prompts.set(tree, { length: own, keys: keys.map(cut), values: values.map(cut) });
      this.costs.prefilled += own;
    });
  }

  #decode(finished: GeneratedSegment[]): void {
    const rows = this.#slots.length;
    const ids = new Int32Array(rows);
    const positions = new Int32Array(rows);
    let fed = 0;
    this.#slots.forEach((slot, row) => {
      // An idle row looks at nothing and writes nothing.
      positions[row] = slot.running === null ? -1 : slot.tokens.length - 1;
      if (slot.running === null) return;
      ids[row] = slot.tokens.at(-1) ?? 0;
      fed++;
    });
    if (fed === 0) return;
    this.costs.row_steps += fed;
    this.costs.batches++;
    const out = this.#replica.decode(
      ids,
      positions,
      this.#cache.span,
      this.#cache.keys,
      this.#cache.values,
    );
    this.#cache.keys = out.keys;
    this.#cache.values = out.values;
    const width = paddedVocabulary(this.#replica.config);
    this.#slots.forEach((slot, row) => {
      if (slot.running === null) return;
      const start = row * width;
      const logits = out.logits.subarray(start, start + this.#replica.config.vocab_size);
      this.#advance(slot, logits, finished);
    });
  }

  /** Samples a row's next token, or cuts the row before it. */
  #advance(slot: Slot, logits: Float32Array, finished: GeneratedSegment[]): void {
    const segment = slot.running;
    if (segment === null) return;
    const state = segment.advance(logits, this.#replica.config.eos_token_ids);
    if (state !== 'cut') slot.tokens.push(segment.lastToken);
    if (state === 'running') return;
    slot.running = null;
    slot.pending = state === 'cut' ? logits.slice() : null;
    const completion = slot.tokens.slice(this.#prompt(segment.request.tree).length);
    const last = slot.path.at(-1);
    if (last) last.end = completion.length;
    this.#paths.set(segment.request.segment, { path: slot.path, completion });
    finished.push(segment.finish(state));
  }

  #prompt(tree: number): Int32Array {
    const prompt = this.#settings.prompts[tree];
    if (!prompt || prompt.length === 0) throw new Error(`prompt ${tree} is empty`);
    return prompt;
  }
}

/** Rows of a batch: a power of two, so that shapes come in few sizes. */
function slotCount(wanted: number, most: number): number {
  const size = 2 ** Math.ceil(Math.log2(Math.max(FEWEST_SLOTS, wanted)));
  return Math.min(Math.max(size, FEWEST_SLOTS), Math.max(most, FEWEST_SLOTS));
}
