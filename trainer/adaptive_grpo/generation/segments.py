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
    discarded: int | None = None
    """Tokens that were sampled behind its end and dropped; None of a sampler that needn't."""
    reread: int | None = None
    """Tokens of the path before it that were read again for it; None where nobody knows."""

    @property
    def segment(self) -> int:
        """Its number in the round."""
        return self.request.segment


@dataclass(frozen=True)
class Costs:
    """What a round took, in tokens."""

    generated: int
    """Sampled, what was dropped included: it was paid for."""
    reused: int
    """Of a prefix, and not sampled again for a resample."""


def costs_of(segments: list[GeneratedSegment]) -> Costs:
    """Of a whole round."""
    generated = sum(len(one.token_ids) + (one.discarded or 0) for one in segments)
    return Costs(generated, sum(one.request.fork_at for one in segments))


class Paths:
    """Whole completions, put together from the segments along their paths."""

    def __init__(self) -> None:
        self._completions: dict[int, Ints] = {}
        self._logprobs: dict[int, Floats] = {}

    def add(self, segment: GeneratedSegment) -> Ints:
        """The completion that ends with this segment; its parent must have been added before."""
        parent, fork_at = segment.request.parent, segment.request.fork_at
        ids, logprobs = segment.token_ids, segment.logprob
        if parent is not None:
            ids = np.concatenate([self._completions[parent][:fork_at], ids])
            logprobs = np.concatenate([self._logprobs[parent][:fork_at], logprobs])
        self._completions[segment.segment] = ids
        self._logprobs[segment.segment] = logprobs
        return ids

    def logprob(self, segment: int) -> Floats:
        """Of the tokens of the completion that ends with it, as each was sampled."""
        return self._logprobs[segment]
