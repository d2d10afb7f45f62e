export { parseModelConfig, type ModelConfig } from './config.ts';
export { initialWeights } from './initial.ts';
export { ComputePool, type OptimizerSnapshot, type PoolOptions } from './pool.ts';
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
  type RoundSettings,
  type RowLogprobs,
  type SupervisedRow,
  type SupervisedStatistics,
  type TrainingRow,
  type TrainStatistics,
} from './types.ts';
export {
  loadCheckpoint,
  loadOptimizer,
  saveCheckpoint,
  type Checkpoint,
  type SaveOptions,
} from './checkpoint.ts';
export { Tokenizer, type TokenTexts } from './tokenizer.ts';
