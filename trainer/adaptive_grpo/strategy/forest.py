"""The roots of one prompt and all that grew from them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .segment import TreeSegment


class Weighted(NamedTuple):
    """A completion's reward; the masses of a root's completions sum to 1."""

    reward: float
    mass: float


class Span(NamedTuple):
    """Tokens `[start, end)` of a completion, with the scored completions through each."""

    start: int
    end: int
    leaves: list[Node]


class Node:
    """One segment in its tree."""

    def __init__(self, segment: TreeSegment, parent: Node | None) -> None:
        self.segment = segment
        self.parent = parent
        self.root: Node = self if parent is None else parent.root
        self.children: list[Node] = []
        self.leaves: list[Node] = []
        """The scored completions of this segment and below."""
        if parent is not None:
            parent.children.append(self)

    @property
    def start(self) -> int:
        """Position of the first own token in the completion."""
        return self.segment.fork_at

    @property
    def end(self) -> int:
        """Position behind the last own token."""
        return self.segment.fork_at + self.segment.length

    @property
    def scored(self) -> bool:
        """Whether a completion with a reward ends here."""
        return self.segment.status != "truncated" and self.segment.reward is not None

    def leaves_through(self, position: int) -> list[Node]:
        """The scored completions that run through the token at `position`."""
        own = [self] if self.scored else []
        grown = [leaf for child in self.children if child.start > position for leaf in child.leaves]
        return own + grown

    def spans(self) -> list[Span]:
        """Own tokens cut where a child forks off."""
        forks = {child.start for child in self.children if child.start < self.end}
        bounds = sorted({self.start, *forks, self.end})
        return [
            Span(start, end, self.leaves_through(start))
            for start, end in itertools.pairwise(bounds)
        ]

    def sibling_mean(self) -> float | None:
        """Mean value of the branches that part from this completion at its last fork.

        None where it shares nothing with another one.
        """
        leaving = math.inf
        for path in self._upward():
            # Who parts where the path leaves this segment: its own continuation, other children.
            own = path.leaves_through(int(leaving)) if leaving < math.inf else []
            beside = [
                one for one in path.children if one.start == leaving and self not in one.leaves
            ]
            earlier = [one for one in path.children if one.start < leaving]
            last = max((one.start for one in earlier), default=-1)
            for branches in (
                [own, *(one.leaves for one in beside)],
                [one.leaves for one in earlier if one.start == last],
            ):
                values = [value for value in map(mean_reward, branches) if value is not None]
                if values:
                    return sum(values) / len(values)
            leaving = path.start
        return None

    def _upward(self) -> Iterator[Node]:
        node: Node | None = self
        while node is not None:
            yield node
            node = node.parent


class Forest:
    """All segments of one prompt.

    Args:
        segments: parents before children

    Raises:
        ValueError: a segment comes before its parent
    """

    def __init__(self, segments: Sequence[TreeSegment]) -> None:
        self.nodes: list[Node] = []
        by_id: dict[int, Node] = {}
        for segment in segments:
            if segment.parent is not None and segment.parent not in by_id:
                raise ValueError(f"segment {segment.segment} comes before its parent")
            parent = None if segment.parent is None else by_id[segment.parent]
            node = Node(segment, parent)
            by_id[segment.segment] = node
            self.nodes.append(node)
        # Children come after their parents: backwards, every child is complete before its parent.
        for node in reversed(self.nodes):
            if node.scored:
                node.leaves.insert(0, node)
            if node.parent is not None:
                node.parent.leaves[:0] = node.leaves

    def rewards(self) -> list[Weighted]:
        """Rewards of all completions."""
        return [
            Weighted(node.segment.reward, 1 / len(node.root.leaves))
            for node in self.nodes
            if node.scored and node.segment.reward is not None
        ]

    def baseline(self, root: Node) -> tuple[float, float]:
        """What the values of a root's tokens are compared with: a mean, and a factor."""
        others = [
            value
            for node in self.nodes
            if node.root is node and node is not root
            for value in [mean_reward(node.leaves)]
            if value is not None
        ]
        if not others:
            return mean_reward(root.leaves) or 0.0, 1.0
        return sum(others) / len(others), len(others) / (len(others) + 1)


def mean_reward(leaves: Sequence[Node]) -> float | None:
    """Mean reward of completions; None without any."""
    if not leaves:
        return None
    return sum(leaf.segment.reward or 0.0 for leaf in leaves) / len(leaves)
