"""Decides which segments a generation round consists of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .forks import FinishedRoot, fork_candidates, share_forks
from .parameters import StrategyParameters
from .segment import SegmentStatus


@dataclass(frozen=True, kw_only=True)
class SegmentRequest:
    """One segment that a sampler is asked to generate."""

    tree: int
    """Index of the prompt in the round."""
    segment: int
    """Local to the round: 0, 1, 2, … in the order of the requests, parents before children."""
    parent: int | None
    fork_at: int
    """Tokens of the completion that are kept from the path through the parent."""
    attempt: int
    """0 on roots; k = 1, 2, … for the k-th resample of a prefix."""
    temperature: float
    watch_from: int | None
    """First position of the completion that may trigger; None: the segment is never cut."""


@dataclass(frozen=True, kw_only=True)
class SegmentOutcome:
    """What became of a request."""

    segment: int
    status: SegmentStatus
    length: int
    """Number of own tokens."""
    entropy: Sequence[float]
    """A value per own token, in nats; read by `top_entropy` and `random` only."""
    reward: float | None
    """Of the completion that ends here."""


@dataclass
class _Prefix:
    tree: int
    segment: int
    fork_at: int
    attempts: int = 0


@dataclass
class _Tree:
    roots_running: int
    branches_left: int
    prefixes: list[_Prefix] = field(default_factory=list)


class RolloutPlan:
    """Event driven, so that a sampler can refill a free place at once.

    It asks `start()`, reports every finished segment with `finished()`, and generates whatever
    either returns until `done`.

    A segment that is cut always goes on (its prefix's attempt 1), so that a chain of cut segments
    ends in exactly one answered path: every root ends with an answer, and a prompt never gets
    more than `num_generations` of them. The remaining `num_generations − num_roots` completions
    branch off the prompt's unsure places.

    Args:
        parameters: the strategy
        trees: number of prompts in the round
        random: uniform in [0, 1); read by `fork_policy: random` only
    """

    def __init__(
        self, parameters: StrategyParameters, trees: int, random: Callable[[], float]
    ) -> None:
        roots = parameters.roots_per_prompt
        self._parameters = parameters
        self._random = random
        self._roots_running = trees * roots
        self._trees = [_Tree(roots, parameters.num_generations - roots) for _ in range(trees)]
        self._requests: dict[int, SegmentRequest] = {}
        self._roots: list[FinishedRoot] = []
        self._issued = 0

    @property
    def done(self) -> bool:
        """Whether everything that was asked for has been reported."""
        return not self._requests

    def start(self) -> list[SegmentRequest]:
        """The roots of every prompt."""
        watch_from = self._parameters.min_prefix_length if self._parameters.cuts else None
        return [
            self._request(tree, None, 0, 0, watch_from)
            for tree in range(len(self._trees))
            for _ in range(self._parameters.roots_per_prompt)
        ]

    def finished(self, outcome: SegmentOutcome) -> list[SegmentRequest]:
        """Takes what became of a request and returns what to generate next.

        Raises:
            ValueError: the segment was never asked for, or was reported before
        """
        request = self._requests.pop(outcome.segment, None)
        if request is None:
            raise ValueError(f"segment {outcome.segment} is not running")
        if not self._parameters.use_token_adaptive:
            return []
        if self._parameters.cuts:
            return self._after_cut(request, outcome)
        return self._after_root(request, outcome)

    def _after_cut(self, request: SegmentRequest, outcome: SegmentOutcome) -> list[SegmentRequest]:
        """`first_failure`: a cut segment becomes a prefix, and its chain goes on."""
        tree = self._trees[request.tree]
        following: list[SegmentRequest] = []
        if request.parent is None:
            tree.roots_running -= 1
        if outcome.status == "truncated":
            prefix = _Prefix(request.tree, request.segment, request.fork_at + outcome.length)
            tree.prefixes.append(prefix)
            following.append(self._resample(prefix))
        # Branches wait until every root has shown where it is unsure: the quickest to fail must
        # not take them all.
        while tree.roots_running == 0 and tree.branches_left > 0:
            free = [
                one
                for one in tree.prefixes
                if one.attempts < self._parameters.max_resamples_per_prefix
            ]
            if not free:
                break
            tree.branches_left -= 1
            prefix = min(free, key=lambda one: (one.attempts, one.segment))
            following.append(self._resample(prefix))
        return following

    def _after_root(self, request: SegmentRequest, outcome: SegmentOutcome) -> list[SegmentRequest]:
        """`top_entropy` and `random`: when every root has ended, the forks are placed."""
        if request.parent is not None:
            return []
        candidates = fork_candidates(outcome.length, outcome.entropy, self._parameters)
        root = FinishedRoot(request.tree, request.segment, outcome.reward, candidates)
        self._roots.append(root)
        self._roots_running -= 1
        if self._roots_running > 0:
            return []
        prefixes: dict[tuple[int, int], _Prefix] = {}
        following: list[SegmentRequest] = []
        forks = share_forks(self._roots, len(self._trees), self._parameters, self._random)
        for tree, segment, fork_at in forks:
            key = (segment, fork_at)
            prefix = prefixes.setdefault(key, _Prefix(tree, segment, fork_at))
            following.append(self._resample(prefix))
        return following

    def _resample(self, prefix: _Prefix) -> SegmentRequest:
        prefix.attempts += 1
        # The unsure decision itself is drawn again, and must not trip at once.
        watch_from = prefix.fork_at + 1 if self._parameters.cuts else None
        return self._request(
            prefix.tree, prefix.segment, prefix.fork_at, prefix.attempts, watch_from
        )

    def _request(
        self, tree: int, parent: int | None, fork_at: int, attempt: int, watch_from: int | None
    ) -> SegmentRequest:
        scale = self._parameters.adaptive_temperature_scale**attempt
        request = SegmentRequest(
            tree=tree,
            segment=self._issued,
            parent=parent,
            fork_at=fork_at,
            attempt=attempt,
            temperature=self._parameters.temperature * scale,
            watch_from=watch_from,
        )
        self._issued += 1
        self._requests[request.segment] = request
        return request
