"""What a run has come to, over all processes, and the record of each of its rounds."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..generation import TokenTexts
from ..run import Recorder
from .metrics import facts_of, merged, round_metrics
from .recording import recorded_rows, renumbered
from .rounds import PromptGroup
from .sharing import gathered


@dataclass
class Counters:
    """What a run has come to so far; a checkpoint keeps it."""

    segments: int = 0
    generated: int = 0
    reused: int = 0
    trained: int = 0
    changes: dict[str, Any] = field(default_factory=dict)
    """Keys of the recipe that a command changed while the run went on."""

    def tokens(self) -> dict[str, float]:
        """As metrics."""
        return {
            "tokens/generated": self.generated,
            "tokens/reused": self.reused,
            "tokens/trained": self.trained,
        }


@dataclass(frozen=True)
class Capture:
    """What part of the rollouts is recorded."""

    top_k: int = 5
    below: float = 0.99
    groups_per_step: int | None = None
    """None: every prompt group."""


class Ledger:
    """One on every process; all of them finish a round together.

    Args:
        tokenizer: of the policy
        recorder: of the run directory; None on all processes but the main one
        records: whether rollouts are recorded, said alike on all processes
        capture: what part of them
    """

    def __init__(
        self, tokenizer: Any, recorder: Recorder | None, records: bool, capture: Capture
    ) -> None:
        self.counters = Counters()
        self.recorder = recorder
        self.records = records
        self.capture = capture
        self._texts = TokenTexts(tokenizer)

    def warn(self, code: str, message: str) -> None:
        """Says what a person should know, in the run's log."""
        if self.recorder is not None:
            self.recorder.say("warning", code=code, message=message)

    def groups_here(self, groups: int, processes: int) -> int:
        """How many of this process's prompts are recorded in a round of so many."""
        limit = self.capture.groups_per_step
        if not self.records:
            return 0
        return groups if limit is None else min(groups, math.ceil(limit / processes))

    def finish_round(
        self, groups: Sequence[PromptGroup], step: int, processes: int
    ) -> dict[str, float]:
        """Counts, measures and records what was generated for a step; returns its metrics."""
        began = time.perf_counter()
        facts = merged(gathered([facts_of(group) for group in groups]))
        counters, first = self.counters, self.counters.segments
        metrics = round_metrics(facts, first)
        counters.segments += sum(len(one.measured) for one in facts)
        counters.generated += sum(one.generated for one in facts)
        counters.reused += sum(one.reused for one in facts)
        if self.records:
            own = recorded_rows(
                groups[: self.groups_here(len(groups), processes)], step, self._texts
            )
            everyones = gathered([own])
            if self.recorder is not None:
                # After a crash, the ids of the steps that are repeated are taken.
                free = max(first, self.recorder.writer.next_segment_id)
                rows = renumbered(everyones, free, self.capture.groups_per_step)
                self.recorder.rollouts(step, rows)
        return {**metrics, "time/record": time.perf_counter() - began}
