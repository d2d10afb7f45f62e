"""The least one has to know of a segment to reason about its tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SegmentStatus = Literal["complete", "truncated", "length"]
"""How it ended: by itself, cut before an unsure token, at `max_completion_length`.

The first and the last *answered*: a path that ends there is a completion.
"""

Trigger = Literal["max_prob", "entropy"]
"""Why a segment was cut; `max_prob` where both conditions hold."""


@dataclass(frozen=True, kw_only=True)
class TreeSegment:
    """A run of tokens between two forks."""

    segment: int
    parent: int | None
    fork_at: int
    """Tokens of the completion kept from the path through the parent; 0 on roots."""
    length: int
    """Number of own tokens."""
    status: SegmentStatus
    reward: float | None
    """Of the completion that ends here; None where it can't be scored."""
