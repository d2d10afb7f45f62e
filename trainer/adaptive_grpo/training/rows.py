"""Training rows: one for each scored completion of a tree. The twin of `src/engine/rows.ts`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..generation import GeneratedSegment
from ..run.rows import Floats, Ints
from ..strategy import SegmentCredit


class Part(NamedTuple):
    """Tokens `[start, end)` of a completion, which are own tokens of `segment`."""

    segment: int
    start: int
    end: int


@dataclass(frozen=True)
class CompletionRow:
    """A completion, whole; arrays have a value per token of it."""

    leaf: int
    """The segment it ends with."""
    parts: Sequence[Part]
    completion_ids: Ints
    advantage: NDArray[np.float64]
    weight: NDArray[np.float64]
    """Of a token in the loss; a shared prefix has its weight in the first row through it, and 0
    in the others, so that it is trained once."""
    mass: float
    """The row's share of its root."""
    train_logprob: Floats
    """Under the policy that sampled it, at the recipe's temperature."""
    behaviour_logprob: Floats
    """The same at the temperature it was sampled with."""

    def importance(self, clip: float) -> NDArray[np.float64]:
        """Truncated importance weights `min(exp(train − behaviour), clip)`, one a token."""
        ratio = np.exp(self.train_logprob.astype(np.float64) - self.behaviour_logprob)
        clipped: NDArray[np.float64] = np.minimum(ratio, clip)
        return clipped


def completion_rows(
    segments: Sequence[GeneratedSegment], credits_: Sequence[SegmentCredit], scored: set[int]
) -> list[CompletionRow]:
    """The rows of one prompt, from the first token after it.

    Args:
        segments: parents before children
        credits_: of the same segments, in the same order
        scored: the segments that a completion with a reward ends with
    """
    nodes = {one.segment: one for one in segments}
    credit_of = {one.segment: one for one in credits_}
    paths = [(one.segment, path_to(one, nodes)) for one in segments if one.segment in scored]
    leaves: dict[int, int] = {}
    for _, parts in paths:
        root = parts[0].segment
        leaves[root] = leaves.get(root, 0) + 1
    claimed: dict[int, int] = {}
    """Position up to which a segment's tokens have their weight in an earlier row."""
    rows: list[CompletionRow] = []
    for leaf, parts in paths:
        length = parts[-1].end
        advantage, weight = np.zeros(length), np.zeros(length)
        ids = np.zeros(length, np.int32)
        train, behaviour = np.zeros(length, np.float32), np.zeros(length, np.float32)
        for number, start, end in parts:
            segment, credit = nodes[number], credit_of[number]
            first = segment.request.fork_at
            own = slice(start - first, end - first)
            ids[start:end] = segment.token_ids[own]
            train[start:end] = segment.train_logprob[own]
            behaviour[start:end] = segment.logprob[own]
            advantage[start:end] = credit.advantage[own]
            fresh = min(end, max(start, claimed.get(number, 0)))
            weight[fresh:end] = credit.weight[fresh - first : end - first]
            claimed[number] = max(end, claimed.get(number, 0))
        mass = 1 / leaves[parts[0].segment]
        rows.append(CompletionRow(leaf, parts, ids, advantage, weight, mass, train, behaviour))
    return rows


def path_to(leaf: GeneratedSegment, nodes: dict[int, GeneratedSegment]) -> list[Part]:
    """The segments a completion runs through, the root first."""
    parts: list[Part] = []
    end = leaf.request.fork_at + len(leaf.token_ids)
    at: GeneratedSegment | None = leaf
    while at is not None:
        start, parent = at.request.fork_at, at.request.parent
        if end > start or parent is None:
            parts.insert(0, Part(at.segment, start, end))
            end = start
        at = None if parent is None else nodes[parent]
    return parts
