import type { StrategyParameters } from './parameters.ts';
import type { TreeSegment } from './segment.ts';

/** What a segment's tokens are worth. */
export interface SegmentCredit {
  segment: number;
  /** Mean reward of the completions that run through the segment's end; null without any. */
  value: number | null;
  /** A value per own token. */
  advantage: Float64Array;
  /**
   * A value per own token: the share of its root's completions that run through it, 0 where it
   * is not trained. 1 everywhere in a tree without forks.
   */
  weight: Float64Array;
  /** Whether any own token has weight. */
  trained: boolean;
}

export type CreditParameters = Pick<StrategyParameters, 'prefix_credit' | 'tree_baseline'>;

/** Added to the standard deviation it divides by, as in TRL's `GRPOTrainer`. */
const EPSILON = 1e-4;

/**
 * Advantages of all segments of one prompt.
 *
 * Every root has mass 1, split evenly among its completions. With `R` roots of values `V_1 … V_R`
 * (means over their completions), a token of root `i` through which completions of mean reward `v`
 * run has
 *
 *     A = (R − 1)/R · (v − mean of V_j over the other roots j ≠ i)
 *
 * The factor makes the leave-one-out difference equal to plain GRPO's `r − mean(r)` where nothing
 * forks. With `tree_baseline: siblings` the tokens that a single completion owns are compared with
 * the other branches of its last fork instead: `A = r − mean value of the siblings`. A prompt with
 * one scored root compares with that root's own value.
 *
 * Completions without a reward (null) count nowhere and get advantage 0.
 *
 * @param segments all segments of all roots of the prompt, parents before children
 * @param scale divides the advantages: `group` by this prompt's `rewardDeviation`, a number by
 *   that number (TRL's `scale_rewards: batch`), `none` not at all
 */
export function creditGroup(
  segments: readonly TreeSegment[],
  parameters: CreditParameters,
  scale: number | 'group' | 'none',
): SegmentCredit[] {
  const forest = new Forest(segments);
  const deviation = scale === 'group' ? rewardDeviation(segments) : scale;
  const divisor = deviation === 'none' ? 1 : deviation + EPSILON;
  return forest.nodes.map((node) => {
    const { length } = node.segment;
    const credit: SegmentCredit = {
      segment: node.segment.segment,
      value: meanReward(node.leavesThrough(node.end - 1)),
      advantage: new Float64Array(length),
      weight: new Float64Array(length),
      trained: false,
    };
    const stub = node.segment.status === 'truncated' && parameters.prefix_credit !== 'children';
    if (stub && (parameters.prefix_credit === 'mask' || node.segment.reward === null)) {
      return credit;
    }
    const baseline = forest.baseline(node.root);
    for (const { from, to, leaves } of node.spans()) {
      const value = stub ? node.segment.reward : meanReward(leaves);
      // Where no completion is scored, nothing is trained, a stub no more than the rest.
      if (value === null || leaves.length === 0) continue;
      const alone = leaves.length === 1 && parameters.tree_baseline === 'siblings';
      const siblings = alone ? (leaves[0]?.siblingMean() ?? null) : null;
      const difference =
        siblings === null ? baseline.factor * (value - baseline.mean) : value - siblings;
      credit.advantage.fill(difference / divisor, from - node.start, to - node.start);
      credit.weight.fill(
        leaves.length / node.root.leaves.length,
        from - node.start,
        to - node.start,
      );
      credit.trained = true;
    }
    return credit;
  });
}

/**
 * Standard deviation of a prompt's rewards: every root has mass 1, split among its completions,
 * and one degree of freedom is taken off (torch's `std` where nothing forks). 0 for fewer than two
 * scored roots.
 */
export function rewardDeviation(segments: readonly TreeSegment[]): number {
  return deviationOf(new Forest(segments).rewards());
}

/** The same over all prompts of a round (`scale_rewards: batch`). */
export function batchDeviation(groups: readonly (readonly TreeSegment[])[]): number {
  return deviationOf(groups.flatMap((segments) => new Forest(segments).rewards()));
}

/** Mean reward of a prompt, every root counting the same; null where nothing is scored. */
export function rewardMean(segments: readonly TreeSegment[]): number | null {
  const rewards = new Forest(segments).rewards();
  const mass = sum(rewards.map((one) => one.mass));
  return mass > 0 ? sum(rewards.map((one) => one.mass * one.reward)) / mass : null;
}

interface Weighted {
  reward: number;
  mass: number;
}

function deviationOf(rewards: readonly Weighted[]): number {
  const mass = sum(rewards.map((one) => one.mass));
  if (mass < 1.5) return 0;
  const mean = sum(rewards.map((one) => one.mass * one.reward)) / mass;
  return Math.sqrt(sum(rewards.map((one) => one.mass * (one.reward - mean) ** 2)) / (mass - 1));
}

