import type { SegmentRequest } from '../../strategy/index.ts';
import type { ModelConfig } from './config.ts';
import type { Chunk, ChunkScalars, ChunkValues } from './replica.ts';
import type { GeneratedSegment, OptimizerOptions, RoundSettings } from './types.ts';

/** What the threads share. All arrays lie in SharedArrayBuffers, in `weightLayout`'s order. */
export interface SharedModel {
  config: ModelConfig;
  weights: Float32Array;
  /** The reference policy's weights, where there is one. */
  reference: Float32Array | null;
  /** One gradient a thread. */
  gradients: Float32Array[];
  exp_avg: Float32Array;
  exp_avg_sq: Float32Array;
}

/** Names the weights a computation uses: which, and how often they have changed. */
export interface WeightsVersion {
  source: 'policy' | 'reference';
  version: number;
}

/** What a worker is asked; each is answered by the value of the same name in `WorkerAnswers`. */
export type WorkerTask =
  /** Sets this thread's gradient to the sum over the chunks. */
  | { task: 'gradients'; weights: WeightsVersion; chunks: Chunk[]; scalars: ChunkScalars }
  | { task: 'values'; weights: WeightsVersion; chunks: Chunk[]; temperature: number }
  /** Sums all threads' gradients and applies AdamW; on one thread only. `step`: applied before. */
  | { task: 'update'; options: OptimizerOptions; step: number }
  | { task: 'begin_round'; weights: WeightsVersion; settings: RoundSettings }
  /** Takes new requests and decodes one position of every running row. */
  | { task: 'tick'; requests: SegmentRequest[] }
  | { task: 'end_round' };

export interface WorkerAnswers {
  gradients: { loss: number; values: ChunkValues[] };
  values: ChunkValues[];
  update: { grad_norm: number; applied: boolean };
  begin_round: null;
  tick: TickReport;
  end_round: RoundCosts;
}

export interface TickReport {
  finished: GeneratedSegment[];
  /** Rows running and waiting. */
  busy: number;
}

export interface RoundCosts {
  prefilled: number;
  row_steps: number;
  batches: number;
}

export interface WorkerCall {
  id: number;
  call: WorkerTask;
}

export type WorkerReply =
  | { id: number; ok: true; answer: WorkerAnswers[keyof WorkerAnswers] }
  | { id: number; ok: false; message: string; next: string | null; stack: string };

export interface WorkerStart {
  index: number;
  model: SharedModel;
}
