"""The strategy's metrics of one step."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .credit import reward_deviation, reward_mean
from .segment import TreeSegment


@dataclass(frozen=True, kw_only=True)
class MeasuredSegment(TreeSegment):
    """A segment as the metrics see it."""

    attempt: int
    failure_point: int | None
    right: bool | None
    """Whether the completion that ends here is right; None where nothing ended or was judged."""
    value: float | None
    """Mean reward of the completions through its end (`SegmentCredit.value`)."""


def step_metrics(
    groups: Sequence[Sequence[MeasuredSegment]], rollouts_before: int
) -> dict[str, float]:
    """By the names of events, W&B and charts.

    A metric that has nothing to count in this step is left out.

    - `adaptive/truncation_rate`, `adaptive/resample_rate`: share of the step's segments that were
      cut for uncertainty, that are resamples
    - `adaptive/avg_failure_point`: mean failure point of the cut ones, in tokens
    - `adaptive/total_rollouts`: segments so far in the run
    - `adaptive/sibling_reward_std`: mean over forks of the standard deviation (n − 1) of the
      values of the branches that part there
    - `adaptive/rescue_rate`: among resamples beside an own continuation that was wrong, the share
      that came out right
    - `reward`, `reward_std`: every root counts the same; the deviation within a prompt, averaged

    Args:
        groups: the step's segments by prompt, probes left out, parents before children
        rollouts_before: segments of all earlier steps
    """
    every = [segment for group in groups for segment in group]
    cut = [segment for segment in every if segment.status == "truncated"]
    resampled = sum(segment.parent is not None for segment in every)
    families = [family for group in groups for family in _fork_families(group)]
    rescues = [right for family in families if family.own is False for right in family.others]
    metrics = {
        "adaptive/truncation_rate": len(cut) / len(every) if every else None,
        "adaptive/resample_rate": resampled / len(every) if every else None,
        "adaptive/avg_failure_point": _mean(segment.failure_point for segment in cut),
        "adaptive/total_rollouts": rollouts_before + len(every),
        "adaptive/sibling_reward_std": _mean(_deviation(family.values) for family in families),
        "adaptive/rescue_rate": _mean(rescues),
        "reward": _mean(reward_mean(group) for group in groups),
        "reward_std": _mean(reward_deviation(group) for group in groups),
    }
    return {name: value for name, value in metrics.items() if value is not None}


@dataclass(frozen=True)
class _Family:
    """The branches that part at one place."""

    values: list[float]
    own: bool | None
    """Whether the parent's own continuation came out right; None where that isn't known."""
    others: list[bool]
    """The other branches' outcomes."""


def _fork_families(segments: Sequence[MeasuredSegment]) -> list[_Family]:
    children: dict[int | None, list[MeasuredSegment]] = {}
    for segment in segments:
        children.setdefault(segment.parent, []).append(segment)

    def outcome(segment: MeasuredSegment) -> bool | None:
        """Of the path that goes on from here by itself: through attempt 1 where it was cut."""
        end: MeasuredSegment | None = segment
        while end is not None and end.status == "truncated":
            grown = children.get(end.segment, [])
            end = next((child for child in grown if child.attempt == 1), None)
        return None if end is None else end.right

    families: list[_Family] = []
    for parent in segments:
        places: dict[int, list[MeasuredSegment]] = {}
        for child in children.get(parent.segment, []):
            places.setdefault(child.fork_at, []).append(child)
        for branches in places.values():
            # A cut parent goes on through its attempt 1; one that ended is its own continuation.
            cut = parent.status == "truncated"
            others = [one for one in branches if one.attempt > 1] if cut else branches
            parted = branches if cut else [parent, *branches]
            families.append(
                _Family(
                    values=[one.value for one in parted if one.value is not None],
                    own=outcome(parent),
                    others=[right for right in map(outcome, others) if right is not None],
                )
            )
    return families


def _deviation(values: Sequence[float]) -> float | None:
    if len(values) < 2:
        return None
    centre = sum(values) / len(values)
    return math.sqrt(sum((value - centre) ** 2 for value in values) / (len(values) - 1))


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
