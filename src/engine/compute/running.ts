import { PlainError } from '../../common/errors.ts';
import type { Alternatives, SegmentStatus, SegmentTrigger } from '../../run/model/segment.ts';
import { triggerAt, type SegmentRequest } from '../../strategy/index.ts';
import { uniform } from './random.ts';
import { bestTokens, logprobOf, pickToken, recordedUncertainty } from './sampler.ts';
import type { GeneratedSegment, RoundSettings } from './types.ts';

type Ended = 'cut' | 'complete' | 'length';

interface Failure {
  trigger: SegmentTrigger;
  max_prob: number;
  entropy: number;
  top: Alternatives;
}

/** A segment while its tokens are drawn. */
export class RunningSegment {
  readonly request: SegmentRequest;
  readonly #settings: RoundSettings;
  readonly #ids: number[] = [];
  readonly #logprob: number[] = [];
  readonly #trainLogprob: number[] = [];
  readonly #entropy: number[] = [];
  readonly #maxProb: number[] = [];
  readonly #top = new Map<number, Alternatives>();
  #failure: Failure | null = null;

  constructor(request: SegmentRequest, settings: RoundSettings) {
    this.request = request;
    this.#settings = settings;
  }

  get lastToken(): number {
    const id = this.#ids.at(-1);
    if (id === undefined) throw new Error('no token was drawn yet');
    return id;
  }

  /** Draws one token from the logits of the next position, or is cut before it. */
  advance(logits: Float32Array, eosIds: readonly number[]): 'running' | Ended {
    const { seed, step, temperature, capture, thresholds, max_completion_length } = this.#settings;
    const position = this.request.fork_at + this.#ids.length;
    const { max_prob, entropy } = recordedUncertainty(logits);
    if (!Number.isFinite(max_prob) || !Number.isFinite(entropy))
      throw new PlainError(
        'The policy gives no finite probabilities any more.',
        'Lower learning_rate or set max_grad_norm, and go on from an earlier checkpoint.',
      );
    const { watch_from } = this.request;
    if (watch_from !== null && position >= watch_from) {
      const why = triggerAt(max_prob, entropy, thresholds);
      if (why !== null) {
        this.#failure = { trigger: why, max_prob, entropy, top: bestTokens(logits, capture.top_k) };
        return 'cut';
      }
    }
    const draw = uniform(seed, step, this.request.segment, position);
    const id = pickToken(logits, this.request.temperature, draw);
    if (max_prob < capture.below && capture.top_k > 0)
      this.#top.set(this.#ids.length, bestTokens(logits, capture.top_k));
    this.#ids.push(id);
    this.#logprob.push(logprobOf(logits, id, this.request.temperature));
    this.#trainLogprob.push(logprobOf(logits, id, temperature));
    this.#entropy.push(entropy);
    this.#maxProb.push(max_prob);
    if (eosIds.includes(id)) return 'complete';
    return position + 1 >= max_completion_length ? 'length' : 'running';
  }

  finish(ended: Ended): GeneratedSegment {
    const { tree, segment, parent, fork_at, attempt, temperature } = this.request;
    const status: SegmentStatus = ended === 'cut' ? 'truncated' : ended;
    const failure = this.#failure;
    return {
      tree,
      segment,
      parent,
      fork_at,
      attempt,
      temperature,
      status,
      trigger: failure?.trigger ?? null,
      failure_point: failure ? fork_at + this.#ids.length : null,
      failure_max_prob: failure?.max_prob ?? null,
      failure_entropy: failure?.entropy ?? null,
      failure_top: failure?.top ?? null,
      token_ids: Int32Array.from(this.#ids),
      logprob: Float32Array.from(this.#logprob),
      train_logprob: Float32Array.from(this.#trainLogprob),
      entropy: Float32Array.from(this.#entropy),
      max_prob: Float32Array.from(this.#maxProb),
      top: this.#top,
    };
  }
}
