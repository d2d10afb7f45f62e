"""A plain TRL run that is only watched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import training
from conftest import Extension
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig, GRPOTrainer

from adaptive_grpo import RolloutStreamCallback
from adaptive_grpo.run import DiskError


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
