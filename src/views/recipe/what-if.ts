import {
  mergeReplays,
  replayTree,
  type Replay,
  type StrategyParameters,
} from '../../strategy/index.ts';
import type { RecordedPrompts } from './recorded.ts';

/** Figures of a replay, as a person compares them. Shares are in [0, 1]; null: nothing to divide. */
export interface WhatIf {
  replay: Replay;
  tokenShare: number | null;
  rolloutShare: number | null;
  /** Position of the first trigger, in tokens: the middle one. */
  medianFailure: number | null;
  /** Share of the tokens of as many unshared completions that need not be sampled. */
  savedShare: number | null;
}

export function whatIf({ prompts }: RecordedPrompts, parameters: StrategyParameters): WhatIf {
  const random = evenly();
  const replay = mergeReplays(prompts.map((each) => replayTree(each, parameters, random)));
  const sorted = replay.first_failures.toSorted((a, b) => a - b);
  return {
    replay,
    tokenShare: share(replay.triggered, replay.tokens),
    rolloutShare: share(replay.first_failures.length, replay.rollouts),
    medianFailure: sorted[Math.floor(sorted.length / 2)] ?? null,
    savedShare: share(replay.unshared - replay.generated, replay.unshared),
  };
}

const share = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);

/** Stands in for chance (`fork_policy: random`), so that the same recipe says the same twice. */
function evenly(): () => number {
  let turn = 0;
  return () => (turn = (turn + 0.618034) % 1);
}

/** How often a value falls into each of a few equal bins over all values. */
export interface Bin {
  /** First and last value of the bin. */
  from: number;
  to: number;
  count: number;
}

/** @param values whole numbers from 0 on */
export function histogram(values: readonly number[], most: number): Bin[] {
  if (values.length === 0) return [];
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  const width = Math.max(1, Math.ceil((high - low + 1) / most));
  const bins: Bin[] = [];
  for (let from = low; from <= high; from += width) {
    bins.push({ from, to: from + width - 1, count: 0 });
  }
  for (const value of values) {
    const bin = bins[Math.floor((value - low) / width)];
    if (bin) bin.count += 1;
  }
  return bins;
}
