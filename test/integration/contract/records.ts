import assert from 'node:assert/strict';
import type { SegmentSummary } from '../../../src/run/model/segment.ts';
import { RunStore } from '../../../src/run/store.ts';

/** Float32 sums of a few thousand values agree to this. */
const TOLERANCE = 1e-5;

export const near = (a: number | undefined, b: number, what: string): void =>
  assert.ok(a !== undefined && Math.abs(a - b) < TOLERANCE, `${what}: ${String(a)} is not ${b}`);

const mean = (values: readonly number[]) =>
  values.reduce((total, value) => total + value, 0) / values.length;

/** The segments of each step. */
export function segmentsByStep(store: RunStore): Map<number, SegmentSummary[]> {
  const segments = new Map<number, SegmentSummary[]>();
  for (const { step, prompt_id } of store.groups()) {
    segments.set(step, [...(segments.get(step) ?? []), ...store.tree(step, prompt_id)]);
  }
  return segments;
}

/** What the steps say is what the recorded rows come to; steps follow each other from 1. */
export function assertAddsUp(store: RunStore): void {
  const segments = segmentsByStep(store);
  let [generated, reused, total] = [0, 0, 0];
  store.steps.forEach(({ step, metrics }, i) => {
    assert.equal(step, i + 1);
    const rows = (segments.get(step) ?? []).filter(({ kind }) => kind !== 'probe');
    const at = `of step ${step}`;
    generated += rows.reduce((sum, { length }) => sum + length, 0);
    reused += rows.reduce((sum, { fork_at }) => sum + fork_at, 0);
    total += rows.length;
    near(metrics['tokens/generated'], generated, `tokens/generated ${at}`);
    near(metrics['tokens/reused'], reused, `tokens/reused ${at}`);
    near(metrics['adaptive/total_rollouts'], total, `adaptive/total_rollouts ${at}`);
    const cut = rows.filter(({ status }) => status === 'truncated');
    near(metrics['adaptive/truncation_rate'], cut.length / rows.length, `truncation_rate ${at}`);
    const resamples = rows.filter(({ kind }) => kind === 'resample');
    near(metrics['adaptive/resample_rate'], resamples.length / rows.length, `resample_rate ${at}`);
    if (cut.length > 0) {
      const points = cut.map(({ failure_point }) => failure_point ?? NaN);
      near(metrics['adaptive/avg_failure_point'], mean(points), `avg_failure_point ${at}`);
    }
    assert.ok((metrics.reward ?? -1) >= 0 && (metrics['rewards/format'] ?? -1) >= 0, at);
    for (const name of ['loss', 'entropy', 'clip_ratio', 'grad_norm', 'learning_rate']) {
      assert.ok(Number.isFinite(metrics[name]), `${name} ${at}`);
    }
  });
}

/** The metrics of every step that count, that is, all but how long things took. */
export async function metricsOf(directory: string): Promise<[number, Record<string, number>][]> {
  const store = await RunStore.open(directory);
  try {
    return store.steps.map(({ step, metrics }) => [
      step,
      Object.fromEntries(Object.entries(metrics).filter(([name]) => !name.startsWith('time/'))),
    ]);
  } finally {
    store.dispose();
  }
}

/** What views show of a run's trees. */
export async function shownOf(directory: string): Promise<object[]> {
  const store = await RunStore.open(directory);
  try {
    assert.deepEqual(store.problems, []);
    return store.groups().map(({ step, prompt_id, segments, reward_mean }) => ({
      ...{ step, prompt_id, segments, reward_mean },
    }));
  } finally {
    store.dispose();
  }
}
