import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ModelConfig } from '../../../../src/engine/compute/config.ts';
import { ComputePool } from '../../../../src/engine/compute/pool.ts';
import type {
  GeneratedRound,
  GeneratedSegment,
  GenerateRequest,
  GenerationPlan,
  RowLogprobs,
} from '../../../../src/engine/compute/types.ts';
import {
  RolloutPlan,
  strategyDefaults,
  type SegmentOutcome,
  type SegmentRequest,
  type StrategyParameters,
} from '../../../../src/strategy/index.ts';
import { oracleModel } from './oracle.ts';

let config: ModelConfig;
let weights: Float32Array;
const pools: ComputePool[] = [];
const shared = new Map<number, ComputePool>();

before(async () => {
  ({ config, weights } = await oracleModel('tied'));
});
after(() => Promise.all(pools.map((pool) => pool.stop())));

function fresh(threads: number, changes: Partial<ModelConfig> = {}): ComputePool {
  const made = new ComputePool({ ...config, ...changes }, weights, { threads });
  pools.push(made);
  return made;
}

/** Kept for all tests: what a thread has compiled once it needn't compile again. */
function pool(threads: number): ComputePool {
  const made = shared.get(threads) ?? fresh(threads);
  shared.set(threads, made);
  return made;
}

const prompts = [[5, 9, 20], [7], [30, 31, 32, 33, 34], [11, 12, 13, 14], [99, 98, 97]].map((ids) =>
  Int32Array.from(ids),
);

const adaptive: StrategyParameters = {
  ...strategyDefaults,
  min_prefix_length: 3,
  // The random model is unsure everywhere: this cuts about one token in five.
  uncertainty_threshold: 0.25,
  entropy_threshold: 10,
  num_generations: 6,
  num_roots: 3,
};

function request(
  parameters: StrategyParameters,
  changes: Partial<GenerateRequest> = {},
): GenerateRequest {
  const trees = (changes.prompts ?? prompts).length;
  return {
    prompts,
    plan: new RolloutPlan(parameters, trees, () => 0.5),
    thresholds: parameters,
    max_completion_length: 20,
    temperature: parameters.temperature,
    seed: 3,
    step: 1,
    capture: { top_k: 4, below: 0.9 },
    ...changes,
  };
}

/** The whole path's tokens up to the end of a segment. */
function completionOf(round: GeneratedRound, segment: GeneratedSegment): number[] {
  const parent = segment.parent === null ? undefined : round.segments[segment.parent];
  const kept = parent ? completionOf(round, parent).slice(0, segment.fork_at) : [];
  return [...kept, ...segment.token_ids];
}

test('every token costs one row-step of the decoder, every prompt one prefill', async () => {
  for (const [threads, slots] of [
    [1, 32],
    [2, 32],
    [2, 8],
  ] as const) {
    for (const parameters of [adaptive, { ...adaptive, use_token_adaptive: false }]) {
      const round = await pool(threads).generate(request(parameters, { slots }));
      const own = round.segments.reduce((sum, { token_ids }) => sum + token_ids.length, 0);
      assert.equal(round.costs.generated, own);
      assert.equal(round.costs.row_steps, own);
      const prefix = prompts.reduce((sum, prompt) => sum + prompt.length - 1, 0);
      assert.equal(round.costs.prefilled, prefix);
      assert.equal(
        round.costs.reused,
        round.segments.reduce((sum, { fork_at }) => sum + fork_at, 0),
      );
      if (parameters.use_token_adaptive) {
        assert.ok(round.segments.some(({ status }) => status === 'truncated'));
        assert.ok(round.costs.reused > 0);
      }
      const answered = round.segments.filter(({ status }) => status !== 'truncated');
      assert.equal(answered.length, prompts.length * parameters.num_generations);
    }
  }
});

