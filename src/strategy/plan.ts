import { forkCandidates, shareForks, type FinishedRoot } from './forks.ts';
import type { StrategyParameters } from './parameters.ts';
import type { SegmentStatus } from './segment.ts';

/** One segment that a sampler is asked to generate. */
export interface SegmentRequest {
  /** Index of the prompt in the round. */
  tree: number;
  /** Local to the round: 0, 1, 2, … in the order of the requests, parents before children. */
  segment: number;
  parent: number | null;
  /** Tokens of the completion that are kept from the path through the parent. */
  fork_at: number;
  /** 0 on roots; k = 1, 2, … for the k-th resample of a prefix. */
  attempt: number;
  temperature: number;
  /** First position of the completion that may trigger; null: the segment is never cut. */
  watch_from: number | null;
}

/** What became of a request. */
export interface SegmentOutcome {
  segment: number;
  status: SegmentStatus;
  /** Where it was cut: the completion's position of the token that was not sampled. */
  failure_point: number | null;
  /** Number of own tokens. */
  length: number;
  /** A value per own token; read by `top_entropy` only. */
  max_prob: ArrayLike<number>;
  entropy: ArrayLike<number>;
  /** Of the completion that ends here. */
  reward: number | null;
}

interface Prefix {
  tree: number;
  segment: number;
  fork_at: number;
  attempts: number;
}

interface Tree {
  rootsRunning: number;
  branchesLeft: number;
  prefixes: Prefix[];
}

/** How many completions of a prompt start from the prompt itself. */
export function rootsPerPrompt(parameters: StrategyParameters): number {
  return parameters.use_token_adaptive ? parameters.num_roots : parameters.num_generations;
}

/**
 * Decides which segments a generation round consists of. Event driven, so that a sampler can
 * refill a free place at once: it asks `start()`, reports every finished segment with
 * `finished()`, and generates whatever either returns until `done`.
 *
 * A segment that is cut always goes on (its prefix's attempt 1), so that a chain of cut segments
 * ends in exactly one answered path: every root ends with an answer, and a prompt never gets more
 * than `num_generations` of them. The remaining `num_generations − num_roots` completions branch
 * off the prompt's unsure places.
 */
export class RolloutPlan {
  readonly #parameters: StrategyParameters;
  readonly #random: () => number;
  readonly #trees: Tree[];
  readonly #requests = new Map<number, SegmentRequest>();
  readonly #roots: FinishedRoot[] = [];
  #issued = 0;
  #rootsRunning: number;

  /**
   * @param trees number of prompts in the round
   * @param random uniform in [0, 1); read by `fork_policy: random` only
   */
  constructor(parameters: StrategyParameters, trees: number, random: () => number) {
    const roots = rootsPerPrompt(parameters);
    this.#parameters = parameters;
    this.#random = random;
    this.#rootsRunning = trees * roots;
    this.#trees = Array.from({ length: trees }, () => ({
      rootsRunning: roots,
      branchesLeft: parameters.num_generations - roots,
      prefixes: [],
    }));
  }

  /** Whether everything that was asked for has been reported. */
  get done(): boolean {
    return this.#requests.size === 0;
  }

  /** The roots of every prompt. */
  start(): SegmentRequest[] {
    const watch_from = this.#cuts ? this.#parameters.min_prefix_length : null;
    return this.#trees.flatMap((_, tree) =>
      Array.from({ length: rootsPerPrompt(this.#parameters) }, () =>
        this.#request({ tree, parent: null, fork_at: 0, attempt: 0, watch_from }),
      ),
    );
  }

  /**
   * Takes what became of a request and returns what to generate next.
   *
   * @throws Error when the segment was never asked for, or was reported before
   */
  finished(outcome: SegmentOutcome): SegmentRequest[] {
    const request = this.#requests.get(outcome.segment);
    if (request === undefined) throw new Error(`segment ${outcome.segment} is not running`);
    this.#requests.delete(outcome.segment);
    return this.#parameters.use_token_adaptive
      ? this.#cuts
        ? this.#afterCut(request, outcome)
        : this.#afterRoot(request, outcome)
      : [];
  }

  /** Cutting without resampling would leave paths without an answer. */
  get #cuts(): boolean {
    const { use_token_adaptive, fork_policy, max_resamples_per_prefix } = this.#parameters;
    return use_token_adaptive && fork_policy === 'first_failure' && max_resamples_per_prefix > 0;
  }

  /** `first_failure`: a cut segment becomes a prefix, and its chain goes on. */
  #afterCut(request: SegmentRequest, outcome: SegmentOutcome): SegmentRequest[] {
    const tree = at(this.#trees, request.tree);
    const next: SegmentRequest[] = [];
    if (request.parent === null) tree.rootsRunning--;
    if (outcome.status === 'truncated') {
      const prefix: Prefix = {
        tree: request.tree,
        segment: request.segment,
        fork_at: request.fork_at + outcome.length,
        attempts: 0,
      };
      tree.prefixes.push(prefix);
      next.push(this.#resample(prefix));
    }
    // Branches wait until every root has shown where it is unsure: the quickest to fail must not
    // take them all.
    while (tree.rootsRunning === 0 && tree.branchesLeft > 0) {
      const prefix = tree.prefixes
        .filter((one) => one.attempts < this.#parameters.max_resamples_per_prefix)
        .sort((a, b) => a.attempts - b.attempts || a.segment - b.segment)[0];
      if (prefix === undefined) break;
      tree.branchesLeft--;
      next.push(this.#resample(prefix));
    }
    return next;
  }

  /** `top_entropy` and `random`: when every root of the round has ended, the forks are placed. */
  #afterRoot(request: SegmentRequest, outcome: SegmentOutcome): SegmentRequest[] {
    if (request.parent !== null) return [];
    this.#roots.push({
      tree: request.tree,
      segment: request.segment,
      reward: outcome.reward,
      candidates: forkCandidates(outcome, this.#parameters),
    });
    if (--this.#rootsRunning > 0) return [];
    const prefixes = new Map<string, Prefix>();
    return shareForks(this.#roots, this.#trees.length, this.#parameters, this.#random).map(
      ({ tree, segment, fork_at }) => {
        const key = `${segment}:${fork_at}`;
        const prefix = prefixes.get(key) ?? { tree, segment, fork_at, attempts: 0 };
        prefixes.set(key, prefix);
        return this.#resample(prefix);
      },
    );
  }

  #resample(prefix: Prefix): SegmentRequest {
    const attempt = ++prefix.attempts;
    const { tree, segment: parent, fork_at } = prefix;
    // The unsure decision itself is drawn again, and must not trip at once.
    const watch_from = this.#cuts ? fork_at + 1 : null;
    return this.#request({ tree, parent, fork_at, attempt, watch_from });
  }

  #request(place: Omit<SegmentRequest, 'segment' | 'temperature'>): SegmentRequest {
    const { temperature, adaptive_temperature_scale } = this.#parameters;
    const request: SegmentRequest = {
      ...place,
      segment: this.#issued++,
      temperature: temperature * adaptive_temperature_scale ** place.attempt,
    };
    this.#requests.set(request.segment, request);
    return request;
  }
}

function at<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new RangeError(`no item ${index}`);
  return item;
}
