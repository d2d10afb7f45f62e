export {
  batchDeviation,
  creditGroup,
  rewardDeviation,
  rewardMean,
  type CreditParameters,
  type SegmentCredit,
} from './credit.ts';
export { stepMetrics, type MeasuredSegment } from './metrics.ts';
export {
  forkPolicies,
  prefixCredits,
  strategyDefaults,
  treeBaselines,
  type ForkPolicy,
  type PrefixCredit,
  type StrategyParameters,
  type TreeBaseline,
} from './parameters.ts';
export { RolloutPlan, rootsPerPrompt, type SegmentOutcome, type SegmentRequest } from './plan.ts';
export {
  decisions,
  mergeReplays,
  replayTree,
  unsurePlaces,
  type Decision,
  type RecordedSegment,
  type Replay,
  type UnsurePlace,
} from './replay.ts';
export {
  segmentStatuses,
  segmentTriggers,
  type SegmentStatus,
  type SegmentTrigger,
  type TreeSegment,
} from './segment.ts';
export {
  findFailure,
  triggerAt,
  uncertaintyOf,
  uncertaintyOfTop,
  type Failure,
  type Thresholds,
  type Uncertainty,
} from './uncertainty.ts';
