import {
  findFailure,
  RolloutPlan,
  type SegmentOutcome,
  type SegmentRequest,
  type StrategyParameters,
  type TreeSegment,
} from '../../../src/strategy/index.ts';

/** A random generator for tests: uniform in [0, 1), the same for the same seed (mulberry32). */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export interface Generated extends TreeSegment {
  request: SegmentRequest;
  outcome: SegmentOutcome;
}

/**
 * Plays a whole round against a policy that is a table of random numbers: every path ends after a
 * random number of tokens, and is unsure at random places. `pick` chooses which of the running
 * segments ends next, as a sampler with few slots would.
 */
export function playRound(
  parameters: StrategyParameters,
  trees: number,
  seed: number,
  longest = 40,
): Generated[] {
  const random = generator(seed);
  const plan = new RolloutPlan(parameters, trees, random);
  const running = plan.start();
  const generated: Generated[] = [];
  while (running.length > 0) {
    const [request] = running.splice(Math.floor(random() * running.length), 1);
    if (request === undefined) throw new Error('nothing is running');
    const outcome = sample(request, parameters, random, longest);
    generated[request.segment] = {
      ...request,
      length: outcome.length,
      status: outcome.status,
      reward: outcome.reward,
      request,
      outcome,
    };
    running.push(...plan.finished(outcome));
  }
  if (!plan.done) throw new Error('the plan waits for a segment it never asked for');
  return generated;
}

function sample(
  request: SegmentRequest,
  parameters: StrategyParameters,
  random: () => number,
  longest: number,
): SegmentOutcome {
  const length = 1 + Math.floor(random() * Math.max(1, longest - request.fork_at));
  const max_prob = Array.from({ length }, () => 1 - random() ** 3);
  const entropy = max_prob.map((p) => 3 * (1 - p));
  const failure =
    request.watch_from === null
      ? null
      : findFailure(max_prob, entropy, request.fork_at, request.watch_from, parameters);
  const kept = failure === null ? length : failure.failure_point - request.fork_at;
  return {
    segment: request.segment,
    status: failure !== null ? 'truncated' : random() < 0.9 ? 'complete' : 'length',
    failure_point: failure?.failure_point ?? null,
    length: kept,
    max_prob: max_prob.slice(0, kept),
    entropy: entropy.slice(0, kept),
    reward: failure !== null ? null : random() < 0.05 ? null : Math.round(random() * 4) / 4,
  };
}
