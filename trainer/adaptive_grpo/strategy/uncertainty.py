"""How unsure the policy was of a token, and what counts as too unsure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .segment import Trigger


class Uncertainty(NamedTuple):
    """Of the whole distribution at temperature 1."""

    max_prob: float
    """`max p`, in (0, 1]."""
    entropy: float
    """`−Σ p ln p`, in nats."""


def uncertainty_of(logits: Sequence[float]) -> Uncertainty:
    """Uncertainty of `softmax(logits)`, with `H = ln Z − Σ p z`.

    Args:
        logits: one value a vocabulary entry, at temperature 1; `-inf` is probability 0
    """
    top = max(logits)
    shifted = [logit - top for logit in logits]
    weights = [math.exp(z) for z in shifted]
    mass = sum(weights)
    weighted = sum(w * z for w, z in zip(weights, shifted, strict=True) if w > 0)
    return Uncertainty(1 / mass, max(0.0, math.log(mass) - weighted / mass))


def uncertainty_of_top(logprobs: Sequence[float]) -> Uncertainty:
    """Uncertainty where only the best few log probabilities are known (an API).

    The rest of the mass counts as one bucket, so that the entropy is a lower bound.

    Args:
        logprobs: natural logs at temperature 1, in any order, of distinct tokens
    """
    mass = entropy = max_prob = 0.0
    for logprob in logprobs:
        p = math.exp(logprob)
        mass += p
        max_prob = max(max_prob, p)
        if p > 0:
            entropy -= p * logprob
    rest = 1 - mass
    if rest > 0:
        entropy -= rest * math.log(rest)
    return Uncertainty(max_prob, max(0.0, entropy))


def trigger_at(
    max_prob: float, entropy: float, uncertainty_threshold: float, entropy_threshold: float
) -> Trigger | None:
    """Whether a token this unsure triggers, wherever it stands; `max_prob` where both hold."""
    if max_prob < uncertainty_threshold:
        return "max_prob"
    return "entropy" if entropy > entropy_threshold else None


@dataclass(frozen=True)
class Failure:
    """The failure point of a segment."""

    failure_point: int
    """Position in the completion of the token that is not kept."""
    trigger: Trigger


def find_failure(
    max_prob: Sequence[float],
    entropy: Sequence[float],
    fork_at: int,
    watch_from: int,
    uncertainty_threshold: float,
    entropy_threshold: float,
) -> Failure | None:
    """The first position `i ≥ watch_from` that triggers.

    Args:
        max_prob: a value per own token of the segment, whose first stands at `fork_at`
        entropy: the same, in nats
        fork_at: position of the first own token in the completion
        watch_from: first position that may trigger
        uncertainty_threshold: see `StrategyParameters`
        entropy_threshold: see `StrategyParameters`
    """
    for i in range(max(0, watch_from - fork_at), len(max_prob)):
        trigger = trigger_at(max_prob[i], entropy[i], uncertainty_threshold, entropy_threshold)
        if trigger is not None:
            return Failure(fork_at + i, trigger)
    return None
