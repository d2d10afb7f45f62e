"""A segment while it is generated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ..run.rows import Alternatives
from ..strategy import SegmentOutcome, SegmentRequest, SegmentStatus, Trigger
from .segments import GeneratedSegment


@dataclass
class Row:
    """A segment that is being generated."""

    request: SegmentRequest
    stream: int
    path: list[int]
    """Prompt and completion so far."""
    token_ids: list[int] = field(default_factory=list)
    logprob: list[float] = field(default_factory=list)
    train_logprob: list[float] = field(default_factory=list)
    entropy: list[float] = field(default_factory=list)
    max_prob: list[float] = field(default_factory=list)
    top: dict[int, Alternatives] = field(default_factory=dict)

    @property
    def position(self) -> int:
        """Of the next token, in the completion."""
        return self.request.fork_at + len(self.token_ids)


class Cut(NamedTuple):
    """What the policy thought of the token before which a row is cut."""

    trigger: Trigger | None
    max_prob: float | None
    entropy: float | None
    top: Alternatives | None


NO_CUT = Cut(None, None, None, None)


def segment_of(
    row: Row,
    status: SegmentStatus,
    cut: Cut = NO_CUT,
    discarded: int | None = None,
    reread: int | None = None,
) -> GeneratedSegment:
    """A row that has come to its end."""
    length = len(row.token_ids)
    return GeneratedSegment(
        request=row.request,
        status=status,
        trigger=cut.trigger,
        failure_point=None if cut.trigger is None else row.position,
        failure_max_prob=cut.max_prob,
        failure_entropy=cut.entropy,
        failure_top=cut.top,
        token_ids=np.array(row.token_ids, np.int32),
        logprob=np.array(row.logprob, np.float32),
        train_logprob=np.array(row.train_logprob, np.float32),
        entropy=np.array(row.entropy[:length], np.float32),
        max_prob=np.array(row.max_prob[:length], np.float32),
        top=row.top,
        discarded=discarded,
        reread=reread,
    )


def outcome_of(segment: GeneratedSegment, reward: float | None) -> SegmentOutcome:
    """What the plan is told of it."""
    return SegmentOutcome(
        segment=segment.segment,
        status=segment.status,
        length=len(segment.token_ids),
        entropy=segment.entropy.tolist(),
        reward=reward,
    )
