import {
  batchDeviation,
  creditGroup,
  findFailure,
  forkPolicies,
  prefixCredits,
  rewardDeviation,
  rewardMean,
  RolloutPlan,
  stepMetrics,
  strategyDefaults,
  treeBaselines,
  uncertaintyOf,
  uncertaintyOfTop,
  type SegmentRequest,
  type StrategyParameters,
} from '../../src/strategy/index.ts';
import { generator, playRound, type Generated } from '../unit/strategy/rollout.ts';

/** The cases of `strategy.json`, each with its input and what the strategy answers now. */
export function strategyVectors(): Record<string, object[]> {
  const rounds = forkPolicies.flatMap((fork_policy) =>
    [1, 2, 3].map((seed) => playedRound({ ...small, fork_policy }, seed)),
  );
  rounds.push(playedRound({ ...small, use_token_adaptive: false }, 4));
  rounds.push(playedRound({ ...small, max_resamples_per_prefix: 0 }, 5));
  return {
    uncertainty: uncertaintyCases(),
    failure: failureCases(),
    plan: rounds.map(({ vector }) => vector),
    credit: [
      ...rounds.flatMap(({ generated }, i) => creditCases(generated, i)),
      ...stubCases(rounds[0]?.generated ?? [], rounds.length),
    ],
    metrics: rounds.map(({ generated }, i) => metricsCase(generated, i * 10)),
  };
}

const small: StrategyParameters = {
  ...strategyDefaults,
  num_generations: 6,
  num_roots: 3,
  min_prefix_length: 4,
  temperature: 0.9,
};

function uncertaintyCases(): object[] {
  const random = generator(7);
  return [1, 2, 5, 30].map((size) => {
    const logits = Array.from({ length: size }, () => Number((random() * 12 - 6).toFixed(3)));
    const total = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
    const top_logprobs = logits
      .map((logit) => logit - total)
      .sort((a, b) => b - a)
      .slice(0, 3);
    return {
      logits,
      expected: uncertaintyOf(logits),
      top_logprobs,
      expected_of_top: uncertaintyOfTop(top_logprobs),
    };
  });
}

function failureCases(): object[] {
  const tokens = { max_prob: [0.1, 0.7, 0.95, 0.69, 0.9], entropy: [3, 2, 2.01, 0.9, 0.2] };
  return [
    [0, 0],
    [0, 1],
    [0, 3],
    [0, 4],
    [20, 15],
    [20, 21],
  ].map(([fork_at = 0, watch_from = 0]) => ({
    ...tokens,
    fork_at,
    watch_from,
    uncertainty_threshold: 0.7,
    entropy_threshold: 2,
    expected: findFailure(tokens.max_prob, tokens.entropy, fork_at, watch_from, strategyDefaults),
  }));
}

/** A round that was played, told again report by report. */
function playedRound(parameters: StrategyParameters, seed: number) {
  const trees = 2;
  const generated = playRound(parameters, trees, seed, 24);
  const numbers: number[] = [];
  const random = generator(seed + 100);
  const plan = new RolloutPlan(parameters, trees, () => {
    const number = random();
    numbers.push(number);
    return number;
  });
  const started = plan.start();
  const outcomes = new Map(generated.map((one) => [one.segment, one.outcome]));
  const queue: SegmentRequest[] = [...started];
  const again: Generated[] = [];
  const reports: object[] = [];
  // Last in, first out: a different order from the one in which the round was made.
  for (let request = queue.pop(); request !== undefined; request = queue.pop()) {
    const outcome = outcomeFor(request, outcomes, again.length);
    const requests = plan.finished(outcome);
    queue.push(...requests);
    reports.push({ outcome: rounded(outcome), requests });
    again[request.segment] = { ...request, ...outcome, request, outcome };
  }
  return {
    generated: again,
    vector: { parameters, trees, random: numbers, started, reports },
  };
}

