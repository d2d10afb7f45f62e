import type { SegmentSummary } from './model/segment.ts';

/** One prompt of one step, with everything that was sampled for it. */
export interface PromptGroup {
  step: number;
  prompt_id: string;
  prompt: string;
  /** Segments of training, probes left out. */
  segments: number;
  /** Those of them that ended with an answer (status `complete` or `length`). */
  completions: number;
  truncated: number;
  resamples: number;
  /** Forks that a person asked for. */
  probes: number;
  /** Over the completions that have a reward; null where none has. */
  reward_mean: number | null;
  /** Population standard deviation, over the same. */
  reward_std: number | null;
  /** Completions whose accuracy reward is 1; null where no reward function is one of accuracy. */
  correct: number | null;
}

/** The trees of a run: segments by `(step, prompt_id)`, in the order they were written. */
export class Groups {
  readonly #trees = new Map<string, { step: number; id: string; segments: SegmentSummary[] }>();
  readonly #summaries = new Map<string, PromptGroup>();
  #list: readonly PromptGroup[] | undefined;

  static key(step: number, promptId: string): string {
    return `${step} ${promptId}`;
  }

  add(segments: readonly SegmentSummary[]): void {
    for (const segment of segments) {
      const key = Groups.key(segment.step, segment.prompt_id);
      const tree = this.#trees.get(key);
      if (tree) {
        tree.segments.push(segment);
      } else {
        const { step, prompt_id: id } = segment;
        this.#trees.set(key, { step, id, segments: [segment] });
      }
      this.#summaries.delete(key);
    }
    this.#list = undefined;
  }

  tree(step: number, promptId: string): readonly SegmentSummary[] {
    return this.#trees.get(Groups.key(step, promptId))?.segments ?? [];
  }

  /** By step, then in the order they were written. */
  list(): readonly PromptGroup[] {
    this.#list ??= [...this.#trees]
      .map(([key, tree]) => {
        const known = this.#summaries.get(key);
        if (known) return known;
        const summary = summarize(tree.step, tree.id, tree.segments);
        this.#summaries.set(key, summary);
        return summary;
      })
      .sort((a, b) => a.step - b.step);
    return this.#list;
  }
}

function summarize(
  step: number,
  prompt_id: string,
  segments: readonly SegmentSummary[],
): PromptGroup {
  const trained = segments.filter((segment) => segment.kind !== 'probe');
  const completions = trained.filter((segment) => segment.status !== 'truncated');
  const rewards = completions.flatMap((segment) => segment.reward ?? []);
  const mean = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
  const square = rewards.reduce((sum, reward) => sum + (reward - mean) ** 2, 0) / rewards.length;
  const accuracies = completions.flatMap((segment) => accuracyOf(segment) ?? []);
  return {
    step,
    prompt_id,
    prompt: segments.find((segment) => segment.prompt !== null)?.prompt ?? '',
    segments: trained.length,
    completions: completions.length,
    truncated: trained.length - completions.length,
    resamples: trained.filter((segment) => segment.kind === 'resample').length,
    probes: segments.length - trained.length,
    reward_mean: rewards.length === 0 ? null : mean,
    reward_std: rewards.length === 0 ? null : Math.sqrt(square),
    correct: accuracies.length === 0 ? null : accuracies.filter((value) => value >= 1).length,
  };
}

/**
 * The accuracy reward by TRL's and open-r1's names for it (`accuracy`, `accuracy_reward`, …), or by
 * that of somebody's own (`module:accuracy`).
 */
export function accuracyOf(segment: SegmentSummary): number | null {
  const name = Object.keys(segment.rewards ?? {}).find((each) =>
    /^(?:.*[:.])?accuracy[^:.]*$/.test(each),
  );
  return name === undefined ? null : (segment.rewards?.[name] ?? null);
}
