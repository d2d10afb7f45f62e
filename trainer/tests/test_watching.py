"""A plain TRL run that is only watched."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import training
from conftest import Extension
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig, GRPOTrainer

from adaptive_grpo import RolloutStreamCallback
from adaptive_grpo.run import DiskError
from adaptive_grpo.strategy import SegmentRequest
from adaptive_grpo.training.observe import observe


def plain_trainer(directory: Path) -> GRPOTrainer:
    ours = training.config(directory, use_token_adaptive=False, reward_weights=[1.0, 0.1])
    known = {name: getattr(ours, name) for name in ("seed", "max_steps", "learning_rate", "bf16")}
    args = GRPOConfig(
        output_dir=str(directory),
        per_device_train_batch_size=16,
        num_generations=8,
        max_completion_length=64,
        use_cpu=True,
        gradient_checkpointing=False,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
        logging_steps=1,
        reward_weights=[1.0, 0.1],
        **known,
    )
    return GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(training.BASE),
        processing_class=AutoTokenizer.from_pretrained(training.BASE),
        reward_funcs=[training.accuracy, training.length],
        args=args,
        train_dataset=Dataset.from_list(training.problems()),
    )


def logged(trainer: GRPOTrainer) -> list[dict[str, Any]]:
    return [line for line in trainer.state.log_history if "grad_norm" in line]


def test_one_line_records_any_run_and_changes_nothing(tmp_path: Path, extension: Extension) -> None:
    alone = plain_trainer(tmp_path / "alone")
    alone.train()
    watched = plain_trainer(tmp_path / "watched")
    watched.add_callback(RolloutStreamCallback(watched, tmp_path / "run", serve=True))
    during = json.loads((tmp_path / "run" / "run.json").read_text("utf8"))
    assert during["endpoint"]["url"].startswith("http://127.0.0.1:")
    watched.train()
    for ours, theirs in zip(logged(watched), logged(alone), strict=True):
        for name in ("loss", "grad_norm", "reward", "entropy", "completions/mean_length"):
            assert ours[name] == theirs[name], name

    found = extension.read(tmp_path / "run")
    assert found["problems"] == []
    assert found["manifest"]["state"] == "finished"
    assert found["manifest"]["endpoint"] is None
    assert len(found["segments"]) == 32
    last = found["steps"][-1]["metrics"]
    assert last["tokens/generated"] == sum(len(s["tokens"]["token_ids"]) for s in found["segments"])
    assert last["tokens/trained"] == last["tokens/generated"]
    assert last["adaptive/truncation_rate"] == 0
    assert last["rewards/accuracy"] == pytest.approx(logged(alone)[-1]["rewards/accuracy/mean"])


def test_a_directory_that_holds_a_run_is_refused(tmp_path: Path) -> None:
    trainer = plain_trainer(tmp_path)
    RolloutStreamCallback(trainer, tmp_path / "run")
    with pytest.raises(DiskError, match="is there already"):
        RolloutStreamCallback(trainer, tmp_path / "run")


def test_tokens_are_read_again_without_dropout() -> None:
    class Noisy(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.dropout = torch.nn.Embedding(9, 9), torch.nn.Dropout(0.5)

        def forward(self, input_ids: torch.Tensor, **_: Any) -> Any:
            return SimpleNamespace(logits=self.dropout(self.embedding(input_ids)))

    model = Noisy().train()
    request = SegmentRequest(
        tree=0, segment=0, parent=None, fork_at=0, attempt=0, temperature=1.0, watch_from=None
    )
    known = {"end_tokens": frozenset([0]), "capture_top_k": 2, "capture_below": 1.0}
    (segment,) = observe(model, [[1, 2]], [[3, 4, 0]], [request], rows_at_once=1, **known)
    read = model.embedding(torch.tensor([2, 3, 4])).log_softmax(-1)
    np.testing.assert_allclose(
        segment.logprob, read[range(3), [3, 4, 0]].detach().numpy(), rtol=1e-5
    )
    assert model.training
