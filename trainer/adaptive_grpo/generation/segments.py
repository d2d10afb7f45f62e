"""What a sampler generates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..run.rows import Alternatives, Floats, Ints
from ..strategy import SegmentRequest, SegmentStatus, Trigger


@dataclass(frozen=True, kw_only=True)
class GeneratedSegment:
    """A segment as it was sampled; arrays have a value per own token."""

    request: SegmentRequest
    status: SegmentStatus
    trigger: Trigger | None
    failure_point: int | None
    """Position in the completion of the token that was not sampled."""
    failure_max_prob: float | None
    failure_entropy: float | None
    failure_top: Alternatives | None
    token_ids: Ints
    """Own tokens, the end token included."""
    logprob: Floats
    """Of the sampled token, at the segment's own temperature."""
    train_logprob: Floats
    """The same at the recipe's temperature."""
    entropy: Floats
    """Nats, at temperature 1, rounded to half precision."""
    max_prob: Floats
    """At temperature 1, rounded to half precision."""
    top: Mapping[int, Alternatives]
    """By index into the own tokens, where the policy was unsure."""

    @property
    def segment(self) -> int:
        """Its number in the round."""
        return self.request.segment


@dataclass(frozen=True)
class Costs:
    """What a round took, in tokens."""

    generated: int
    """Sampled."""
    reused: int
    """Of a prefix, and not sampled again for a resample."""


def costs_of(segments: list[GeneratedSegment]) -> Costs:
    """Of a whole round."""
    generated = sum(len(one.token_ids) for one in segments)
    return Costs(generated, sum(one.request.fork_at for one in segments))


class Paths:
    """Whole completions, put together from the segments along their paths."""

    def __init__(self) -> None:
        self._completions: dict[int, Ints] = {}

    def add(self, segment: GeneratedSegment) -> Ints:
        """The completion that ends with this segment; its parent must have been added before."""
        parent, fork_at = segment.request.parent, segment.request.fork_at
        before = np.zeros(0, np.int32) if parent is None else self._completions[parent][:fork_at]
        whole = np.concatenate([before, segment.token_ids]).astype(np.int32)
        self._completions[segment.segment] = whole
        return whole
