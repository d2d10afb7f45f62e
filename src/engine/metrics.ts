import { rewardMean, stepMetrics, type MeasuredSegment } from '../strategy/index.ts';
import type { TrainStatistics } from './compute/index.ts';
import { measuredSegments, type Round } from './round.ts';

/**
 * What one generation round looked like. `rewards/<name>` weigh every root the same, like `reward`;
 * the rates of `completions/*` are over answered completions. Times are seconds.
 *
 * @param segmentsBefore segments of all earlier rounds
 */
export function roundMetrics(round: Round, segmentsBefore: number): Record<string, number> {
  const groups = measuredSegments(round);
  const answered = round.groups
    .flatMap((group) => group.segments)
    .filter(({ status }) => status !== 'truncated');
  const lengths = answered.map(({ fork_at, token_ids }) => fork_at + token_ids.length);
  const clipped = answered.filter(({ status }) => status === 'length').length;
  return {
    ...stepMetrics(groups, segmentsBefore),
    ...rewardsByFunction(round, groups),
    ...(answered.length === 0
      ? {}
      : {
          'completions/mean_length': mean(lengths),
          'completions/clipped_ratio': clipped / answered.length,
        }),
    'time/generate': round.time.generate / 1000,
    'time/score': round.time.score / 1000,
  };
}

/** Statistics of one optimizer step under the names of events and charts. */
export function trainMetrics(statistics: TrainStatistics): Record<string, number> {
  return {
    loss: statistics.loss,
    entropy: statistics.entropy,
    kl: statistics.kl,
    grad_norm: statistics.grad_norm,
    clip_ratio: statistics['clip_ratio/region_mean'],
    'clip_ratio/low_mean': statistics['clip_ratio/low_mean'],
    'clip_ratio/high_mean': statistics['clip_ratio/high_mean'],
    'adaptive/importance_ess': statistics.importance_ess,
    'adaptive/importance_mean': statistics.importance_mean,
  };
}

function rewardsByFunction(
  round: Round,
  groups: readonly (readonly MeasuredSegment[])[],
): Record<string, number> {
  const names = new Set(
    round.groups.flatMap(({ segments }) =>
      segments.flatMap(({ score }) => Object.keys(score?.rewards ?? {})),
    ),
  );
  const metrics: Record<string, number> = {};
  for (const name of names) {
    const means = round.groups.flatMap(({ segments }, g) => {
      const scored = (groups[g] ?? []).map((segment, i) => ({
        ...segment,
        reward: segments[i]?.score?.rewards[name] ?? null,
      }));
      return rewardMean(scored) ?? [];
    });
    if (means.length > 0) metrics[`rewards/${name}`] = mean(means);
  }
  return metrics;
}

function mean(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}