for (const fork_policy of ['first_failure', 'top_entropy', 'random'] as const) {
  test(`what is recorded is what the whole model says (${fork_policy})`, async () => {
    const temperature = 0.8;
    const parameters = { ...adaptive, fork_policy, temperature };
    const compute = pool(2);
    const round = await compute.generate(request(parameters, { slots: 8 }));
    assert.ok(round.segments.some(({ parent }) => parent !== null));
    const rows = round.segments.map((segment) => ({
      prompt_ids: prompts[segment.tree] ?? new Int32Array(),
      completion_ids: Int32Array.from(completionOf(round, segment)),
    }));
    const temperatures = new Set([1, temperature, ...round.segments.map((s) => s.temperature)]);
    const said = new Map<number, RowLogprobs[]>();
    for (const one of temperatures) said.set(one, await compute.logprobs(rows, one));
    for (const [i, segment] of round.segments.entries()) {
      const { fork_at, token_ids, train_logprob, entropy, max_prob, top } = segment;
      const at1 = said.get(1)?.[i];
      for (let at = 0; at < token_ids.length; at++) {
        const close = (a: number | undefined, b: number | undefined, tolerance: number) =>
          assert.ok(
            Math.abs((a ?? NaN) - (b ?? NaN)) < tolerance,
            `segment ${i}, token ${at}: ${a}, ${b}`,
          );
        close(train_logprob[at], said.get(temperature)?.[i]?.logprob[fork_at + at], 1e-4);
        close(segment.logprob[at], said.get(segment.temperature)?.[i]?.logprob[fork_at + at], 1e-4);
        // Half precision: 11 bits.
        close(entropy[at], at1?.entropy[fork_at + at], 4e-3);
        const alternatives = top.get(at);
        assert.equal(alternatives !== undefined, (max_prob[at] ?? 1) < 0.9);
        if (alternatives) {
          assert.equal(alternatives.ids.length, 4);
          close(Math.exp(alternatives.logprobs[0] ?? NaN), max_prob[at], 1e-3);
          const place = alternatives.ids.indexOf(token_ids[at] ?? -1);
          if (place >= 0) close(alternatives.logprobs[place], at1?.logprob[fork_at + at], 1e-4);
        }
      }
    }
  });
}

test('a cut segment keeps what the policy thought where it was cut', async () => {
  const round = await pool(1).generate(request(adaptive));
  const cut = round.segments.filter(({ status }) => status === 'truncated');
  assert.ok(cut.length > 0);
  for (const segment of cut) {
    assert.equal(segment.trigger, 'max_prob');
    assert.equal(segment.failure_point, segment.fork_at + segment.token_ids.length);
    assert.ok((segment.failure_max_prob ?? 1) < 0.25);
    assert.ok((segment.failure_entropy ?? 0) > 0);
    assert.equal(segment.failure_top?.ids.length, 4);
    // The continuation's first token stands where the parent was cut, and is as unsure.
    const next = round.segments.find(({ parent }) => parent === segment.segment);
    assert.ok(next);
    assert.equal(next.fork_at, segment.failure_point);
    assert.equal(next.max_prob[0], segment.failure_max_prob);
    assert.equal(next.entropy[0], segment.failure_entropy);
  }
});

test('the same seed gives the same rollouts; another seed or step others', async () => {
  const compute = pool(2);
  const run = (changes: Partial<GenerateRequest> = {}) =>
    compute.generate(request(adaptive, changes));
  const first = await run();
  assert.deepEqual(await run(), first);
  const ids = (round: GeneratedRound) => round.segments.map(({ token_ids }) => [...token_ids]);
  assert.notDeepEqual(ids(await run({ seed: 4 })), ids(first));
  assert.notDeepEqual(ids(await run({ step: 2 })), ids(first));
});

test('neither threads, nor slots, nor the rows beside it change what is drawn', async () => {
  const plain = { ...adaptive, use_token_adaptive: false };
  const ids = (round: GeneratedRound) => round.segments.map(({ token_ids }) => [...token_ids]);
  const first = ids(await pool(1).generate(request(plain)));
  assert.deepEqual(ids(await pool(2).generate(request(plain))), first);
  assert.deepEqual(ids(await pool(1).generate(request(plain, { slots: 8 }))), first);
  const alone = await pool(1).generate(request(plain, { prompts: prompts.slice(0, 1) }));
  assert.deepEqual(ids(alone), first.slice(0, plain.num_generations));
});

test('temperature 0 is greedy, and a completion ends at its end token or its length', async () => {
  const greedy = { ...adaptive, use_token_adaptive: false, temperature: 0, num_generations: 2 };
  const compute = pool(1);
  const round = await compute.generate(request(greedy, { temperature: 1 }));
  const [a, b] = round.segments;
  assert.ok(a && b);
  assert.deepEqual(a.token_ids, b.token_ids);
  for (const { token_ids, top, status } of round.segments) {
    token_ids.forEach((id, at) => {
      const best = top.get(at);
      if (best) assert.equal(id, best.ids[0]);
    });
    const end = token_ids.indexOf(1);
    assert.equal(status, end >= 0 ? 'complete' : 'length');
    assert.equal(token_ids.length, end >= 0 ? end + 1 : 20);
  }
  // With every token an end token, completions have one token.
  const all = Array.from({ length: config.vocab_size }, (_, i) => i);
  const short = fresh(1, { eos_token_ids: all });
  const ended = await short.generate(request(greedy, { temperature: 1 }));
  assert.ok(ended.segments.every((s) => s.token_ids.length === 1 && s.status === 'complete'));
});

