"""Where forks stand with `fork_policy` `top_entropy` and `random`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from .parameters import StrategyParameters


class Candidate(NamedTuple):
    """A place where a fork may stand, with how unsure the policy was there (nats)."""

    position: int
    entropy: float


class FinishedRoot(NamedTuple):
    """A root that ran to its end."""

    tree: int
    segment: int
    reward: float | None
    candidates: Sequence[Candidate]


class Fork(NamedTuple):
    """A place where a resample starts."""

    tree: int
    segment: int
    fork_at: int


def fork_candidates(
    length: int, entropy: Sequence[float], parameters: StrategyParameters
) -> list[Candidate]:
    """The positions of a root that a fork may replace: all from `min_prefix_length` on."""
    return [Candidate(i, entropy[i]) for i in range(parameters.min_prefix_length, length)]


def share_forks(
    roots: Sequence[FinishedRoot],
    trees: int,
    parameters: StrategyParameters,
    random: Callable[[], float],
) -> list[Fork]:
    """Shares the round's forks, `num_generations − num_roots` a prompt on average.

    `top_entropy` takes the most unsure tokens, and first serves the prompts whose roots' rewards
    differ (they are where a gradient comes from), with up to twice their share. `random`, the
    control, takes places and prompts as they come. Forks of one root stand at least
    `fork_spacing` apart; one place is resampled at most `max_resamples_per_prefix` times, and
    only when every other place of its prompt has been.
    """
    share = parameters.num_generations - parameters.num_roots
    left = trees * share
    ordered = sorted(roots, key=lambda root: root.segment)
    queues: list[tuple[list[Fork], bool]] = []
    for tree in range(trees):
        own = [root for root in ordered if root.tree == tree]
        rewards = {root.reward for root in own if root.reward is not None}
        queues.append((_ranked_forks(own, parameters, random), len(rewards) > 1))
    preferring = parameters.fork_policy == "top_entropy"
    taken: list[Fork] = []
    for first in (True, False):
        for forks, differs in queues:
            if (preferring and differs) != first:
                continue
            served = forks[: min(2 * share if first else share, left)]
            left -= len(served)
            taken += served
    return taken


def _ranked_forks(
    roots: Sequence[FinishedRoot], parameters: StrategyParameters, random: Callable[[], float]
) -> list[Fork]:
    """The forks of one prompt in the order in which they deserve to be made."""
    at_random = parameters.fork_policy == "random"
    ranked = sorted(
        (-(random() if at_random else candidate.entropy), root.segment, candidate.position, root)
        for root in roots
        for candidate in root.candidates
    )
    most = 2 * (parameters.num_generations - parameters.num_roots)
    places: list[Fork] = []
    for _, segment, position, root in ranked:
        if len(places) == most:
            break
        if all(
            place.segment != segment or abs(place.fork_at - position) >= parameters.fork_spacing
            for place in places
        ):
            places.append(Fork(root.tree, segment, position))
    return places * parameters.max_resamples_per_prefix
