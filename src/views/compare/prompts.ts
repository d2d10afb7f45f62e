import {
  alignPrompts,
  alignTrees,
  firstDifference,
  sortPrompts,
  type AlignedLeaf,
  type AlignedPrompt,
  type LeafPair,
} from '../../compare/align.ts';
import type { SegmentSummary } from '../../run/model/segment.ts';
import { finderOf, sharedStart, titleOf } from '../model/prompt.ts';
import { pathOf } from '../model/tree.ts';
import type { RunSource } from '../model/source.ts';
import { mean, stripOf } from '../model/strip.ts';
import type { ColourMode, Strip } from '../model/shapes.ts';
import { leafLabels } from './labels.ts';
import { PathTexts } from './paths.ts';
import type {
  Half,
  LeafHalf,
  PairQuery,
  PairRow,
  PairWindow,
  PromptFilter,
  PromptKey,
  SideIndex,
} from './protocol.ts';

/** Most rows one request may ask for. */
const WINDOW = 300;

/** Two runs whose prompts are laid side by side. Holds no view state. */
export class PromptPairs {
  readonly #sides: readonly [RunSource, RunSource];
  /** Whether token ids mean the same on both sides. */
  readonly #sameTokens: boolean;
  readonly #texts: readonly [PathTexts, PathTexts];
  #aligned: Aligned | null = null;

  constructor(first: RunSource, second: RunSource, sameTokens: boolean) {
    this.#sides = [first, second];
    this.#sameTokens = sameTokens;
    this.#texts = [new PathTexts(first), new PathTexts(second)];
  }

  async window(query: PairQuery, from: number, to: number): Promise<PairWindow> {
    const { prompts: all, start } = this.#align();
    const steps = [
      ...new Map(all.map(({ sides: [left], generated_tokens: [tokens] }) => [left.step, tokens])),
    ]
      .map(([step, generated_tokens]) => ({ step, generated_tokens }))
      .sort((a, b) => a.step - b.step);
    const step = shownStep(query.step, steps);
    const isFound = finderOf(query.text);
    const here = all.filter(
      (each) => (step === null || each.sides[0].step === step) && isFound(each),
    );
    const chosen = sortPrompts(
      here.filter(({ outcome }) => query.filter === 'any' || outcome === query.filter),
      query.sort,
    );
    const flat = this.#flatten(chosen, query.unfolded);
    const first = Math.min(from, flat.length);
    const shown = flat.slice(first, Math.min(to, first + WINDOW));
    return {
      total: flat.length,
      prompts: chosen.length,
      counts: countsOf(here),
      steps,
      step,
      from: first,
      rows: await Promise.all(shown.map((row) => this.#row(row, start))),
    };
  }

  /** Of whole completions: a value a token from the first one to the leaf's last. */
  async strips(
    side: SideIndex,
    key: PromptKey,
    leaves: readonly number[],
    mode: ColourMode,
    stride: number,
  ): Promise<Strip[]> {
    const source = this.#sides[side];
    const segments = source.tree(key.step, key.prompt_id);
    return await Promise.all(
      leaves.flatMap((leaf) => {
        const path = pathOf(segments, leaf);
        return path.length === 0 ? [] : [stripOfPath(source, path, leaf, mode, stride)];
      }),
    );
  }

  /** Worked out again only when what a run holds is something else by now. */
  #align(): Aligned {
    const [first, second] = this.#sides;
    const of = [first.groups(), first.steps, second.groups(), second.steps];
    if (this.#aligned?.of.every((part, i) => part === of[i]) === true) return this.#aligned;
    const prompts = alignPrompts(
      { groups: first.groups(), steps: first.steps },
      { groups: second.groups(), steps: second.steps },
    );
    const start = sharedStart([...new Set(prompts.map(({ prompt }) => prompt))]);
    return (this.#aligned = { of, prompts, start });
  }

  #flatten(prompts: readonly AlignedPrompt[], unfolded: readonly PromptKey[]): FlatRow[] {
    const open = new Set(unfolded.map(nameOfKey));
    return prompts.flatMap((prompt, i): FlatRow[] => {
      const isOpen = open.has(nameOfKey(prompt.sides[0]));
      const head: FlatRow = {
        kind: 'prompt',
        prompt,
        unfolded: isOpen,
        position: i + 1,
        size: prompts.length,
      };
      if (!isOpen) return [head];
      const trees = this.#trees(prompt);
      const labels = [leafLabels(trees[0]), leafLabels(trees[1])] as const;
      const pairs = alignTrees(trees[0], trees[1]);
      const extent = extentOf(pairs);
      return [
        head,
        ...pairs.map((pair, j): FlatRow => ({
          kind: 'pair',
          prompt,
          trees,
          labels,
          pair,
          position: j + 1,
          size: pairs.length,
          extent,
        })),
      ];
    });
  }

  #trees({ sides }: AlignedPrompt): Trees {
    const [left, right] = sides;
    return [
      this.#sides[0].tree(left.step, left.prompt_id),
      this.#sides[1].tree(right.step, right.prompt_id),
    ];
  }

  async #row(row: FlatRow, start: string): Promise<PairRow> {
    if (row.kind === 'prompt') return promptRow(row, start);
    const { prompt, trees, labels, pair, position, size, extent } = row;
    const [left, right] = pair.leaves;
    const both =
      left !== null && right !== null && this.#sameTokens ? ([left, right] as const) : null;
    const differing = both === null ? null : await this.#difference(trees, both);
    return {
      kind: 'completions',
      keys: [keyOf(prompt.sides[0]), keyOf(prompt.sides[1])],
      sides: [leafHalf(trees[0], left, labels[0]), leafHalf(trees[1], right, labels[1])],
      differs_at: differing?.at ?? null,
      differs: differing?.texts ?? null,
      delta: pair.delta_reward,
      extent,
      position,
      size,
    };
  }