test('a branch may start anywhere on a path, long after its row went to another', async () => {
  // Root, a child of it, a child of that; then forks below, at and above each fork point.
  class Ladder implements GenerationPlan {
    readonly #forks = [
      { parent: 0, fork_at: 6 },
      { parent: 1, fork_at: 12 },
      { parent: 0, fork_at: 15 },
      { parent: 1, fork_at: 9 },
      { parent: 2, fork_at: 4 },
      { parent: 2, fork_at: 16 },
      { parent: 0, fork_at: 0 },
    ];
    done = false;
    #issued = 0;
    start(): SegmentRequest[] {
      return [this.#request(null, 0)];
    }
    finished(_: SegmentOutcome): SegmentRequest[] {
      const fork = this.#forks.shift();
      this.done = fork === undefined;
      return fork ? [this.#request(fork.parent, fork.fork_at)] : [];
    }
    #request(parent: number | null, fork_at: number): SegmentRequest {
      const segment = this.#issued++;
      return { tree: 0, segment, parent, fork_at, attempt: 0, temperature: 1, watch_from: null };
    }
  }
  const endless = fresh(1, { eos_token_ids: [] });
  const round = await endless.generate(
    request(adaptive, { prompts: prompts.slice(2, 3), plan: new Ladder() }),
  );
  assert.equal(round.segments.length, 8);
  const rows = round.segments.map((segment) => ({
    prompt_ids: prompts[2] ?? new Int32Array(),
    completion_ids: Int32Array.from(completionOf(round, segment)),
  }));
  const expected = await endless.logprobs(rows, 1);
  for (const [i, { fork_at, logprob }] of round.segments.entries())
    logprob.forEach((value, at) => {
      const whole = expected[i]?.logprob[fork_at + at] ?? NaN;
      assert.ok(Math.abs(value - whole) < 1e-4, `segment ${i}, token ${at}: ${value}, ${whole}`);
    });
  assert.equal(round.costs.row_steps, round.costs.generated);
});

test('a round can be aborted, and what a plan or a reward throws arrives', async () => {
  const compute = pool(2);
  const abort = new AbortController();
  const reason = new Error('stopped by hand');
  await assert.rejects(
    compute.generate(
      request(adaptive, { signal: abort.signal, onSegment: () => (abort.abort(reason), null) }),
    ),
    reason,
  );
  const broken = new Error('the reward broke');
  await assert.rejects(
    compute.generate(request(adaptive, { onSegment: () => Promise.reject(broken) })),
    broken,
  );
  // The pool goes on.
  const round = await compute.generate(request(adaptive));
  assert.ok(round.segments.length > 0);
});

test('rewards reach the plan, and completions are whole paths', async () => {
  const seen: number[] = [];
  const outcomes: (number | null)[] = [];
  const plan = new RolloutPlan(adaptive, prompts.length, () => 0.5);
  const spying: GenerationPlan = {
    start: () => plan.start(),
    finished: (outcome) => {
      outcomes.push(outcome.reward);
      return plan.finished(outcome);
    },
    get done() {
      return plan.done;
    },
  };
  const round = await pool(2).generate(
    request(adaptive, {
      plan: spying,
      onSegment: (segment, completion) => {
        assert.equal(completion.length, segment.fork_at + segment.token_ids.length);
        seen.push(completion.length);
        return segment.status === 'truncated' ? null : completion.length;
      },
    }),
  );
  assert.equal(seen.length, round.segments.length);
  assert.deepEqual(
    outcomes.filter((reward) => reward === null).length,
    round.segments.filter(({ status }) => status === 'truncated').length,
  );
});

test('a policy that blew up is noticed when it generates', async () => {
  const compute = new ComputePool(
    config,
    weights.map(() => NaN),
    { threads: 1 },
  );
  pools.push(compute);
  await assert.rejects(compute.generate(request(adaptive)), {
    name: 'PlainError',
    message: /no finite probabilities/,
    next: /learning_rate/,
  });
});

test('a thread that dies refuses what was asked of it', async () => {
  const compute = fresh(2);
  const running = compute.generate(request({ ...adaptive, num_generations: 60, num_roots: 60 }));
  await Promise.all([
    assert.rejects(running, { name: 'PlainError', message: /compute thread/ }),
    compute.stop(),
  ]);
  await assert.rejects(compute.logprobs([], 1), { name: 'PlainError' });
});