/** What a request of the retold round came to: a finished path where its twin was another one. */
function outcomeFor(
  request: SegmentRequest,
  outcomes: ReadonlyMap<number, Generated['outcome']>,
  reported: number,
): Generated['outcome'] {
  const twin = outcomes.get(request.segment);
  if (twin !== undefined && (twin.failure_point === null || request.watch_from !== null)) {
    const failure_point = twin.failure_point === null ? null : request.fork_at + twin.length;
    return { ...rounded(twin), failure_point };
  }
  const reward = (reported % 3) / 2;
  return { ...finished, segment: request.segment, reward };
}

const finished = {
  status: 'complete',
  failure_point: null,
  length: 6,
  max_prob: [1, 1, 1, 0.9, 1, 1],
  entropy: [0, 0, 0, 0.3, 0, 0.1],
} as const;

/** The same outcome with short numbers, and plain arrays. */
function rounded(outcome: Generated['outcome']): Generated['outcome'] {
  const short = (values: ArrayLike<number>) =>
    Array.from(values, (value) => Number(value.toFixed(4)));
  return { ...outcome, max_prob: short(outcome.max_prob), entropy: short(outcome.entropy) };
}

function groupsOf(generated: readonly Generated[]): Generated[][] {
  return [...Map.groupBy(generated, (one) => one.request.tree).values()];
}

function creditCases(generated: readonly Generated[], round: number): object[] {
  const prefixCredit = (i: number) => prefixCredits[(round + i) % prefixCredits.length];
  const tree_baseline = treeBaselines[round % treeBaselines.length] ?? 'other_roots';
  return groupsOf(generated).map((group, i) =>
    creditCase(generated, group, round, { prefix_credit: prefixCredit(i) ?? 'children', tree_baseline }),
  );
}

/** Cut segments that were scored as they stand, with a score of their own each. */
function stubCases(generated: readonly Generated[], round: number): object[] {
  return treeBaselines.flatMap((tree_baseline, i) => {
    const scored = generated.map((one) =>
      one.status === 'truncated' ? { ...one, reward: (one.segment % 4) / 4 } : one,
    );
    return groupsOf(scored).map((group) =>
      creditCase(scored, group, round + i, { prefix_credit: 'stub', tree_baseline }),
    );
  });
}

function creditCase(
  generated: readonly Generated[],
  group: readonly Generated[],
  round: number,
  parameters: Pick<StrategyParameters, 'prefix_credit' | 'tree_baseline'>,
): object {
    const segments = group.map(({ segment, parent, fork_at, length, status, reward }) => ({
      segment,
      parent,
      fork_at,
      length,
      status,
      reward,
    }));
    const scale = (['group', 'none', 0.25] as const)[round % 3] ?? 'none';
    const credited = creditGroup(segments, parameters, scale);
    return {
      segments,
      prefix_credit: parameters.prefix_credit,
      tree_baseline: parameters.tree_baseline,
      scale,
      reward_mean: rewardMean(segments),
      reward_deviation: rewardDeviation(segments),
      // Over all cases of the same round.
      round,
      batch_deviation: batchDeviation(groupsOf(generated)),
      expected: credited.map(({ advantage, weight, ...rest }) => ({
        ...rest,
        advantage: [...advantage],
        weight: [...weight],
      })),
    };
}

function metricsCase(generated: readonly Generated[], rollouts_before: number): object {
  const groups = groupsOf(generated).map((group) => {
    const parameters = { prefix_credit: 'children', tree_baseline: 'other_roots' } as const;
    const credited = creditGroup(group, parameters, 'none');
    return group.map((one, i) => ({
      segment: one.segment,
      parent: one.parent,
      fork_at: one.fork_at,
      attempt: one.request.attempt,
      length: one.length,
      status: one.status,
      failure_point: one.outcome.failure_point,
      reward: one.reward,
      right: one.reward === null ? null : one.reward > 0.5,
      value: credited[i]?.value ?? null,
    }));
  });
  return { groups, rollouts_before, expected: stepMetrics(groups, rollouts_before) };
}
