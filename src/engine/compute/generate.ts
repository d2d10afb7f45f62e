import type { SegmentRequest } from '../../strategy/index.ts';
import type { RoundCosts, WeightsVersion } from './protocol.ts';
import type { ComputeThread } from './thread.ts';
import type { GeneratedRound, GeneratedSegment, GenerateRequest, RoundSettings } from './types.ts';

/**
 * Runs a plan on the threads. All advance together, one token of every row at a time; a tree
 * stays on one thread, so that its prefixes are there. What ended in a tick is reported to the
 * plan thread by thread and row by row, so the plan sees the same order in every run.
 */
export async function generateRound(
  threads: readonly ComputeThread[],
  weights: WeightsVersion,
  request: GenerateRequest,
): Promise<GeneratedRound> {
  const { plan, onSegment, signal } = request;
  const settings: RoundSettings = {
    prompts: request.prompts,
    thresholds: request.thresholds,
    max_completion_length: request.max_completion_length,
    temperature: request.temperature,
    seed: request.seed,
    step: request.step,
    capture: request.capture,
    ...(request.slots === undefined ? {} : { slots: request.slots }),
  };
  const segments: GeneratedSegment[] = [];
  const paths = new CompletionPaths();
  await Promise.all(threads.map((t) => t.call({ task: 'begin_round', weights, settings })));
  try {
    let waiting = plan.start();
    const busy = threads.map(() => true);
    while (waiting.length > 0 || busy.includes(true)) {
      signal?.throwIfAborted();
      const share = (thread: number): SegmentRequest[] =>
        waiting.filter(({ tree }) => tree % threads.length === thread);
      const reports = await Promise.all(
        threads.map((thread, i) => {
          const requests = share(i);
          if (requests.length === 0 && busy[i] === false) return Promise.resolve(null);
          return thread.call({ task: 'tick', requests });
        }),
      );
      waiting = [];
      for (const [i, report] of reports.entries()) {
        if (report === null) continue;
        busy[i] = report.busy > 0;
        for (const segment of report.finished) {
          segments[segment.segment] = segment;
          const completion = paths.add(segment);
          const reward = (await onSegment?.(segment, completion)) ?? null;
          const { status, failure_point, max_prob, entropy, token_ids } = segment;
          waiting.push(
            ...plan.finished({
              segment: segment.segment,
              status,
              failure_point,
              length: token_ids.length,
              max_prob,
              entropy,
              reward,
            }),
          );
        }
      }
    }
  } catch (error) {
    // Frees the caches. Where a thread is gone, `error` says so, and this has nothing to add.
    await Promise.allSettled(threads.map((t) => t.call({ task: 'end_round' })));
    throw error;
  }
  if (!plan.done) throw new Error('the plan waits for segments that nobody generates');
  const ends = await Promise.all(threads.map((t) => t.call({ task: 'end_round' })));
  const total = (of: (costs: RoundCosts) => number) => ends.reduce((sum, one) => sum + of(one), 0);
  return {
    segments,
    costs: {
      generated: segments.reduce((sum, { token_ids }) => sum + token_ids.length, 0),
      reused: segments.reduce((sum, { fork_at }) => sum + fork_at, 0),
      prefilled: total(({ prefilled }) => prefilled),
      row_steps: total(({ row_steps }) => row_steps),
      batches: total(({ batches }) => batches),
    },
  };
}

/** Whole completions, put together from the segments of their paths. */
class CompletionPaths {
  readonly #completions = new Map<number, Int32Array>();

  add({ segment, parent, fork_at, token_ids }: GeneratedSegment): Int32Array {
    const before = parent === null ? null : this.#completions.get(parent);
    if (before === undefined) throw new Error(`segment ${segment} ended before its parent`);
    const completion = new Int32Array(fork_at + token_ids.length);
    if (before) completion.set(before.subarray(0, fork_at));
    completion.set(token_ids, fork_at);
    this.#completions.set(segment, completion);
    return completion;
  }
}
