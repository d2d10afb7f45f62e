import type {
  GenerateRequest,
  GeneratedRound,
  LossOptions,
  OptimizerOptions,
  RowLogprobs,
  TrainStatistics,
  TrainingRow,
} from './compute/index.ts';

export interface Tokenizer {
  encode(text: string): Int32Array;
  decode(ids: ArrayLike<number>): string;
  decodeWithEnds(ids: ArrayLike<number>): { text: string; token_ends: Int32Array };
}
export interface Policy {
  readonly tokenizer: Tokenizer;
  generate(request: GenerateRequest): Promise<GeneratedRound>;
  train(
    rows: readonly TrainingRow[],
    loss: LossOptions,
    optimizer: OptimizerOptions,
  ): Promise<TrainStatistics>;
  logprobs(rows: readonly TrainingRow[], temperature: number): Promise<RowLogprobs[]>;
  save(folder: string): Promise<void>;
  dispose(): Promise<void>;
}
