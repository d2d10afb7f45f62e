"""What one generation round looked like, under the names of the design."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ..generation import costs_of
from ..strategy import MeasuredSegment, reward_mean, step_metrics
from .rounds import NOT_SCORED, PromptGroup

TRL_NAMES = {"step_time": "time/step", "clip_ratio/region_mean": "clip_ratio"}
"""TRL's names that are others in the design."""

RUNNING_TOTALS = ("adaptive/total_rollouts",)
"""Of all rounds so far: a mean over the rounds of a step would say nothing."""

_OF_TOKENS = ("entropy", "kl", *(f"clip_ratio/{one}_mean" for one in ("low", "high", "region")))
"""What TRL says of each micro-batch as a mean over its tokens."""


@dataclass(frozen=True)
class GroupFacts:
    """What all processes are told of a prompt: small, whatever the length of its rollouts."""

    prompt_id: str
    measured: Sequence[MeasuredSegment]
    rewards: dict[str, list[float | None]]
    """By function, a value a segment."""
    lengths: Sequence[int]
    """Of the answered completions, in tokens."""
    ended: Sequence[int]
    """Of those that didn't run into `max_completion_length`."""
    generated: int
    reused: int
    discarded: int | None
    """Tokens that were sampled and dropped, of `generated`; None of a sampler that needn't."""
    reread: int | None
    """Tokens of prefixes that were read again; None where nobody knows."""


def facts_of(group: PromptGroup) -> GroupFacts:
    """Of one prompt, when it is scored and credited."""
    names = {name for score in group.scores.values() for name in score.rewards}
    scores = [group.scores.get(one.segment, NOT_SCORED) for one in group.segments]
    costs = costs_of(group.segments)
    return GroupFacts(
        prompt_id=group.prompt_id,
        measured=group.measured(),
        rewards={name: [score.rewards.get(name) for score in scores] for name in names},
        lengths=[one.request.fork_at + len(one.token_ids) for one in group.leaves],
        ended=[
            one.request.fork_at + len(one.token_ids)
            for one in group.leaves
            if one.status == "complete"
        ],
        generated=costs.generated,
        reused=costs.reused,
        discarded=_sum(one.discarded for one in group.segments),
        reread=_sum(one.reread for one in group.segments),
    )


def merged(facts: Sequence[GroupFacts]) -> list[GroupFacts]:
    """Neighbours of the same prompt as one: TRL's own groups may be spread over processes.

    Every process numbers its segments from 0, so those of the second are numbered on.
    """
    found: list[GroupFacts] = []
    for one in facts:
        if not found or found[-1].prompt_id != one.prompt_id:
            found.append(one)
            continue
        before = found.pop()
        names = before.rewards.keys() | one.rewards.keys()
        unknown = [None] * len(before.measured), [None] * len(one.measured)
        found.append(
            GroupFacts(
                prompt_id=one.prompt_id,
                measured=[*before.measured, *_numbered_behind(before.measured, one.measured)],
                rewards={
                    name: [
                        *before.rewards.get(name, unknown[0]),
                        *one.rewards.get(name, unknown[1]),
                    ]
                    for name in names
                },
                lengths=[*before.lengths, *one.lengths],
                ended=[*before.ended, *one.ended],
                generated=before.generated + one.generated,
                reused=before.reused + one.reused,
                discarded=_sum([before.discarded, one.discarded]),
                reread=_sum([before.reread, one.reread]),
            )
        )
    return found


def _numbered_behind(
    before: Sequence[MeasuredSegment], measured: Sequence[MeasuredSegment]
) -> list[MeasuredSegment]:
    first = max((one.segment for one in before), default=-1) + 1
    return [
        replace(
            one,
            segment=first + one.segment,
            parent=None if one.parent is None else first + one.parent,
        )
        for one in measured
    ]


def round_metrics(facts: Sequence[GroupFacts], segments_before: int) -> dict[str, float]:
    """Of a round of all processes.

    `rewards/<name>` weigh every root the same, like `reward`; `completions/*` are over answered
    completions. With vLLM, `adaptive/discarded_tokens` were sampled behind a cut and dropped
    (`tokens/generated` has them), `adaptive/reread_tokens` are of prefixes that it read again.

    Args:
        facts: of all prompts
        segments_before: segments of all earlier rounds
    """
    metrics = step_metrics([one.measured for one in facts], segments_before)
    for name in sorted({name for one in facts for name in one.rewards}):
        means = [
            mean
            for one in facts
            if name in one.rewards
            for mean in [reward_mean(_with_rewards(one.measured, one.rewards[name]))]
            if mean is not None
        ]
        if means:
            metrics[f"rewards/{name}"] = sum(means) / len(means)
    lengths = [length for one in facts for length in one.lengths]
    ended = [length for one in facts for length in one.ended]
    for name, values in (("", lengths), ("terminated_", ended)):
        if values:
            metrics[f"completions/mean_{name}length"] = sum(values) / len(values)
            metrics[f"completions/min_{name}length"] = min(values)
            metrics[f"completions/max_{name}length"] = max(values)
    if lengths:
        metrics["completions/clipped_ratio"] = 1 - len(ended) / len(lengths)
    for name, total in (
        ("discarded", _sum(one.discarded for one in facts)),
        ("reread", _sum(one.reread for one in facts)),
    ):
        if total is not None:
            metrics[f"adaptive/{name}_tokens"] = total
    return metrics


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _with_rewards(
    measured: Sequence[MeasuredSegment], rewards: Sequence[float | None]
) -> list[MeasuredSegment]:
    return [replace(one, reward=reward) for one, reward in zip(measured, rewards, strict=True)]


def effective_sample_size(count: float, whole: float, squares: float) -> float:
    """Share of the tokens that importance weights leave: `(Σw)² / (n Σw²)`; 1 without any.

    Args:
        count: n, the tokens of all processes
        whole: Σw
        squares: Σw²
    """
    return whole**2 / (count * squares) if squares > 0 else 1.0


def mend_means(logged: dict[str, list[float]], weights: Sequence[float]) -> None:
    """Makes means over the tokens of micro-batches means over all of their tokens.

    TRL lets every micro-batch count alike and divides by no less than 1, however little weight the
    tokens of one have: those of a tree may have little, and places that are only filled have none.

    Args:
        logged: TRL's values by name, one for each micro-batch
        weights: of all tokens of each micro-batch
    """
    whole = sum(weights)
    for name in _OF_TOKENS:
        values = logged.get(name, [])
        if whole > 0 and len(values) == len(weights):
            sums = [value * max(1.0, own) for value, own in zip(values, weights, strict=True)]
            logged[name] = [sum(sums) / whole]