  async #difference(
    trees: Trees,
    leaves: readonly [AlignedLeaf, AlignedLeaf],
  ): Promise<{ at: number; texts: [string, string] } | null> {
    const [left, right] = await Promise.all([
      this.#texts[0].read(trees[0], leaves[0].leaf),
      this.#texts[1].read(trees[1], leaves[1].leaf),
    ]);
    const at = firstDifference(left.ids, right.ids);
    return at === null ? null : { at, texts: [left.textAt(at), right.textAt(at)] };
  }
}

interface Aligned {
  /** What it was made of; a run gives the same arrays as long as nothing changed. */
  of: readonly unknown[];
  prompts: readonly AlignedPrompt[];
  /** What all prompts begin with. */
  start: string;
}

type Trees = readonly [readonly SegmentSummary[], readonly SegmentSummary[]];

type FlatRow =
  | { kind: 'prompt'; prompt: AlignedPrompt; unfolded: boolean; position: number; size: number }
  | {
      kind: 'pair';
      prompt: AlignedPrompt;
      trees: Trees;
      labels: readonly [ReadonlyMap<number, string>, ReadonlyMap<number, string>];
      pair: LeafPair;
      position: number;
      size: number;
      extent: number;
    };

function shownStep(wanted: PairQuery['step'], steps: readonly { step: number }[]): number | null {
  if (wanted === 'all') return null;
  const last = steps.at(-1)?.step ?? null;
  if (wanted === 'newest') return last;
  // A step that is gone (a run was resumed from before it): the nearest that is there.
  const near = steps.toSorted((a, b) => Math.abs(a.step - wanted) - Math.abs(b.step - wanted));
  return near[0]?.step ?? null;
}

function countsOf(prompts: readonly AlignedPrompt[]): Record<PromptFilter, number> {
  const count = (wanted: PromptFilter) =>
    prompts.filter(({ outcome }) => wanted === 'any' || outcome === wanted).length;
  return {
    any: count('any'),
    won: count('won'),
    lost: count('lost'),
    both_right: count('both_right'),
    both_wrong: count('both_wrong'),
  };
}

const keyOf = ({ step, prompt_id }: PromptKey): PromptKey => ({ step, prompt_id });
const nameOfKey = ({ step, prompt_id }: PromptKey): string => `${step} ${prompt_id}`;

function promptRow(row: Extract<FlatRow, { kind: 'prompt' }>, start: string): PairRow {
  const { prompt, unfolded, position, size } = row;
  const [left, right] = prompt.sides;
  const half = (group: AlignedPrompt['sides'][0]): Half => ({
    key: keyOf(group),
    completions: group.completions,
    correct: group.correct,
    reward_mean: group.reward_mean,
  });
  return {
    kind: 'prompt',
    title: titleOf(prompt, start),
    sides: [half(left), half(right)],
    delta: prompt.delta_reward,
    outcome: prompt.outcome,
    unfolded,
    position,
    size,
  };
}

function leafHalf(
  segments: readonly SegmentSummary[],
  leaf: AlignedLeaf | null,
  labels: ReadonlyMap<number, string>,
): LeafHalf | null {
  const segment = segments.find(({ segment_id }) => segment_id === leaf?.leaf);
  if (leaf === null || segment === undefined) return null;
  return {
    segment_id: leaf.leaf,
    label: labels.get(leaf.leaf) ?? '',
    fork_at: segment.fork_at,
    length: leaf.length,
    status: segment.status,
    failure_point: segment.failure_point,
    reward: leaf.reward,
    right: leaf.right,
  };
}

const extentOf = (pairs: readonly LeafPair[]): number =>
  Math.max(1, ...pairs.flatMap(({ leaves }) => leaves.map((leaf) => leaf?.length ?? 0)));

async function stripOfPath(
  source: RunSource,
  path: readonly SegmentSummary[],
  leaf: number,
  mode: ColourMode,
  stride: number,
): Promise<Strip> {
  const values: number[] = [];
  let own: Float32Array = new Float32Array();
  for (const { segment_id, fork_at } of path) {
    own = await source.strip(segment_id, mode);
    values.length = Math.min(values.length, fork_at);
    for (const value of own) values.push(value);
  }
  const advantage = mode === 'advantage' ? own : await source.strip(leaf, 'advantage');
  return { ...stripOf(leaf, 0, values, mode, stride), advantage: mean(advantage) };
}
