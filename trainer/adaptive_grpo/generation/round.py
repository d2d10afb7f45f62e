"""What a generation round is, and what is told of it while it runs: the same for all samplers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..strategy import SegmentOutcome, SegmentRequest, StrategyParameters
from .draws import stream_of
from .row import Row, outcome_of
from .segments import GeneratedSegment


@dataclass(frozen=True, kw_only=True)
class RoundSettings:
    """What a generation round is, apart from which segments it consists of."""

    parameters: StrategyParameters
    temperature: float
    """The recipe's, for `train_logprob`."""
    max_completion_length: int
    end_tokens: frozenset[int]
    """A completion is complete with the first of these."""
    capture_top_k: int
    capture_below: float
    """Alternatives are kept of tokens whose max prob is below this."""
    stream: tuple[int, ...]
    """Names the draws, e.g. (seed, step)."""
    first_tree: int = 0
    """What tree 0 is called in the draws: prompts may be spread over processes."""


Ended = Callable[[GeneratedSegment], None]
Score = Callable[[Sequence[GeneratedSegment]], Sequence[float | None]]


class Plan(Protocol):
    """What to generate: a `RolloutPlan`, or several as one."""

    @property
    def done(self) -> bool:
        """Whether everything that was asked for has been reported."""

    def start(self) -> list[SegmentRequest]:
        """The roots of every prompt."""

    def finished(self, outcome: SegmentOutcome) -> list[SegmentRequest]:
        """Takes what became of a request and returns what to generate next."""


class Round:
    """The plan of a round, asked and told by whoever generates it.

    Args:
        prompts: token ids by tree; none may be empty
        plan: says what to generate
        settings: of the round
        on_end: called with every segment when it ends, parents before children
        score_roots: rewards of all roots when the last has ended, for a plan whose forks depend on
            them; None where they don't
    """

    def __init__(
        self,
        prompts: Sequence[Sequence[int]],
        plan: Plan,
        settings: RoundSettings,
        on_end: Ended,
        score_roots: Score | None = None,
    ) -> None:
        self.prompts = [list(prompt) for prompt in prompts]
        self.plan = plan
        self.settings = settings
        self._on_end = on_end
        self._score_roots = score_roots
        self._issued = [0] * len(prompts)
        self._ended_roots: list[GeneratedSegment] = []

    def row(self, request: SegmentRequest, path: Sequence[int]) -> Row:
        """A segment that begins behind `path`, the prompt included, with draws of its own."""
        number = self._issued[request.tree]
        self._issued[request.tree] += 1
        tree = self.settings.first_tree + request.tree
        return Row(request, stream_of(*self.settings.stream, tree, number), list(path))

    def forks_after(self, segment: GeneratedSegment) -> bool:
        """Whether branches of this segment are placed when all roots have ended."""
        parameters = self.settings.parameters
        forks = parameters.use_token_adaptive and not parameters.cuts
        return forks and segment.request.parent is None

    def ended(self, segment: GeneratedSegment) -> list[SegmentRequest]:
        """Takes a segment that has come to its end; returns what the plan asks for next."""
        self._on_end(segment)
        if not self.forks_after(segment):
            return self.plan.finished(outcome_of(segment, None))
        self._ended_roots.append(segment)
        roots = len(self.prompts) * self.settings.parameters.roots_per_prompt
        if len(self._ended_roots) < roots:
            return []
        rewards: Sequence[float | None] = [None] * roots
        if self._score_roots is not None:
            rewards = self._score_roots(self._ended_roots)
        requests: list[SegmentRequest] = []
        for one, reward in zip(self._ended_roots, rewards, strict=True):
            requests += self.plan.finished(outcome_of(one, reward))
        return requests

    def check_done(self) -> None:
        """Nothing is left to generate.

        Raises:
            RuntimeError: the plan waits all the same
        """
        if not self.plan.done:
            raise RuntimeError("the plan waits for segments that nobody generates")