/** The roots of one prompt and all that grew from them. */
class Forest {
  readonly nodes: Node[] = [];

  constructor(segments: readonly TreeSegment[]) {
    const byId = new Map<number, Node>();
    for (const segment of segments) {
      const parent = segment.parent === null ? null : byId.get(segment.parent);
      if (parent === undefined) {
        throw new Error(`segment ${segment.segment} comes before its parent`);
      }
      const node = new Node(segment, parent);
      byId.set(segment.segment, node);
      this.nodes.push(node);
    }
    // Children come after their parents: backwards, every child is complete before its parent.
    for (const node of this.nodes.toReversed()) {
      if (node.scored) node.leaves.unshift(node);
      node.parent?.leaves.unshift(...node.leaves);
    }
  }

  /** Rewards of all completions; each root's masses sum to 1. */
  rewards(): Weighted[] {
    return this.nodes.flatMap((node) =>
      node.scored && node.segment.reward !== null
        ? [{ reward: node.segment.reward, mass: 1 / node.root.leaves.length }]
        : [],
    );
  }

  /** What the values of a root's tokens are compared with. */
  baseline(root: Node): { mean: number; factor: number } {
    const others = this.nodes.flatMap((node) => {
      const value = node.root === node && node !== root ? meanReward(node.leaves) : null;
      return value === null ? [] : [value];
    });
    if (others.length === 0) return { mean: meanReward(root.leaves) ?? 0, factor: 1 };
    return { mean: sum(others) / others.length, factor: others.length / (others.length + 1) };
  }
}

class Node {
  readonly segment: TreeSegment;
  readonly parent: Node | null;
  readonly root: Node;
  readonly children: Node[] = [];
  /** The scored completions of this segment and below. */
  readonly leaves: Node[] = [];

  constructor(segment: TreeSegment, parent: Node | null) {
    this.segment = segment;
    this.parent = parent;
    this.root = parent?.root ?? this;
    parent?.children.push(this);
  }

  /** Position of the first own token in the completion. */
  get start(): number {
    return this.segment.fork_at;
  }

  /** Position behind the last own token. */
  get end(): number {
    return this.segment.fork_at + this.segment.length;
  }

  /** Whether a completion with a reward ends here. */
  get scored(): boolean {
    return this.segment.status !== 'truncated' && this.segment.reward !== null;
  }

  /** The scored completions that run through the token at `position`. */
  leavesThrough(position: number): Node[] {
    return [
      ...(this.scored ? [this] : []),
      ...this.children.filter((child) => child.start > position).flatMap((child) => child.leaves),
    ];
  }

  /** Own tokens `[from, to)` cut where a child forks off, with the completions through each. */
  spans(): { from: number; to: number; leaves: Node[] }[] {
    const forks = this.children.map((child) => child.start).filter((fork) => fork < this.end);
    const bounds = [...new Set([this.start, ...forks, this.end])].sort((a, b) => a - b);
    return bounds.slice(0, -1).map((from, i) => ({
      from,
      to: bounds[i + 1] ?? this.end,
      leaves: this.leavesThrough(from),
    }));
  }

  /**
   * Mean value of the branches that part from this completion at its last fork; null where it
   * shares nothing with another one.
   */
  siblingMean(): number | null {
    let leaving = Infinity;
    for (const path of this.upward()) {
      // Who parts where the path leaves this segment: its own continuation, and other children.
      const own = leaving < Infinity ? path.leavesThrough(leaving) : [];
      const beside = path.children.filter((one) => one.start === leaving && !one.holds(this));
      const earlier = path.children.filter((one) => one.start < leaving);
      const last = Math.max(...earlier.map((one) => one.start));
      for (const branches of [
        [own, ...beside.map((one) => one.leaves)],
        earlier.filter((one) => one.start === last).map((one) => one.leaves),
      ]) {
        const values = branches.map(meanReward).filter((value) => value !== null);
        if (values.length > 0) return sum(values) / values.length;
      }
      leaving = path.start;
    }
    return null;
  }

  holds(leaf: Node): boolean {
    return this.leaves.includes(leaf);
  }

  /** This segment, its parent, and so on to the root. */
  private *upward(): Generator<Node> {
    yield this;
    for (let node = this.parent; node !== null; node = node.parent) yield node;
  }
}

function meanReward(leaves: readonly Node[]): number | null {
  if (leaves.length === 0) return null;
  return sum(leaves.map((leaf) => leaf.segment.reward ?? 0)) / leaves.length;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
