import type { SegmentRequest } from '../../strategy/index.ts';
import type { CachedPath } from './cache.ts';
import { paddedVocabulary } from './model.ts';
import type { RoundCosts, TickReport } from './protocol.ts';
import { decodedRows, type Replica } from './replica.ts';
import { RunningSegment } from './running.ts';
import type { GeneratedSegment, RoundSettings } from './types.ts';

const DEFAULT_SLOTS = 32;

/** A sequence that is being generated. */
interface Row {
  /** All of `tokens` but the last. */
  cached: CachedPath;
  /** Prompt and completion so far; the last token has not been fed yet. */
  tokens: number[];
  segment: RunningSegment;
}

/** Where a segment has ended. */
interface EndedPath {
  cached: CachedPath;
  tokens: number[];
  /** At a cut: what the first continuation's first token is drawn from; later ones feed anew. */
  pending: Float32Array | null;
}

/**
 * Decodes one thread's share of a generation round, one position of all running rows at a time.
 *
 * A segment is never computed twice: a branch shares the keys and values of its prefix, a cut row
 * that goes on starts from the logits it was cut at, and a prompt is computed once for all its
 * roots.
 */
export class Decoder {
  readonly #replica: Replica;
  readonly #settings: RoundSettings;
  /** Most rows that run together. */
  readonly #slots: number;
  #queue: SegmentRequest[] = [];
  #rows: Row[] = [];
  /** By tree: all but the prompt's last token. */
  readonly #prompts = new Map<number, CachedPath>();
  /** By segment. */
  readonly #ended = new Map<number, EndedPath>();
  readonly costs: RoundCosts = { prefilled: 0, row_steps: 0, batches: 0 };

  constructor(replica: Replica, settings: RoundSettings) {
    this.#replica = replica;
    this.#settings = settings;
    this.#slots = settings.slots ?? DEFAULT_SLOTS;
    const longest = Math.max(0, ...settings.prompts.map((prompt) => prompt.length));
    replica.cache.reset(decodedRows(this.#slots), longest + settings.max_completion_length);
  }

  /** Takes new requests and advances every running row by one token. */
  tick(requests: readonly SegmentRequest[]): TickReport {
    const finished: GeneratedSegment[] = [];
    // What goes on has its keys and values at hand, and comes first.
    const goesOn = (request: SegmentRequest) => this.#pending(request) !== null;
    this.#queue = [
      ...requests.filter(goesOn),
      ...this.#queue,
      ...requests.filter((request) => !goesOn(request)),
    ];
    this.#fill(finished);
    this.#decode(finished);
    return { finished, busy: this.#rows.length + this.#queue.length };
  }

  /** Starts waiting requests while there is room. */
  #fill(finished: GeneratedSegment[]): void {
    while (this.#rows.length < this.#slots && this.#queue.length > 0) {
      const entering = this.#queue.splice(0, this.#slots - this.#rows.length);
      this.#prefill(entering.map(({ tree }) => tree));
      const rows = entering.map((request) => this.#start(request, finished));
      this.#rows.push(...rows.filter((row) => row !== null));
    }
  }

  /** Null where its first token was its last. */
  #start(request: SegmentRequest, finished: GeneratedSegment[]): Row | null {
    const { tree, parent, fork_at } = request;
    const prompt = this.#prompt(tree);
    const from = parent === null ? null : this.#ended.get(parent);
    if (from === undefined) throw new Error(`segment ${parent ?? -1} never ended`);
    const segment = new RunningSegment(request, this.#settings);
    const length = prompt.length + fork_at;
    const pending = this.#pending(request);
    if (from && pending) {
      from.pending = null;
      const row = { cached: from.cached, tokens: [...from.tokens], segment };
      return this.#advance(row, pending, finished) ? row : null;
    }
    const cached = from?.cached ?? this.#prompts.get(tree);
    if (!cached) throw new Error(`prompt ${tree} was not computed`);
    return {
      cached: this.#replica.cache.fork(cached, length - 1),
      tokens: from ? from.tokens.slice(0, length) : [...prompt],
      segment,
    };
  }

  /** The logits that a continuation of a cut row can start with. */
  #pending({ tree, parent, fork_at }: SegmentRequest): Float32Array | null {
    const from = parent === null ? undefined : this.#ended.get(parent);
    if (from?.tokens.length !== this.#prompt(tree).length + fork_at) return null;
    return from.pending;
  }

  /** Computes the prompts of new trees, all but their last token, once each. */
  #prefill(trees: readonly number[]): void {
    const missing = [...new Set(trees)].filter((tree) => !this.#prompts.has(tree));
    const tokens = missing.flatMap((tree) => {
      const path: CachedPath = { length: 0, pages: [] };
      this.#prompts.set(tree, path);
      return [...this.#prompt(tree).subarray(0, -1)].map((id) => ({ id, path }));
    });
    this.costs.prefilled += tokens.length;
    for (let start = 0; start < tokens.length; start += this.#slots) {
      const batch = tokens.slice(start, start + this.#slots);
      this.#replica.decode(
        batch.map(({ id }) => id),
        batch.map(({ path }) => path),
        false,
      );
    }
  }

  #decode(finished: GeneratedSegment[]): void {
    const rows = this.#rows;
    if (rows.length === 0) return;
    this.costs.row_steps += rows.length;
    this.costs.batches++;
    const logits = this.#replica.decode(
      rows.map(({ tokens }) => tokens.at(-1) ?? 0),
      rows.map(({ cached }) => cached),
      true,
    );
    const width = paddedVocabulary(this.#replica.config);
    const size = this.#replica.config.vocab_size;
    this.#rows = rows.filter((row, i) =>
      this.#advance(row, logits.subarray(i * width, i * width + size), finished),
    );
  }

  /** Samples a row's next token, or cuts the row before it; false where it ends. */
  #advance(row: Row, logits: Float32Array, finished: GeneratedSegment[]): boolean {
    const { segment, tokens, cached } = row;
    const state = segment.advance(logits, this.#replica.config.eos_token_ids);
    if (state !== 'cut') tokens.push(segment.lastToken);
    if (state === 'running') return true;
    const pending = state === 'cut' ? logits.slice() : null;
    this.#ended.set(segment.request.segment, { cached, tokens, pending });
    finished.push(segment.finish(state));
    return false;
  }

  #prompt(tree: number): Int32Array {
    const prompt = this.#settings.prompts[tree];
    if (!prompt || prompt.length === 0) throw new Error(`prompt ${tree} is empty`);
    return prompt;
  }
}
