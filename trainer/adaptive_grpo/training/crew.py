"""Processes that share one vLLM, and so generate each other's prompts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from ..generation import GeneratedSegment
from ..strategy import RolloutPlan, SegmentOutcome, SegmentRequest

if TYPE_CHECKING:
    from .trainer import TokenAdaptiveGRPOTrainer

T = TypeVar("T")


@dataclass(frozen=True)
class Crew:
    """The processes that share one vLLM (`vllm_tensor_parallel_size`); alone where none is shared.

    Each works a part of every layer, so all of them generate the prompts of all of them, alike to
    the last token, and keep their own.
    """

    first: int
    """The rank of the first of them."""
    position: int
    """Of this process among them."""
    size: int
    group: Any
    """Of torch.distributed; None where this process is alone."""

    def gathered(self, values: list[T]) -> list[T]:
        """The lists of all of them, one after another, on each of them."""
        if self.group is None:
            return values
        everyones: list[list[T]] = [[] for _ in range(self.size)]
        torch.distributed.all_gather_object(everyones, values, group=self.group)
        return [one for own in everyones for one in own]

    def own(self, segment: GeneratedSegment, trees: int) -> GeneratedSegment | None:
        """A segment of this process's prompts as its own plan calls it; None of another's.

        Args:
            segment: of all of them
            trees: prompts of each
        """
        request = segment.request
        if request.segment % self.size != self.position:
            return None
        own = replace(
            request,
            tree=request.tree - self.position * trees,
            segment=request.segment // self.size,
            parent=None if request.parent is None else request.parent // self.size,
        )
        return replace(segment, request=own)


def crew_of(trainer: TokenAdaptiveGRPOTrainer) -> Crew:
    """The crew of this process."""
    rank, size = int(trainer.accelerator.process_index), 1
    if trainer.use_vllm and trainer.vllm_mode == "colocate":
        size = int(trainer.vllm_tensor_parallel_size)
    group = trainer.vllm_generation.tp_group if size > 1 else None
    return Crew(rank - rank % size, rank % size, size, group)


class CrewPlan:
    """The plans of a crew's processes as one; each is what it would be alone.

    Args:
        plan_of: the plan of a process, by its rank
        crew: whose plans
        trees: prompts of each
    """

    def __init__(self, plan_of: Callable[[int], RolloutPlan], crew: Crew, trees: int) -> None:
        self._plans = [plan_of(crew.first + position) for position in range(crew.size)]
        self._trees = trees

    @property
    def done(self) -> bool:
        """Whether everything that was asked for has been reported."""
        return all(plan.done for plan in self._plans)

    def start(self) -> list[SegmentRequest]:
        """The roots of every prompt."""
        return [
            one
            for position, plan in enumerate(self._plans)
            for one in self._named(plan.start(), position)
        ]

    def finished(self, outcome: SegmentOutcome) -> list[SegmentRequest]:
        """Takes what became of a request and returns what to generate next."""
        segment, position = divmod(outcome.segment, len(self._plans))
        following = self._plans[position].finished(replace(outcome, segment=segment))
        return self._named(following, position)

    def _named(self, requests: Sequence[SegmentRequest], position: int) -> list[SegmentRequest]:
        size = len(self._plans)
        return [
            replace(
                one,
                tree=position * self._trees + one.tree,
                segment=one.segment * size + position,
                parent=None if one.parent is None else one.parent * size + position,
            )
            for one in requests
        ]
