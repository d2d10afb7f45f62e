"""What every token of a tree is worth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .forest import Forest, Node, Weighted, mean_reward
from .parameters import PrefixCredit, TreeBaseline
from .segment import TreeSegment

EPSILON = 1e-4
"""Added to the standard deviation it divides by, as in TRL's `GRPOTrainer`."""

Scale = float | Literal["group", "none"]


@dataclass(frozen=True)
class SegmentCredit:
    """What a segment's tokens are worth."""

    segment: int
    value: float | None
    """Mean reward of the completions that run through the segment's end; None without any."""
    advantage: NDArray[np.float64]
    """A value per own token."""
    weight: NDArray[np.float64]
    """A value per own token: the share of its root's completions that run through it, 0 where it
    is not trained. 1 everywhere in a tree without forks."""
    trained: bool
    """Whether any own token has weight."""


def credit_group(
    segments: Sequence[TreeSegment],
    prefix_credit: PrefixCredit,
    tree_baseline: TreeBaseline,
    scale: Scale,
) -> list[SegmentCredit]:
    """Advantages of all segments of one prompt.

    Every root has mass 1, split evenly among its completions. With `R` roots of values
    `V_1 … V_R` (means over their completions), a token of root `i` through which completions of
    mean reward `v` run has

        A = (R − 1)/R · (v − mean of V_j over the other roots j ≠ i)

    The factor makes the leave-one-out difference equal to plain GRPO's `r − mean(r)` where
    nothing forks. With `tree_baseline: siblings` the tokens that a single completion owns are
    compared with the other branches of its last fork instead: `A = r − mean value of the
    siblings`. A prompt with one scored root compares with that root's own value.

    Completions without a reward (None) count nowhere and get advantage 0.

    Args:
        segments: all segments of all roots of the prompt, parents before children
        prefix_credit: see `StrategyParameters`
        tree_baseline: see `StrategyParameters`
        scale: divides the advantages: `group` by this prompt's `reward_deviation`, a number by
            that number (TRL's `scale_rewards: batch`), `none` not at all
    """
    forest = Forest(segments)
    divisor = 1.0
    if scale == "group":
        divisor = reward_deviation(segments) + EPSILON
    elif scale != "none":
        divisor = scale + EPSILON
    return [_credit(forest, node, prefix_credit, tree_baseline, divisor) for node in forest.nodes]


def _credit(
    forest: Forest,
    node: Node,
    prefix_credit: PrefixCredit,
    tree_baseline: TreeBaseline,
    divisor: float,
) -> SegmentCredit:
    segment = node.segment
    advantage = np.zeros(segment.length)
    weight = np.zeros(segment.length)
    trained = False
    stub = segment.status == "truncated" and prefix_credit != "children"
    if not (stub and (prefix_credit == "mask" or segment.reward is None)):
        mean, factor = forest.baseline(node.root)
        for start, end, leaves in node.spans():
            value = segment.reward if stub else mean_reward(leaves)
            # Where no completion is scored, nothing is trained, a stub no more than the rest.
            if value is None or not leaves:
                continue
            alone = len(leaves) == 1 and tree_baseline == "siblings"
            siblings = leaves[0].sibling_mean() if alone else None
            difference = factor * (value - mean) if siblings is None else value - siblings
            own = slice(start - node.start, end - node.start)
            advantage[own] = difference / divisor
            weight[own] = len(leaves) / len(node.root.leaves)
            trained = True
    value = mean_reward(node.leaves_through(node.end - 1))
    return SegmentCredit(segment.segment, value, advantage, weight, trained)


def reward_deviation(segments: Sequence[TreeSegment]) -> float:
    """Standard deviation of a prompt's rewards.

    Every root has mass 1, split among its completions, and one degree of freedom is taken off
    (torch's `std` where nothing forks). 0 for fewer than two scored roots.
    """
    return deviation_of(Forest(segments).rewards())


def batch_deviation(groups: Sequence[Sequence[TreeSegment]]) -> float:
    """The same over all prompts of a round (`scale_rewards: batch`)."""
    return deviation_of([one for segments in groups for one in Forest(segments).rewards()])


def reward_mean(segments: Sequence[TreeSegment]) -> float | None:
    """Mean reward of a prompt, every root counting the same; None where nothing is scored."""
    rewards = Forest(segments).rewards()
    mass = sum(one.mass for one in rewards)
    return sum(one.mass * one.reward for one in rewards) / mass if mass > 0 else None


def deviation_of(rewards: Sequence[Weighted]) -> float:
    """Standard deviation of weighted rewards, with one degree of freedom less."""
    mass = sum(one.mass for one in rewards)
    if mass < 1.5:
        return 0.0
    mean = sum(one.mass * one.reward for one in rewards) / mass
    return math.sqrt(sum(one.mass * (one.reward - mean) ** 2 for one in rewards) / (mass - 1))
