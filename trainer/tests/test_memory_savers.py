"""What saves memory changes nothing else: activations computed again, half precision."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
import training


def logged(directory: Path, **keys: Any) -> list[dict[str, float]]:
    trainer = training.trainer(directory, **keys)
    trainer.train()
    return [line for line in trainer.state.log_history if "grad_norm" in line]


def test_activations_that_are_computed_again_change_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Sampling keeps its cache, although a model that computes them again gives up its own."""
    lines = [
        logged(tmp_path / str(again), gradient_checkpointing=again, temperature=1.1)
        for again in (False, True)
    ]
    for without, with_ in zip(*lines, strict=True):
        for name, value in without.items():
            if not name.startswith(("time/", "step_time", "epoch")):
                assert with_[name] == pytest.approx(value, rel=1e-4, abs=1e-6), name
    assert "use_cache" not in caplog.text


@pytest.mark.parametrize("weights", [torch.float32, torch.bfloat16])
def test_half_precision_trains(tmp_path: Path, weights: torch.dtype) -> None:
    """With float32 weights by autocast, and with weights of half precision."""
    trainer = training.trainer(tmp_path, bf16=True, beta=0.02, learning_rate=1e-3)
    trainer.model.to(weights)
    trainer.train()
    lines = [line for line in trainer.state.log_history if "grad_norm" in line]
    assert len(lines) == 2
    for line in lines:
        assert math.isfinite(line["loss"])
        assert 0 < line["grad_norm"] < 100
        assert line["tokens/reused"] > 0
        # The sampler's probabilities and the loss's are of the same policy.
        assert line["adaptive/importance_ess"] > 0.3
    assert next(trainer.model.parameters()).dtype is weights
