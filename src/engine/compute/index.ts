export {
  learningRateAt,
  schedulerTypes,
  type ScheduleOptions,
  type SchedulerType,
} from './schedule.ts';
export {
  lossTypes,
  optimizerDefaults,
  type GeneratedRound,
  type GeneratedSegment,
  type GenerateRequest,
  type GenerationCosts,
  type GenerationPlan,
  type LossOptions,
  type LossType,
  type OptimizerOptions,
  type RowLogprobs,
  type SupervisedRow,
  type SupervisedStatistics,
  type TrainingRow,
  type TrainStatistics,
} from './types.ts';
