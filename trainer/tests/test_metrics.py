"""Metrics of a round, on however many processes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import training

from adaptive_grpo.strategy import MeasuredSegment
from adaptive_grpo.training import trainer as trainer_module
from adaptive_grpo.training.metrics import GroupFacts, effective_sample_size, merged, round_metrics
from adaptive_grpo.training.rounds import PromptGroup


def test_importance_weights_are_summed_and_not_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round has more tokens than every process needs to be told of."""
    trainer = training.trainer(tmp_path, max_steps=1, adaptive_temperature_scale=1.5)
    sent: list[Any] = []
    found: list[tuple[Sequence[PromptGroup], float]] = []
    finish = trainer._finish_round

    def seen(groups: Sequence[PromptGroup], metrics: dict[str, float], *rest: Any) -> None:
        found.append((groups, metrics["adaptive/importance_ess"]))
        finish(groups, metrics, *rest)

    def told(values: list[Any]) -> list[Any]:
        sent.extend(values)
        return values

    monkeypatch.setattr(trainer, "_finish_round", seen)
    monkeypatch.setattr(trainer_module, "gathered", told)
    trainer.train()
    ((groups, size),) = found
    rows = [row for group in groups for row in group.rows]
    weights = np.concatenate([row.importance(2.0)[row.weight > 0] for row in rows])
    assert size == pytest.approx(weights.sum() ** 2 / (len(weights) * (weights**2).sum()))
    assert size < 0.999
    assert sent == []
    assert effective_sample_size(0, 0.0, 0.0) == 1


def tree(prompt_id: str, *branches: bool) -> GroupFacts:
    """A root that was cut, and how each of its resamples came out."""
    cut = MeasuredSegment(
        segment=0,
        parent=None,
        fork_at=0,
        length=9,
        status="truncated",
        reward=None,
        attempt=0,
        failure_point=5,
        right=None,
        value=None,
    )
    measured = [cut] + [
        MeasuredSegment(
            segment=attempt,
            parent=0,
            fork_at=5,
            length=4,
            status="complete",
            reward=float(right),
            attempt=attempt,
            failure_point=None,
            right=right,
            value=float(right),
        )
        for attempt, right in enumerate(branches, 1)
    ]
    ends = [9] * len(branches)
    rewards = {"accuracy": [one.reward for one in measured]}
    return GroupFacts(prompt_id, measured, rewards, ends, ends, 17, 10, None, None)


def test_trees_of_one_prompt_on_two_processes_stay_apart() -> None:
    """Both have a segment 0: what was tried below one is no rescue of the other."""
    lost, won = tree("a", False, False), tree("a", True, True)
    (both,) = merged([lost, won])
    numbers = [(one.segment, one.parent) for one in both.measured]
    assert numbers == [(0, None), (1, 0), (2, 0), (3, None), (4, 3), (5, 3)]
    metrics = round_metrics([both], 0)
    assert metrics["adaptive/rescue_rate"] == 0
    assert metrics["adaptive/sibling_reward_std"] == 0
    assert metrics["reward"] == metrics["rewards/accuracy"] == 0.5
    (three,) = merged([lost, won, won])
    assert len({one.segment for one in three.measured}) == 9
    assert len(merged([lost, tree("b", True, True)])) == 2
