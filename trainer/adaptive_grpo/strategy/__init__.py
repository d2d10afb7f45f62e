"""The pure algorithm: plain values in, plain values out.

The twin of `src/strategy`; both are held to `test/vectors/strategy.json`.
"""

from .credit import SegmentCredit, batch_deviation, credit_group, reward_deviation, reward_mean
from .metrics import MeasuredSegment, step_metrics
from .parameters import ForkPolicy, PrefixCredit, StrategyParameters, TreeBaseline
from .plan import RolloutPlan, SegmentOutcome, SegmentRequest
from .segment import SegmentStatus, TreeSegment, Trigger
from .uncertainty import (
    Failure,
    Uncertainty,
    find_failure,
    trigger_at,
    uncertainty_of,
    uncertainty_of_top,
)

__all__ = [
    "Failure",
    "ForkPolicy",
    "MeasuredSegment",
    "PrefixCredit",
    "RolloutPlan",
    "SegmentCredit",
    "SegmentOutcome",
    "SegmentRequest",
    "SegmentStatus",
    "StrategyParameters",
    "TreeBaseline",
    "TreeSegment",
    "Trigger",
    "Uncertainty",
    "batch_deviation",
    "credit_group",
    "find_failure",
    "reward_deviation",
    "reward_mean",
    "step_metrics",
    "trigger_at",
    "uncertainty_of",
    "uncertainty_of_top",
]
