"""Metrics of a round, on however many processes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import training

from adaptive_grpo.training import trainer as trainer_module
from adaptive_grpo.training.metrics import effective_sample_size
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
